"""What can be fine-tuned, and what the fine-tune calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.models.inspect import inspect_folder
from engine.training.base import find_base, published_name
from engine.workspace import Workspace
from engine.workspace.tables import Model
from tests.tiny import tiny_model


@pytest.mark.parametrize("source", ["hub", "folder", None])
def test_an_adapter_names_a_base_of_the_hub_by_its_id(
    workspace: Workspace, tmp_path: Path, source: str | None
) -> None:
    folder = tiny_model(tmp_path / "base")
    recipe: dict[str, Any] = {"origin": {"source": source, "where": "owner/name"}} if source else {}
    with workspace.catalogue.writing() as session:
        session.add(
            Model(
                id="1",
                name="base",
                kind="base",
                folder=str(folder),
                weights_sha256="0",
                info=inspect_folder(folder).model_dump(),
                recipe=recipe,
            )
        )
    named = published_name(workspace, find_base(workspace, "base"))
    assert named == ("owner/name" if source == "hub" else str(folder))
