"""The overview tells in words what the catalogue and the job directories hold."""

from __future__ import annotations

import time
from pathlib import Path

from desktop.pages.overview.view_model import OverviewModel, Section, read_overview
from engine.datasets.spec import ImportSpec, SourceSpec
from engine.jobs.client import JobClient
from engine.jobs.locks import ProcessLock
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewModel, NewParent, adopt
from engine.workspace.tables import Study
from tests.desktop.conftest import Until

ONE_FILE = ImportSpec(sources=[SourceSpec(path="rows.jsonl")], name="rows")


def sections(workspace: Workspace) -> dict[str, Section]:
    overview = read_overview(workspace)
    assert overview.problem == ""
    return {section.title: section for section in overview.sections}


def test_an_empty_workspace_says_what_to_do(workspace: Workspace) -> None:
    for section in sections(workspace).values():
        assert section.rows == ()
        assert section.empty.startswith("No ")
    assert "bakeoff demo" in sections(workspace)["Studies"].empty


def test_jobs_come_newest_first_with_their_state(workspace: Workspace) -> None:
    client = JobClient(workspace)
    client.submit("dataset_import", ONE_FILE, "Import the old")
    time.sleep(0.01)
    newer = client.submit("dataset_import", ONE_FILE, "Import the new")
    newer.change(state="paused", progress={"done": 1200, "total": 5000, "unit": "rows"})
    assert sections(workspace)["Jobs"].rows == (
        ("Import the new", "paused", "1,200 of 5,000 rows"),
        ("Import the old", "queued", ""),
    )


def test_a_failed_job_says_why(workspace: Workspace) -> None:
    job = JobClient(workspace).submit("dataset_import", ONE_FILE, "Import rows")
    job.change(state="failed", error={"message": "rows.jsonl is empty."})
    assert sections(workspace)["Jobs"].rows[0][1] == "failed: rows.jsonl is empty."


def test_running_means_that_a_worker_holds_the_job(workspace: Workspace) -> None:
    job = JobClient(workspace).submit("dataset_import", ONE_FILE, "Import rows")
    job.change(state="running", heartbeat=time.time())
    assert sections(workspace)["Jobs"].rows[0][1].startswith("interrupted")
    with ProcessLock(job.lock):
        assert sections(workspace)["Jobs"].rows[0][1] == "running"
        job.change(heartbeat=time.time() - 60)
        assert sections(workspace)["Jobs"].rows[0][1] == "running, silent for a while"


def test_a_model_names_its_parents(workspace: Workspace) -> None:
    parents = [NewParent(name="left", sha256="1" * 64), NewParent(name="right", sha256="2" * 64)]
    merge = NewModel(
        id="m1", name="both", kind="merge", folder="models/m1", weights_sha256="3" * 64, parents=parents
    )
    adopt(
        workspace.catalogue,
        job_id="job-1",
        kind="merge",
        title="Merge",
        study=None,
        summary={},
        what=Adoption(models=[merge]),
    )
    assert sections(workspace)["Models"].rows == (("both", "merge", "left, right"),)


def test_a_study_stands_as_its_job_does(workspace: Workspace) -> None:
    job = JobClient(workspace).submit("dataset_import", ONE_FILE, "The study's job")
    with workspace.catalogue.writing() as rows:
        rows.add(Study(name="trial", definition={}, job_id=job.id, result={}))
    assert sections(workspace)["Studies"].rows == (("trial", "queued"),)


def test_a_workspace_that_vanishes_is_a_sentence(workspace: Workspace) -> None:
    workspace.jobs.rename(workspace.root / "gone")
    problem = read_overview(workspace).problem
    assert str(workspace.root) in problem
    assert "cannot be read" in problem


def test_a_job_of_a_newer_version_hides_no_other(workspace: Workspace) -> None:
    JobClient(workspace).submit("dataset_import", ONE_FILE, "Readable")
    newer: Path = (
        JobClient(workspace).submit("dataset_import", ONE_FILE, "From the future").path / "spec.json"
    )
    text = newer.read_text(encoding="utf-8").replace('"protocol": 1', '"protocol": 99')
    newer.write_text(text, encoding="utf-8")
    assert [row[0] for row in sections(workspace)["Jobs"].rows] == ["Readable"]


def test_changes_are_told_once(workspace: Workspace, until: Until) -> None:
    model = OverviewModel(workspace)
    told: list[int] = []
    model.changed.connect(lambda: told.append(len(model.overview.sections[-1].rows)))
    model.start()
    until(lambda: told == [0])
    JobClient(workspace).submit("dataset_import", ONE_FILE, "Import rows")
    until(lambda: told == [0, 1])
    model.refresh()
    model.stop()
    until(lambda: True)
    assert told == [0, 1]
