"""Adding to a saved study: what is offered, and that one longer study takes the place of the old one."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.jobs.client import JobClient
from engine.studies.errors import StudyError
from engine.studies.extending import additions, extend_study
from engine.studies.lines import study_lines
from engine.studies.picture import study_picture
from engine.workspace import Workspace
from engine.workspace.tables import Dataset
from tests.engine.studies.test_picture import save
from tests.engine.studies.test_quick import add_base


def add_dataset(workspace: Workspace, name: str, *, sealed: bool = False, test: int = 10) -> None:
    counts = {"train": 40, "dev": 5, "test": test}
    manifest = {"counts": counts, "examples": 55, "sources": []}
    with workspace.catalogue.writing() as rows:
        rows.add(Dataset(id=name, name=name, folder=name, manifest=manifest, sealed=sealed))


def test_only_what_the_study_has_not_is_offered(workspace: Workspace) -> None:
    for name in ("one", "three"):
        add_base(workspace, name, 2)
    add_dataset(workspace, "intents")
    add_dataset(workspace, "mails")
    add_dataset(workspace, "closed", sealed=True)
    add_dataset(workspace, "untested", test=0)
    save(workspace)
    found = additions(workspace, "town desk")
    assert found["base"] == ("three",)
    assert found["task"] == ("mails",)
    assert found["sealed"] == ()  # it has one
    assert "ties" in found["merge"]
    assert "slerp" not in found["merge"]


@pytest.mark.parametrize("state", ["paused", "failed", "running", "queued"])
def test_a_longer_study_takes_the_place_of_the_old_one(workspace: Workspace, state: str) -> None:
    """Also of one whose runner has gone: the next runner would go on with it."""
    for name in ("one", "two", "three"):
        add_base(workspace, name, 2)
    for name in ("intents", "fields", "lost"):
        add_dataset(workspace, name, sealed=True)  # so that nothing is read to plan it
    before = save(workspace)
    before.change(state=state)
    after = extend_study(workspace, JobClient(workspace), "town desk", "base", "three")
    assert after.id != before.id
    assert not before.path.exists()  # it would go on with the shorter one
    (line,) = study_lines(workspace)
    assert (line.job, line.bases) == (after.id, 3)
    assert [one.name for one in study_picture(workspace, "town desk").entrants][:3] == ["one", "two", "three"]
    extend_study(workspace, JobClient(workspace), "town desk", "merge", "linear")
    assert [one.kind for one in study_picture(workspace, "town desk").entrants].count("merge") == 2


def test_a_sealed_dataset_becomes_the_sealed_task_of_a_study_without_one(workspace: Workspace) -> None:
    for name in ("one", "two"):
        add_base(workspace, name, 2)
    for name in ("intents", "fields", "closed", "known"):
        add_dataset(workspace, name, sealed=True)
    with workspace.catalogue.writing() as rows:
        rows.get(Dataset, "known").opened_at = datetime(2026, 1, 1)  # type: ignore[union-attr]
    save(workspace, tasks=[{"dataset": "intents"}, {"dataset": "fields"}])
    assert additions(workspace, "town desk")["sealed"] == ("closed", "fields", "intents")
    extend_study(workspace, JobClient(workspace), "town desk", "sealed", "closed")
    picture = study_picture(workspace, "town desk")
    assert [(one.name, one.sealed) for one in picture.tasks][-1] == ("closed", True)
    assert [cell.state for cell in picture.entrants[0].cells][-1] == "sealed"
    assert additions(workspace, "town desk")["sealed"] == ()


def test_what_contradicts_itself_is_not_saved(workspace: Workspace) -> None:
    save(workspace)
    with pytest.raises(StudyError):
        extend_study(workspace, JobClient(workspace), "town desk", "base", "one")
    assert study_lines(workspace)[0].bases == 2


def test_a_task_without_test_examples_is_refused_before_anything_is_changed(workspace: Workspace) -> None:
    for name in ("one", "two"):
        add_base(workspace, name, 2)
    for name in ("intents", "fields", "lost"):
        add_dataset(workspace, name, sealed=True)
    add_dataset(workspace, "untested", test=0)
    before = save(workspace)
    before.change(state="paused")
    with pytest.raises(StudyError) as caught:
        extend_study(workspace, JobClient(workspace), "town desk", "task", "untested")
    assert caught.value.code == "study.no_prompts"
    assert before.status().state == "paused"
    assert study_lines(workspace)[0].job == before.id


def test_a_finished_job_outlives_the_study_that_it_was_of(workspace: Workspace) -> None:
    for name in ("one", "two", "three"):
        add_base(workspace, name, 2)
    for name in ("intents", "fields", "lost"):
        add_dataset(workspace, name, sealed=True)
    before = save(workspace)
    before.change(state="done")
    extend_study(workspace, JobClient(workspace), "town desk", "base", "three")
    assert before.path.exists()
