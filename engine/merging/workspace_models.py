"""Lets recipes name models of a workspace. Loads no torch."""

from __future__ import annotations

from pathlib import Path

from engine.merging.references import Resolve
from engine.models.library import find_model
from engine.workspace import Workspace
from engine.workspace.naming import NameUnknownError


def workspace_resolver(workspace: Workspace, folder: Path | None = None) -> Resolve:
    """Find models by their names in ``workspace``; an adapter comes with its base.

    Args:
        workspace: Where names are looked up.
        folder: What is no name may be a path relative to this folder.
    """

    def resolve(name: str) -> Path | tuple[Path, Path] | None:
        try:
            model = find_model(workspace, name)
        except NameUnknownError:
            beside = None if folder is None else folder / name
            return beside if beside is not None and beside.is_dir() else None
        adapter = model.adapter_folder
        return model.folder if adapter is None else (model.base_folder, adapter)

    return resolve
