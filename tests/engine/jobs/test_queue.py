"""The order of the queue, what a job needs to begin, what is kept of one that is done, and staying awake."""

from __future__ import annotations

import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from engine.jobs.client import JobClient
from engine.jobs.directory import JobDirectory, JobError, Request, create, in_order, job_directories
from engine.jobs.retention import drop_checkpoints
from engine.jobs.staying_awake import StayingAwake
from engine.workspace import Workspace
from engine.workspace.settings import change
from tests.conftest import Cli
from tests.engine.jobs.helpers import events, submit_import, wait_for, write_rows


@pytest.fixture
def client(workspace: Workspace) -> JobClient:
    return JobClient(workspace)


def queue(workspace: Workspace) -> list[str]:
    return [job.id for job in in_order(job_directories(workspace.jobs), queue=True)]


def test_waiting_jobs_change_places_and_run_in_the_new_order(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "rows.jsonl", 20)
    first, second, third = (submit_import(client, file, f"m{number}") for number in range(3))
    client.move(third, first)
    assert queue(workspace) == [third.id, first.id, second.id]
    client.move(first, None)
    assert queue(workspace) == [third.id, second.id, first.id]
    client.ensure_runner()
    for _ in client.follow([first, second, third]):
        pass
    begun = [events(job)[0].time for job in (third, second, first)]
    assert all(earlier < later for earlier, later in pairwise(begun))
    with pytest.raises(JobError, match="does not wait"):
        client.move(first, None)


def test_there_is_always_room_between_two(workspace: Workspace, client: JobClient) -> None:
    jobs = [
        create(workspace.jobs, Request(f"j{number}", "dataset_import", "x", {}, 1000.0 + number, "compute"))
        for number in range(4)
    ]
    for number in range(120):  # halving ends after about fifty
        client.move(jobs[2 + number % 2], jobs[1])
    assert queue(workspace)[0] == "j0"
    assert queue(workspace)[-1] == "j1"


def test_a_job_does_not_begin_on_a_disk_that_is_nearly_full(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    change(workspace, "least_free_gb", 10_000)
    job = submit_import(client, write_rows(tmp_path / "rows.jsonl", 20), "rows")
    client.ensure_runner()
    wait_for(lambda: job.status().state == "failed")
    error = job.status().error
    assert error is not None
    assert error["code"] == "job.disk_low"
    assert "10000 GB" in error["message"]
    change(workspace, "least_free_gb", 0)
    client.ask(job, "resume")
    wait_for(lambda: job.status().state == "done")


def test_checkpoints_of_a_training_that_is_done_go_after_their_days(workspace: Workspace) -> None:
    def ended(job: JobDirectory, days_ago: float) -> None:
        job.change(state="done", ended=time.time() - days_ago * 86_400)

    job = create(workspace.jobs, Request("j", "train", "x", {}, 0.0, "compute"))
    (job.checkpoints / "step-7").mkdir()
    (job.checkpoints / "step-7" / "optimizer.pt").write_bytes(b"x")
    (job.checkpoints / "best.safetensors").write_bytes(b"x")
    (job.checkpoints / "device.json").write_bytes(b"{}")
    ended(job, 3)
    assert drop_checkpoints(job, 7) == 0
    ended(job, 8)
    assert drop_checkpoints(job, 7) == 2
    assert [path.name for path in job.checkpoints.iterdir()] == ["device.json"]
    other = create(workspace.jobs, Request("k", "judge", "x", {}, 0.0, "network"))
    (other.checkpoints / "budget.jsonl").write_bytes(b"{}")
    ended(other, 1000)
    assert drop_checkpoints(other, 0) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is of Linux")
def test_the_system_is_asked_to_stay_awake_for_as_long_as_a_job_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "asked"
    program = tmp_path / "systemd-inhibit"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {notes}\n'
        f'case "$1" in *sleep*) exit 1;; esac\n'
        'while [ "$1" != cat ]; do shift; done\nexec "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    awake = StayingAwake()
    awake.hold(False)
    assert not notes.exists()
    awake.hold(True)

    def asked_twice() -> bool:
        awake.hold(True)
        return notes.exists() and len(notes.read_text(encoding="utf-8").splitlines()) == 2

    wait_for(asked_twice)
    assert "--what=idle " in notes.read_text(encoding="utf-8").splitlines()[1]
    assert awake.held
    awake.hold(False)
    assert not awake.held


def test_where_nobody_can_be_asked_nothing_breaks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    awake = StayingAwake()
    awake.hold(True)
    awake.hold(True)
    awake.hold(False)
    assert not awake.held


def test_the_command_line_moves_a_job_and_shows_the_queue(
    workspace: Workspace, client: JobClient, cli_here: Cli
) -> None:
    for number in range(3):
        create(
            workspace.jobs,
            Request(f"j{number}", "dataset_import", f"t{number}", {}, 1000.0 + number, "compute"),
        )
    moved = cli_here("job", "move", "j2", "--before", "j0", "--json")
    assert [one["id"] for one in moved.json] == ["j2", "j0", "j1"]
    assert cli_here("job", "move", "j2", "--last", "--json").json[-1]["id"] == "j2"
    assert cli_here("job", "move", "j2").status == 2
