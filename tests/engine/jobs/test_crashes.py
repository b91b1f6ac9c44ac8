"""Killed at any instant: the job finishes or fails with a clear cause, and nothing is adopted twice."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.jobs.client import JobClient, JobFailedError
from engine.jobs.directory import JobDirectory
from engine.jobs.runner import adopt_finished
from engine.workspace import Workspace
from tests.engine.jobs.helpers import (
    event_types,
    kill,
    require_consistent_events,
    rows_of,
    runners,
    submit_import,
    wait_for,
    workers,
    write_rows,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills by signal")


@pytest.fixture
def client(workspace: Workspace) -> JobClient:
    return JobClient(workspace)


@pytest.fixture
def short_file(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "short.jsonl", 30)


def _at_the_start(job: JobDirectory) -> bool:
    return job.status().attempt >= 1


def _in_the_middle(job: JobDirectory) -> bool:
    return "job.started" in event_types(job)


def _with_the_result(job: JobDirectory) -> bool:
    return job.result() is not None


def _finishes_once(workspace: Workspace, client: JobClient, job: JobDirectory, name: str) -> None:
    assert client.wait(job)["name"] == name
    assert rows_of(workspace, name) == (1, 1)
    adopt_finished(workspace)
    assert rows_of(workspace, name) == (1, 1)
    require_consistent_events(job)


@pytest.mark.parametrize("instant", [_at_the_start, _in_the_middle, _with_the_result])
@pytest.mark.parametrize("victim", [workers, runners])
def test_a_job_whose_process_is_killed_finishes(
    workspace: Workspace,
    client: JobClient,
    short_file: Path,
    instant: Callable[[JobDirectory], bool],
    victim: Callable[..., list[object]],
) -> None:
    job = submit_import(client, short_file, "short")
    client.ensure_runner()
    wait_for(lambda: instant(job), every=0.001)
    kill(victim(workspace))
    _finishes_once(workspace, client, job, "short")


@pytest.mark.parametrize("victim", [workers, runners])
@pytest.mark.parametrize("seed", range(3))
def test_a_job_that_is_killed_at_random_finishes(
    workspace: Workspace,
    client: JobClient,
    short_file: Path,
    seed: int,
    victim: Callable[..., list[object]],
) -> None:
    delays = random.Random(seed)
    job = submit_import(client, short_file, "short")
    client.ensure_runner()
    for _ in range(2):
        delay = delays.uniform(0.0, 1.5)
        print(f"seed {seed}: {victim.__name__} killed after {delay:.3f} s")
        time.sleep(delay)
        kill(victim(workspace))
        client.ensure_runner()
    _finishes_once(workspace, client, job, "short")


def test_everything_killed_and_the_finished_job_found_by_the_next_who_looks(
    workspace: Workspace, client: JobClient, short_file: Path
) -> None:
    job = submit_import(client, short_file, "short")
    client.ensure_runner()
    wait_for(lambda: job.result() is not None, every=0.001)
    kill(runners(workspace))
    kill(workers(workspace))
    wait_for(lambda: not job.alive(), 10.0)  # a dying process holds its lock to the last
    adopt_finished(workspace)
    assert rows_of(workspace, "short") == (1, 1)
    client.ensure_runner()
    _finishes_once(workspace, client, job, "short")


def test_a_killed_import_leaves_no_half_dataset_and_finishes(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "rows.jsonl", 12_000)
    job = submit_import(client, file, "rows")
    client.ensure_runner()
    wait_for(lambda: job.status().progress)
    assert kill(workers(workspace)) == 1
    assert not (workspace.datasets / job.id).exists()
    assert client.wait(job)["examples"] == 12_000
    assert [path.name for path in workspace.datasets.iterdir()] == [job.id]
    assert event_types(job).count("job.worker_lost") == 1


def test_a_worker_that_always_dies_fails_its_job_with_the_cause(
    workspace: Workspace, client: JobClient, short_file: Path
) -> None:
    job = submit_import(client, short_file, "short")
    client.ensure_runner()
    deadline = time.monotonic() + 60.0
    while job.status().state != "failed" and time.monotonic() < deadline:
        kill(workers(workspace))
        time.sleep(0.01)
    with pytest.raises(JobFailedError) as failed:
        client.wait(job)
    assert failed.value.code == "job.worker_lost"
    assert "3 times" in failed.value.message
    assert "SIGKILL" in failed.value.message
    assert rows_of(workspace, "short") == (0, 0)
    client.ask(job, "resume")
    _finishes_once(workspace, client, job, "short")


def test_the_ends_of_runners_do_not_count_against_a_job(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    # Long enough that no attempt is over before its runner is killed, however busy the machine.
    job = submit_import(client, write_rows(tmp_path / "long.jsonl", 60_000), "long")

    def begun(attempt: int) -> bool:
        # Asked again and again: a worker that is between fork and exec still holds its dead runner's lock.
        client.ensure_runner()
        return job.status().attempt >= attempt

    for attempt in range(1, 5):
        wait_for(lambda wanted=attempt: begun(wanted), every=0.002)
        kill(runners(workspace))
    assert job.status().attempt == 4
    assert job.status().lost == 0
    _finishes_once(workspace, client, job, "long")
