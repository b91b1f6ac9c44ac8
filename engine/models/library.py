"""The models of a workspace: from a name to files, and the lineage behind them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select

from engine.files import sha256_file
from engine.models.errors import ModelError
from engine.models.inspect import ModelInfo
from engine.workspace import Workspace
from engine.workspace.naming import model_named
from engine.workspace.tables import Export, Model, Parentage


@dataclass(frozen=True)
class ModelFiles:
    """A model and where its parts lie.

    Attributes:
        folder: The adapter's folder for an adapter, else the weights' folder.
        base_folder: The folder of full weights (of the adapter's base, for an adapter).
        weights_sha256: Hash of ``folder``'s weights.
        base_sha256: Hash of ``base_folder``'s weights.
    """

    id: str
    name: str
    kind: Literal["base", "adapter", "merge"]
    folder: Path
    base_folder: Path
    base_name: str
    base_id: str
    weights_sha256: str
    base_sha256: str
    info: ModelInfo

    @property
    def adapter_folder(self) -> Path | None:
        """The adapter to put on the base; None for full weights."""
        return self.folder if self.kind == "adapter" else None

    @property
    def identity(self) -> str:
        """Hash of everything that answers: base and adapter."""
        return self.weights_sha256 if self.kind != "adapter" else f"{self.base_sha256}+{self.weights_sha256}"


def find_model(workspace: Workspace, name: str) -> ModelFiles:
    """The files of the model called ``name``.

    Raises:
        NameUnknownError: There is none.
        ModelError: Its files, or its base, are gone.
    """
    with workspace.catalogue.reading() as session:
        row = model_named(session, name)
        base = row
        if row.kind == "adapter":
            parent = session.scalars(
                select(Parentage).where(Parentage.child_id == row.id).order_by(Parentage.position)
            ).first()
            found = session.get(Model, parent.parent_id) if parent and parent.parent_id else None
            if found is None:
                raise ModelError(
                    "model.base_gone",
                    "The base '{base}' of the adapter '{name}' is no longer in the workspace.",
                    fix="Add it again with: bakeoff model add",
                    name=name,
                    base=parent.parent_name if parent else "unknown",
                )
            base = found
        folder, base_folder = workspace.absolute(row.folder), workspace.absolute(base.folder)
    for path in (folder, base_folder):
        if not path.is_dir():
            raise ModelError(
                "model.folder_gone",
                "The folder {file} of the model '{name}' is not there any more.",
                fix="Put it back, or remove the model and add it again.",
                name=name,
                file=str(path),
            )
    return ModelFiles(
        id=row.id,
        name=row.name,
        kind=_kind(row.kind),
        folder=folder,
        base_folder=base_folder,
        base_name=base.name,
        base_id=base.id,
        weights_sha256=row.weights_sha256,
        base_sha256=base.weights_sha256,
        info=ModelInfo.model_validate(base.info),
    )


@dataclass(frozen=True)
class ExportedFile:
    """A GGUF file that was made of a model.

    Attributes:
        sha256: Of the file.
        info: Size, types, what was checked.
    """

    file: Path
    quantisation: str
    sha256: str
    info: dict[str, Any]


def find_export(
    workspace: Workspace, files: ModelFiles, quantisation: str | None = None
) -> ExportedFile | None:
    """The newest GGUF file of just these weights that is still there, if any is.

    Args:
        workspace: Where the model is.
        files: The model.
        quantisation: None: any.
    """
    query = select(Export).where(Export.model_id == files.id, Export.made_of == files.identity)
    if quantisation is not None:
        query = query.where(Export.quantisation == quantisation)
    with workspace.catalogue.reading() as session:
        rows = session.scalars(query.order_by(Export.created_at.desc())).all()
    return _first_whole(workspace, rows)


def export_with(workspace: Workspace, files: ModelFiles, sha256: str) -> ExportedFile | None:
    """The GGUF file of a model with this hash, if it is still there."""
    query = select(Export).where(Export.model_id == files.id, Export.sha256 == sha256)
    with workspace.catalogue.reading() as session:
        rows = session.scalars(query).all()
    return _first_whole(workspace, rows)


def _first_whole(workspace: Workspace, rows: Sequence[Export]) -> ExportedFile | None:
    """The first whose file is there as it was written: of its size and date, or at least of its hash."""
    for row in rows:
        file = workspace.absolute(row.file)
        try:
            found = file.stat()
        except OSError:
            continue
        if found.st_size != row.info.get("bytes"):
            continue
        if found.st_mtime_ns == row.info.get("written_ns") or sha256_file(file) == row.sha256:
            return ExportedFile(file, row.quantisation, row.sha256, row.info)
    return None


def drop_exports(workspace: Workspace, job_id: str) -> None:
    """Remove the GGUF files that a job put into the workspace; they can be made again, byte for byte."""
    folder = workspace.exports / job_id
    with workspace.catalogue.writing() as session:
        rows = session.scalars(select(Export).where(Export.file.startswith(workspace.relative(folder) + "/")))
        for row in rows:
            session.delete(row)
    shutil.rmtree(folder, ignore_errors=True)


#: Name of the workspace's setting that holds the id of its default base.
_DEFAULT_BASE = "default_base"


def default_base(workspace: Workspace) -> str | None:
    """The name of the model that is trained where no base is named; None where there is none, or no longer."""
    number = workspace.setting(_DEFAULT_BASE)
    if not isinstance(number, str):
        return None
    with workspace.catalogue.reading() as session:
        row = session.get(Model, number)
        return row.name if row is not None else None


def require_default_base(files: ModelFiles) -> None:
    """Refuse a model that nothing can be trained from.

    Raises:
        ModelError: It is an adapter.
    """
    if files.kind == "adapter":
        raise ModelError(
            "model.no_base",
            "'{name}' is an adapter, and only a base or a merge can be what others are trained from.",
            fix="Export it with --as merged, add that folder as a model, and take this one.",
            name=files.name,
        )


def set_default_base(workspace: Workspace, files: ModelFiles) -> None:
    """Make a base or a merge what is trained where no base is named; it stays so when it is renamed.

    Raises:
        ModelError: It is an adapter.
    """
    require_default_base(files)
    workspace.change_setting(_DEFAULT_BASE, files.id)


def lineage(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    """Ancestors of a model, nearest first: name, kind, hash and depth of each."""
    found: list[dict[str, Any]] = []
    with workspace.catalogue.reading() as session:
        queue = [(model_named(session, name), 0)]
        seen: set[str] = set()
        while queue:
            row, depth = queue.pop(0)
            for parent in session.scalars(
                select(Parentage).where(Parentage.child_id == row.id).order_by(Parentage.position)
            ):
                known = session.get(Model, parent.parent_id) if parent.parent_id else None
                found.append(
                    {
                        "name": known.name if known else parent.parent_name,
                        "kind": known.kind if known else "unknown",
                        "sha256": parent.parent_sha256,
                        "depth": depth + 1,
                        "of": row.name,
                    }
                )
                if known is not None and known.id not in seen:
                    seen.add(known.id)
                    queue.append((known, depth + 1))
    return found


def _kind(text: str) -> Literal["base", "adapter", "merge"]:
    return "adapter" if text == "adapter" else "merge" if text == "merge" else "base"
