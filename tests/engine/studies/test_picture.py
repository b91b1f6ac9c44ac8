"""How a study stands: each cell from the jobs that are there, what comes next, and results once there are some."""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.errors import BakeoffError
from engine.jobs.client import JobClient
from engine.jobs.directory import JobDirectory
from engine.locks import ProcessLock
from engine.studies.lines import study_lines
from engine.studies.picture import StudyPicture, study_picture
from engine.studies.reading import check_study
from engine.studies.saved import find_or_save
from engine.studies.spec import StudySpec
from engine.training.spec import TrainSpec
from engine.workspace import Workspace
from engine.workspace.tables import Study as StudyRow
from tests.engine.studies.hand_made import normal


def save(workspace: Workspace, **changes: Any) -> JobDirectory:
    """A study of two bases, two open tasks and a sealed one, queued and not begun."""
    study = {
        "name": "town desk",
        "bases": [{"name": "one"}, {"name": "two"}],
        "tasks": [{"dataset": "intents"}, {"dataset": "fields"}, {"dataset": "lost", "sealed": True}],
        "references": ["untuned:one"],
        "merging": {"parents": 2, "recipes": ["slerp"]},
        **changes,
    }
    spec = StudySpec(study=check_study(study), folder="/nowhere")
    return find_or_save(workspace, JobClient(workspace), spec, own_runner=False)


def step(workspace: Workspace, key: str, title: str, state: str, **changes: Any) -> JobDirectory:
    """One of its jobs, in a state."""
    job = JobClient(workspace).submit(
        "train",
        TrainSpec(base="one", dataset="intents", name=key),
        title,
        study="town desk",
        job_id=f"town-desk.{key}.00000000",
    )
    job.change(state=state, **changes)
    return job


def cells(picture: StudyPicture, name: str) -> list[str]:
    return [cell.state for one in picture.entrants if one.name == name for cell in one.cells]


def test_a_study_that_waits_shows_everything_as_still_to_come(workspace: Workspace) -> None:
    save(workspace)
    picture = study_picture(workspace, "town desk")
    assert picture.state == "queued"
    assert [(one.name, one.kind) for one in picture.entrants] == [
        ("one", "base"), ("two", "base"), ("slerp 1", "merge"), ("untuned:one", "reference"),
    ]  # fmt: skip
    assert cells(picture, "one") == ["waiting", "waiting", "sealed"]
    assert picture.next == "Import intents"
    assert [phase.key for phase in picture.phases] == [
        "prepare", "tune", "answer", "choose", "merge", "judge", "validate",
    ]  # fmt: skip
    assert all(phase.share == 0 for phase in picture.phases)
    assert (picture.cost_usd, picture.forecast_usd, picture.ceiling_usd) == (0, 0, None)


def test_cells_follow_the_jobs_and_the_pace_of_those_that_are_done(workspace: Workspace) -> None:
    save(workspace)
    at_first = study_picture(workspace, "town desk").seconds_left
    now = time.time()
    step(workspace, "train-intents-one", "Train one on intents", "done", started=now - 600, ended=now)
    running = step(
        workspace, "train-intents-two", "Train two on intents", "running",
        progress={"done": 30, "total": 40},
    )  # fmt: skip
    step(workspace, "train-fields-one", "Train one on fields", "failed")
    with ProcessLock(running.lock):
        picture = study_picture(workspace, "town desk")
    assert cells(picture, "one") == ["trained", "failed", "sealed"]
    assert cells(picture, "two") == ["training", "waiting", "sealed"]
    assert picture.entrants[1].cells[0].share == 0.75
    assert picture.entrants[1].cells[0].job == running.id
    assert picture.now == ("Train two on intents",)
    assert picture.phases[0].share == 1.0  # nothing had to be prepared, as it seems
    assert 0 < picture.phases[1].share < 1
    assert picture.seconds_left != at_first
    # A worker that is about to begin, as its runner lives, is no reason to tell of an interruption.
    with ProcessLock(workspace.runner_lock):
        assert cells(study_picture(workspace, "town desk"), "two")[0] == "training"
    # A worker that is gone trains nothing.
    assert cells(study_picture(workspace, "town desk"), "two")[0] == "paused"


def test_a_study_whose_worker_is_about_to_begin_is_not_interrupted(workspace: Workspace) -> None:
    save(workspace).change(state="running")
    with ProcessLock(workspace.runner_lock):
        assert study_picture(workspace, "town desk").state == "running"
        assert [line.state for line in study_lines(workspace)] == ["running"]
    assert study_picture(workspace, "town desk").state == "interrupted"
    assert [line.state for line in study_lines(workspace)] == ["interrupted"]


def test_a_finished_study_shows_points_metrics_and_places(workspace: Workspace) -> None:
    result = normal()
    job = save(
        workspace,
        bases=[{"name": one.name} for one in result.entrants if one.kind == "base"],
        tasks=[
            *({"dataset": task.dataset} for task in result.tasks),
            {"dataset": result.validation.dataset if result.validation else "", "sealed": True},
        ],
        references=[one.name for one in result.entrants if one.kind == "reference"],
        merging={"parents": 2, "recipes": ["slerp", "ties"]},
    )
    job.change(state="done")
    with workspace.catalogue.writing() as rows:
        row = rows.get(StudyRow, "town desk")
        assert row is not None
        row.result = result.model_dump(mode="json")
    picture = study_picture(workspace, "town desk")
    by_name = {one.name: one for one in picture.entrants}
    winner = by_name[str(result.winner)]
    assert winner.kind == "merge"
    assert winner.places == (1, 1)
    assert winner.cells[0].points is not None
    assert winner.cells[0].points > 0.5
    assert winner.cells[0].metric == result.tasks[0].figures[0].metric
    assert winner.cells[2].points is not None
    assert by_name["Alder 135M"].cells[2].state == "none"
    assert (picture.share, picture.next, picture.seconds_left) == (1.0, "", None)
    (line,) = study_lines(workspace)
    assert (line.state, line.says) == ("done", result.conclusions[0])


def test_a_study_that_is_not_there_is_told(workspace: Workspace) -> None:
    with pytest.raises(BakeoffError):
        study_picture(workspace, "nothing")
    assert study_lines(workspace) == []
