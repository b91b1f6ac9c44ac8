"""The model that is fine-tuned, looked up before anything is loaded."""

from __future__ import annotations

from typing import Any

from engine.models.library import ModelFiles, find_model
from engine.training.errors import TrainingError
from engine.workspace import Workspace
from engine.workspace.tables import Model


def find_base(workspace: Workspace, name: str) -> ModelFiles:
    """The base or merge called ``name``.

    Raises:
        TrainingError: It is an adapter.
        NameUnknownError: There is none.
        ModelError: Its files are gone.
    """
    base = find_model(workspace, name)
    if base.kind == "adapter":
        raise TrainingError(
            "training.base_is_adapter",
            "'{name}' is an adapter, and only a base or a merge can be fine-tuned.",
            fix="Merge the adapter into its base first.",
            name=name,
        )
    return base


def published_name(workspace: Workspace, base: ModelFiles) -> str:
    """What an adapter calls its base: its id on the Hub where it came from there, else its folder.

    The first means the same on every machine.
    """
    with workspace.catalogue.reading() as session:
        row = session.get(Model, base.id)
        origin: dict[str, Any] = (row.recipe or {}).get("origin", {}) if row is not None else {}
    return str(origin["where"]) if origin.get("source") == "hub" else str(base.folder)
