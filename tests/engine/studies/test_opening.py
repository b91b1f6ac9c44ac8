"""The sealed task that waits for somebody: closed until all else is done, opened once, and told as seen then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import BakeoffError
from engine.jobs.client import JobClient
from engine.jobs.directory import all_jobs
from engine.studies.opening import choose_opening, open_by_hand
from engine.studies.picture import study_picture
from engine.studies.plan import plan_study
from engine.studies.spec import StudySpec
from engine.workspace import Workspace
from engine.workspace.tables import Study as StudyRow
from tests.conftest import Cli
from tests.engine.studies.hand_made import normal
from tests.engine.studies.test_extending import add_dataset
from tests.engine.studies.test_loop import write_study
from tests.engine.studies.test_picture import save
from tests.engine.studies.test_quick import add_base


def ready(workspace: Workspace) -> None:
    """Everything that the study of `save` names is there."""
    for name in ("one", "two"):
        add_base(workspace, name, 2)
    for name in ("intents", "fields", "lost"):
        add_dataset(workspace, name, sealed=True)  # so that nothing is read to plan it


def finish(workspace: Workspace, **changes: Any) -> None:
    """Let the study have its result."""
    result = normal().model_copy(update={"validation": None, "still_sealed": "lost", **changes})
    with workspace.catalogue.writing() as rows:
        rows.get_one(StudyRow, "town desk").result = result.model_dump(mode="json")


def definition(workspace: Workspace) -> StudySpec:
    with workspace.catalogue.reading() as rows:
        return StudySpec.model_validate(rows.get_one(StudyRow, "town desk").definition)


def refused(workspace: Workspace, name: str = "town desk") -> str:
    before = len(list(workspace.jobs.iterdir()))
    with pytest.raises(BakeoffError) as failed:
        open_by_hand(workspace, JobClient(workspace), name)
    assert failed.value.fix
    assert len(list(workspace.jobs.iterdir())) == before
    return failed.value.code


def test_it_is_closed_until_everything_else_is_done(workspace: Workspace) -> None:
    ready(workspace)
    assert refused(workspace, "nothing") == "study.unknown"
    save(workspace, opening="by_hand").change(state="paused")
    assert refused(workspace) == "study.too_early"
    picture = study_picture(workspace, "town desk")
    assert (picture.by_hand, picture.can_open) == (True, "")
    # The study itself does not plan to look at it either.
    study = definition(workspace).study
    assert not any(job.phase == "validate" for job in plan_study(study, workspace).jobs)


def test_it_is_opened_once(workspace: Workspace) -> None:
    ready(workspace)
    first = save(workspace, opening="by_hand")
    first.change(state="done")
    finish(workspace)
    assert study_picture(workspace, "town desk").can_open == "lost"
    job = open_by_hand(workspace, JobClient(workspace), "town desk")
    assert job.id != first.id
    study = definition(workspace).study
    assert study.opening == "at_end"
    validating = [one.title for one in plan_study(study, workspace).jobs if one.phase == "validate"]
    assert any("lost" in title for title in validating)
    # While it is validated, nobody opens it a second time; and never afterwards.
    assert refused(workspace) == "study.too_early"
    finish(workspace, validation=normal().validation, still_sealed="")
    assert refused(workspace) == "study.opened"


def test_without_a_sealed_task_there_is_nothing_to_open(workspace: Workspace) -> None:
    save(workspace, tasks=[{"dataset": "intents"}, {"dataset": "fields"}])
    finish(workspace)
    assert refused(workspace) == "study.no_sealed"


def test_who_opens_it_is_chosen_while_the_study_is_not_finished(workspace: Workspace) -> None:
    ready(workspace)
    client = JobClient(workspace)
    first = save(workspace)
    first.change(state="paused")
    second = choose_opening(workspace, client, "town desk", by_hand=True)
    assert second.id != first.id
    assert study_picture(workspace, "town desk").by_hand
    second.change(state="paused")
    choose_opening(workspace, client, "town desk", by_hand=False)
    assert not study_picture(workspace, "town desk").by_hand
    finish(workspace)
    with pytest.raises(BakeoffError) as failed:
        choose_opening(workspace, client, "town desk", by_hand=True)
    assert failed.value.code == "study.finished"


@pytest.mark.timeout(600)
def test_a_real_study_leaves_it_closed_and_validates_once_it_is_opened(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    limits = {"train": 8, "dev": 2, "test": 4}
    tasks = [
        {"dataset": name, "sealed": name == "sealed", "metric": "label", "limits": limits,
         "source": {"files": [{"path": f"{name}.jsonl"}]}}
        for name in ("colours", "sealed")
    ]  # fmt: skip
    file = write_study(tmp_path, opening="by_hand", merging=None, references=[], tasks=tasks)
    ran = cli_here("study", "run", file, "--json", timeout=300)
    assert ran.status == 0, ran.stderr
    assert (ran.json["still_sealed"], ran.json["validation"]) == ("sealed", None)
    assert any("still sealed" in sentence for sentence in ran.json["cautions"])
    report = (workspace.root / ran.json["report"]).read_text(encoding="utf-8")
    assert "still sealed" in report
    # Nobody has looked, and nobody can.
    assert cli_here("dataset", "show", "sealed", "--json").json["opened_at"] is None
    looked = cli_here("dataset", "export", "sealed", "out.jsonl", "--json")
    assert looked.json["error"]["code"] == "dataset.sealed"
    before = {job.id: job.status().ended for job in all_jobs(workspace.jobs)}

    opened = cli_here("study", "open", "small", "--json", timeout=300)
    assert opened.status == 0, opened.stderr
    assert opened.json["still_sealed"] == ""
    validation = opened.json["validation"]
    assert (validation["dataset"], validation["sealed_until_now"]) == ("sealed", True)
    assert {validation["first"], validation["second"]} == {"one", "two"}
    # It is told as seen from now on, and by whom.
    shown = cli_here("dataset", "show", "sealed", "--json").json
    assert (shown["sealed"], shown["opened_by"]) == (True, "small")
    assert shown["opened_at"] is not None
    # What was done before was not done again.
    steps = {job.id: job.status().ended for job in all_jobs(workspace.jobs)}
    repeated = [name for name, ended in before.items() if steps[name] != ended]
    assert not any(".train-" in name or ".judge" in name for name in repeated)
    again = cli_here("study", "open", "small", "--json")
    assert (again.status, again.json["error"]["code"]) == (1, "study.opened")
