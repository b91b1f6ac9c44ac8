"""What stands against starting a study, before anything is saved or trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.inference.paid import UnpaidError
from engine.studies.errors import StudyError
from engine.studies.reading import check_study
from engine.studies.spec import StudySpec
from engine.studies.starting import require_startable
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.engine.studies.test_extending import add_dataset
from tests.engine.studies.test_quick import add_base


def spec_of(folder: Path, source: str | None = None, **more: object) -> StudySpec:
    values = {
        "name": "s",
        "bases": [{"name": "a", "source": source}],
        "tasks": [{"dataset": "t"}],
        "merging": None,
        **more,
    }
    return StudySpec(study=check_study(values), folder=str(folder))


@pytest.mark.parametrize("source", ["./nowhere", "../nowhere", "/nowhere/at all", "~/nowhere-at-all"])
def test_a_base_whose_folder_is_not_there_is_refused(
    workspace: Workspace, tmp_path: Path, source: str, cli_here: Cli
) -> None:
    add_dataset(workspace, "t")
    with pytest.raises(StudyError) as caught:
        require_startable(spec_of(tmp_path, source), workspace)
    assert caught.value.code == "study.no_source"
    file = tmp_path / "s.yml"
    file.write_text(
        f"name: s\nbases: [{{name: a, source: '{source}'}}]\ntasks: [{{dataset: t}}]\nmerging: null\n"
    )
    for dry in ((), ("--dry-run",)):
        refused = cli_here("study", "run", file, "--json", *dry)
        assert (refused.status, refused.json["error"]["code"]) == (1, "study.no_source")
    assert list(workspace.jobs.iterdir()) == []


def test_a_folder_beside_the_file_a_hub_id_and_what_is_there_are_not(
    workspace: Workspace, tmp_path: Path
) -> None:
    add_dataset(workspace, "t")
    (tmp_path / "here").mkdir()
    require_startable(spec_of(tmp_path, "./here"), workspace)
    require_startable(spec_of(tmp_path, "owner/name"), workspace)
    add_base(workspace, "a", 2)
    require_startable(spec_of(tmp_path, "/nowhere"), workspace)


def test_the_judge_that_was_asked_for_is_named_before_the_references(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_dataset(workspace, "t")
    add_base(workspace, "a", 2)
    judging = {"judging": {"judge": "openai:gpt-4o"}, "references": ["openai:gpt-4"]}
    with pytest.raises(UnpaidError, match="openai:gpt-4o costs money"):
        require_startable(spec_of(tmp_path, **judging), workspace)
