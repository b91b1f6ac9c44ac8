"""Renaming and removing models. What is removed lies in the workspace's trash until that is emptied."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.files import folder_bytes, write_json
from engine.jobs.inputs import require_unread
from engine.models.errors import ModelError, ModelNeededError
from engine.workspace import Workspace
from engine.workspace.naming import model_named, require_free
from engine.workspace.tables import Export, Model, Parentage
from engine.workspace.trash import RECORD, new_place, removed_records


@dataclass(frozen=True)
class Removed:
    """A model in the trash.

    Attributes:
        name: That it had.
        folder: Where it lies in the trash.
        bytes: That emptying the trash will free.
    """

    name: str
    folder: Path
    bytes: int


def rename_model(workspace: Workspace, name: str, new: str) -> None:
    """Call a model something else.

    Raises:
        NameUnknownError: There is none of this name.
        NameTakenError: The new one is in use, or can be no name.
        InUseError: A job that is not over knows it by the old one.
    """
    with workspace.catalogue.writing() as session:
        row = model_named(session, name)
        require_unread(workspace, "model", name, made_by=row.id, act="rename")
        require_free(session, Model, new)
        row.name = new


def remove_model(workspace: Workspace, name: str) -> Removed:
    """Take a model and its GGUF files out of the workspace and into its trash; files of others stay where they are.

    Raises:
        NameUnknownError: There is none of this name.
        ModelNeededError: Adapters need it.
        InUseError: A job that is not over reads it.
    """
    with workspace.catalogue.writing() as session:
        row = model_named(session, name)
        require_unread(workspace, "model", name, made_by=row.id, act="remove")
        _require_unused(session, row)
        exports = session.scalars(select(Export).where(Export.model_id == row.id)).all()
        children = session.scalars(select(Parentage).where(Parentage.parent_id == row.id)).all()
        places = [workspace.absolute(row.folder)]
        places += [workspace.absolute(export.file).parent for export in exports]
        owned = [
            place
            for place in dict.fromkeys(places)
            if place.parent in (workspace.models, workspace.exports) and place.exists()
        ]
        folder = new_place(workspace, row.id)
        record = {
            "model": _columns(row),
            "parents": [_columns(parent) for parent in row.parents],
            "children": [[child.child_id, child.position] for child in children],
            "exports": [_columns(export) for export in exports],
            "places": [workspace.relative(place) for place in owned],
        }
        folder.mkdir(parents=True)
        write_json(folder / RECORD, json.loads(json.dumps(record, default=str)))
        session.delete(row)
    size = 0
    for number, place in enumerate(owned):
        size += folder_bytes(place)
        place.rename(folder / str(number))
    return Removed(name, folder, size)


def restore_model(workspace: Workspace, removed: Removed) -> None:
    """Bring a model back from the trash.

    Raises:
        NameTakenError: Its name is another one's by now.
        ModelError: It is no longer in the trash.
    """
    file = removed.folder / RECORD
    if not file.is_file():
        raise ModelError(
            "model.not_in_trash",
            "'{name}' is no longer in the trash.",
            fix="Add it again.",
            name=removed.name,
        )
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    with workspace.catalogue.writing() as session:
        require_free(session, Model, record["model"]["name"])
        session.add(Model(**_without_times(record["model"])))
        session.flush()
        for table, rows in ((Parentage, record["parents"]), (Export, record["exports"])):
            session.add_all(table(**_without_times(row)) for row in rows)
        for child, position in record["children"]:
            edge = session.get(Parentage, (child, position))
            if edge is not None:
                edge.parent_id = record["model"]["id"]
        for number, place in enumerate(record["places"]):
            (removed.folder / str(number)).rename(workspace.absolute(place))
    shutil.rmtree(removed.folder)


def removed_models(workspace: Workspace) -> list[Removed]:
    """The models in the trash, the last removed first."""
    found = []
    for folder, record in removed_records(workspace):
        if "model" in record:
            found.append(Removed(str(record["model"]["name"]), folder, folder_bytes(folder)))
    return found


def _require_unused(session: Session, row: Model) -> None:
    adapters = session.scalars(
        select(Model.name)
        .join(Parentage, Parentage.child_id == Model.id)
        .where(Parentage.parent_id == row.id, Model.kind == "adapter")
    ).all()
    if adapters:
        raise ModelNeededError(
            "model.in_use",
            "'{name}' cannot be removed: {count} adapters need it ({adapters}).",
            fix="Remove these first.",
            name=row.name,
            count=len(adapters),
            adapters=", ".join(adapters[:5]),
        )


def _columns(row: Model | Parentage | Export) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def _without_times(row: dict[str, Any]) -> dict[str, Any]:
    """A recorded row without the moment of its making, which becomes the moment of its return."""
    return {key: value for key, value in row.items() if key != "created_at"}
