"""What is settled before an export begins: what the file will hold, and that its place is free."""

from __future__ import annotations

from pathlib import Path

from engine.errors import BakeoffError
from engine.exporting.errors import ExportError
from engine.exporting.plan import GgufPlan
from engine.exporting.quantisations import quantisation, wants_importance
from engine.exporting.sources import plan_of
from engine.exporting.spec import ExportSpec, Form
from engine.models.library import ModelFiles


def planned(spec: ExportSpec, files: ModelFiles) -> GgufPlan:
    """The plan of a GGUF file.

    Raises:
        ExportError: It cannot be written like this.
        WeightsError: The tensors cannot be read.
    """
    wanted = quantisation(spec.quantisation)
    # Which weights matter is measured by the job; until then any of them may.
    known = _Everything() if spec.importance or wants_importance(wanted) else None
    return plan_of(files, wanted, importance=known)


def place_of(out: str, form: Form, name: str, kind: str) -> Path:
    """Where an export goes.

    Args:
        out: A file, or a folder for it.
        form: Of the export.
        name: What it is called in a folder: of the model.
        kind: And how it is quantised.

    Raises:
        BakeoffError: There is no such folder.
    """
    place = Path(out).expanduser().absolute()
    if form == "gguf" and place.is_dir():
        place = place / f"{name}-{kind}.gguf"
    if form == "gguf" and not place.parent.is_dir():
        raise BakeoffError(
            "export.no_folder",
            "There is no folder {file}.",
            fix="Make it first, or name another.",
            file=str(place.parent),
        )
    return place


def require_new(place: Path, *, force: bool = False) -> None:
    """Refuse to write over what is there.

    Args:
        place: Of the export.
        force: A file may be replaced.

    Raises:
        BakeoffError: Something is there.
    """
    if place.exists() and not (force and place.is_file()):
        raise BakeoffError(
            "export.exists",
            "{file} already exists.",
            fix="Choose another name, or replace a file with --force.",
            file=str(place),
        )


def require_adapter(files: ModelFiles) -> Path:
    """The folder of an adapter.

    Raises:
        ExportError: It is a whole model.
    """
    if files.adapter_folder is None:
        raise ExportError(
            "export.no_adapter",
            "'{name}' is no adapter but a whole model.",
            fix="Export it with --as merged or --as gguf.",
            name=files.name,
        )
    return files.adapter_folder


class _Everything:
    """Holds every name."""

    def __contains__(self, _name: object) -> bool:
        return True
