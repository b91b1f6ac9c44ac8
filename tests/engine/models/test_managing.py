"""Models are renamed, removed into the trash, and come back whole."""

from __future__ import annotations

from pathlib import Path
from time import time

import pytest

from engine.exporting.spec import ExportSpec
from engine.models.errors import ModelError, ModelNeededError
from engine.models.library import find_export, find_model, lineage
from engine.models.managing import remove_model, removed_models, rename_model, restore_model
from engine.workspace import Workspace
from engine.workspace.naming import NameTakenError, NameUnknownError, model_named
from engine.workspace.tables import Model, Parentage
from engine.workspace.trash import empty_trash, removed_at, trash_bytes
from tests.here import add_model, do
from tests.tiny_families import exportable_model


@pytest.fixture
def base(workspace: Workspace, tmp_path: Path) -> Workspace:
    add_model(workspace, exportable_model(tmp_path / "base"), "base")
    do(workspace, "export", ExportSpec(model="base", quantisation="q8_0"))
    return workspace


def test_a_removed_model_comes_back_with_its_files(base: Workspace) -> None:
    before = find_model(base, "base")
    removed = remove_model(base, "base")
    with pytest.raises(NameUnknownError):
        find_model(base, "base")
    assert removed.bytes > 0
    assert trash_bytes(base) >= removed.bytes
    (listed,) = removed_models(base)
    assert (listed.name, listed.folder) == ("base", removed.folder)
    assert listed.bytes >= removed.bytes
    assert abs(removed_at(listed.folder) - time()) < 600
    restore_model(base, removed)
    assert find_model(base, "base") == before
    assert lineage(base, "base") == []
    export = find_export(base, before, "q8_0")
    assert export is not None
    assert export.file.is_file()
    assert trash_bytes(base) == 0
    assert removed_models(base) == []


def test_its_name_may_be_taken_meanwhile_and_the_trash_emptied(base: Workspace, tmp_path: Path) -> None:
    removed = remove_model(base, "base")
    add_model(base, exportable_model(tmp_path / "other", seed=1), "base")
    with pytest.raises(NameTakenError):
        restore_model(base, removed)
    assert empty_trash(base) >= removed.bytes
    with pytest.raises(ModelError, match="no longer in the trash"):
        restore_model(base, removed)


def test_a_name_in_use_is_not_given_twice(base: Workspace) -> None:
    rename_model(base, "base", "first")
    assert find_model(base, "first").name == "first"
    with pytest.raises(NameTakenError):
        rename_model(base, "first", "a/b")
    with pytest.raises(NameUnknownError):
        rename_model(base, "base", "x")


def test_a_base_that_adapters_need_stays(base: Workspace) -> None:
    with base.catalogue.writing() as rows:
        parent = model_named(rows, "base")
        rows.add(
            Model(id="a", name="tuned", kind="adapter", folder="a", weights_sha256="a", info={}, recipe={})
        )
        rows.flush()
        rows.add(
            Parentage(
                child_id="a",
                position=0,
                parent_id=parent.id,
                parent_name="base",
                parent_sha256=parent.weights_sha256,
            )
        )
    with pytest.raises(ModelNeededError, match="1 adapters need it \\(tuned\\)") as caught:
        remove_model(base, "base")
    assert caught.value.title == "The model cannot be removed"
    assert removed_models(base) == []
