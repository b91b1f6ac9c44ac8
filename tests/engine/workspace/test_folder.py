"""The workspace folder: making, opening, refusing, moving."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.workspace import Workspace, open_workspace
from engine.workspace.adoption import Adoption, NewModel, adopt
from engine.workspace.folder import PROTOCOL, WorkspaceError, default_folder
from engine.workspace.tables import Model


def test_a_new_folder_becomes_a_workspace_and_opens_again(tmp_path: Path) -> None:
    made = open_workspace(tmp_path / "deep" / "wörkspace")
    assert open_workspace(made.root) == made
    assert made.root.is_absolute()
    for folder in (made.datasets, made.models, made.outputs, made.jobs, made.reports):
        assert folder.is_dir()


def test_settings_are_kept(workspace: Workspace) -> None:
    assert workspace.setting("default_base", "none") == "none"
    workspace.change_setting("default_base", "smollm2")
    workspace.change_setting("theme", "dark")
    assert open_workspace(workspace.root).setting("default_base") == "smollm2"
    assert open_workspace(workspace.root).setting("theme") == "dark"


def test_settings_that_are_changed_at_the_same_time_are_all_kept(workspace: Workspace) -> None:
    names = [f"setting-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: workspace.change_setting(name, name), names))
    assert {name: workspace.setting(name) for name in names} == {name: name for name in names}


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("mine")
    with pytest.raises(WorkspaceError) as refused:
        open_workspace(tmp_path)
    assert refused.value.code == "workspace.occupied"
    assert "thesis.odt" in refused.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(WorkspaceError) as refused:
        open_workspace(file)
    assert refused.value.code == "workspace.unusable"
    assert str(file) in refused.value.message
    assert refused.value.fix


def test_a_damaged_marker_is_told(workspace: Workspace) -> None:
    (workspace.root / "workspace.json").write_text('{"proto')
    with pytest.raises(WorkspaceError) as refused:
        open_workspace(workspace.root)
    assert refused.value.code == "workspace.unusable"


def test_a_workspace_of_a_newer_bakeoff_is_refused_in_words(workspace: Workspace) -> None:
    marker = workspace.root / "workspace.json"
    marker.write_text(json.dumps({"protocol": PROTOCOL + 1}))
    with pytest.raises(WorkspaceError) as refused:
        open_workspace(workspace.root)
    assert refused.value.code == "workspace.newer"
    assert "newer" in refused.value.message


@pytest.mark.parametrize("content", ["[]", "{", "3", '{"protocol": "x"}', "{}"])
def test_a_damaged_marker_is_told_with_the_folders_name(workspace: Workspace, content: str) -> None:
    (workspace.root / "workspace.json").write_text(content)
    with pytest.raises(WorkspaceError) as refused:
        open_workspace(workspace.root)
    assert refused.value.code == "workspace.unusable"
    assert str(workspace.root) in refused.value.message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(WorkspaceError) as refused:
        open_workspace(closed / "workspace")
    assert refused.value.code == "workspace.unusable"


def test_the_environment_names_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BAKEOFF_WORKSPACE", str(tmp_path / "named"))
    assert default_folder() == tmp_path / "named"
    monkeypatch.delenv("BAKEOFF_WORKSPACE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_folder().name == "workspace"


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_workspace_that_is_moved_or_copied_still_works(tmp_path: Path, how: str) -> None:
    first = open_workspace(tmp_path / "first")
    weights = first.models / "job-1" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    model = NewModel(
        id="job-1",
        name="mine",
        kind="base",
        folder=first.relative(weights.parent),
        weights_sha256="00",
    )
    adopt(
        first.catalogue,
        job_id="job-1",
        kind="model_add",
        title="Add mine",
        study=None,
        summary={},
        what=Adoption(models=[model]),
    )
    first.catalogue.close()
    if how == "moved":
        shutil.move(first.root, tmp_path / "second")
    else:
        shutil.copytree(first.root, tmp_path / "second")
        shutil.rmtree(first.root)

    second = open_workspace(tmp_path / "second")
    with second.catalogue.reading() as session:
        row = session.scalars(select(Model)).one()
    found = second.absolute(row.folder) / "model.safetensors"
    assert found.read_bytes() == b"weights"
    assert found.is_relative_to(tmp_path / "second")
    second.catalogue.close()


def test_what_lies_outside_is_named_by_its_whole_path(workspace: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere"
    assert workspace.relative(outside) == str(outside)
    assert workspace.absolute(workspace.relative(outside)) == outside
    assert workspace.relative(workspace.models / "a") == "models/a"
