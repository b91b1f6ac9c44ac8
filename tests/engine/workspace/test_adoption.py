"""Adoption: once is enough, twice changes nothing, half is nothing."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.workspace import Workspace
from engine.workspace.adoption import (
    Adoption,
    NewContestant,
    NewDataset,
    NewModel,
    NewOutputSet,
    NewParent,
    adopt,
)
from engine.workspace.tables import Contestant, Dataset, Job, Model, OutputSet, Parentage


def _everything(job: str) -> Adoption:
    return Adoption(
        datasets=[NewDataset(id=f"{job}-d", name="task", folder="datasets/x", manifest={"examples": 3})],
        models=[
            NewModel(id=f"{job}-b", name="base", kind="base", folder="/b", weights_sha256="11"),
            NewModel(
                id=f"{job}-a",
                name="tuned",
                kind="adapter",
                folder="models/a",
                weights_sha256="22",
                parents=[NewParent(id=f"{job}-b", name="base", sha256="11")],
            ),
        ],
        contestants=[
            NewContestant(id=f"{job}-c", name="tuned", entrant="base", dataset_id=f"{job}-d", identity={})
        ],
        output_sets=[NewOutputSet(id=f"{job}-o", contestant_id=f"{job}-c", file="outputs/o", count=3)],
    )


def _adopt(workspace: Workspace, job: str, what: Adoption) -> bool:
    return adopt(
        workspace.catalogue,
        job_id=job,
        kind="train",
        title="Train",
        study=None,
        summary={"steps": 1},
        what=what,
    )


def _counts(workspace: Workspace) -> dict[str, Any]:
    with workspace.catalogue.reading() as session:
        return {
            table.__name__: session.scalar(select(func.count()).select_from(table))
            for table in (Job, Dataset, Model, Parentage, Contestant, OutputSet)
        }


def test_everything_that_a_job_made_enters_the_catalogue(workspace: Workspace) -> None:
    assert _adopt(workspace, "job-1", _everything("job-1"))
    assert _counts(workspace) == {
        "Job": 1,
        "Dataset": 1,
        "Model": 2,
        "Parentage": 1,
        "Contestant": 1,
        "OutputSet": 1,
    }
    with workspace.catalogue.reading() as session:
        tuned = session.scalars(select(Model).where(Model.name == "tuned")).one()
        assert [(one.parent_name, one.parent_id) for one in tuned.parents] == [("base", "job-1-b")]
        assert tuned.job_id == "job-1"


def test_doing_it_twice_changes_nothing(workspace: Workspace) -> None:
    _adopt(workspace, "job-1", _everything("job-1"))
    before = _counts(workspace)
    assert not _adopt(workspace, "job-1", _everything("job-1"))
    assert _counts(workspace) == before


def test_many_who_find_it_at_once_adopt_it_once(workspace: Workspace) -> None:
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda: answers.append(_adopt(workspace, "job-1", _everything("job-1"))))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 5 + [True]
    assert _counts(workspace)["Model"] == 2


def test_a_failing_part_leaves_nothing_of_the_whole(workspace: Workspace) -> None:
    broken = _everything("job-1")
    broken.output_sets[0].contestant_id = "nobody"
    with pytest.raises(Exception, match="FOREIGN KEY"):
        _adopt(workspace, "job-1", broken)
    assert set(_counts(workspace).values()) == {0}


def test_a_name_taken_meanwhile_gets_a_number(workspace: Workspace) -> None:
    _adopt(workspace, "job-1", _everything("job-1"))
    _adopt(workspace, "job-2", _everything("job-2"))
    with workspace.catalogue.reading() as session:
        assert sorted(session.scalars(select(Dataset.name))) == ["task", "task-2"]
        assert sorted(session.scalars(select(Model.name))) == ["base", "base-2", "tuned", "tuned-2"]


def test_a_removed_parent_stays_in_the_lineage_by_name_and_hash(workspace: Workspace) -> None:
    _adopt(workspace, "job-1", _everything("job-1"))
    with workspace.catalogue.writing() as session:
        session.delete(session.get_one(Model, "job-1-b"))
    with workspace.catalogue.reading() as session:
        edge = session.scalars(select(Parentage)).one()
        assert (edge.parent_id, edge.parent_name, edge.parent_sha256) == (None, "base", "11")


def test_removing_a_dataset_takes_its_contestants_along(workspace: Workspace) -> None:
    _adopt(workspace, "job-1", _everything("job-1"))
    with workspace.catalogue.writing() as session:
        session.delete(session.get_one(Dataset, "job-1-d"))
    counts = _counts(workspace)
    assert counts["Contestant"] == counts["OutputSet"] == 0
    assert counts["Model"] == 2
