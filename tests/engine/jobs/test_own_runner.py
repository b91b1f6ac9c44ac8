"""A job that needs the environment of whoever asked for it: run beside the others, by a runner of its own."""

from __future__ import annotations

import math
import os
from pathlib import Path

import psutil
import pytest

from engine.jobs.client import JobClient
from engine.jobs.directory import JobDirectory
from engine.locks import is_held
from engine.workspace import Workspace
from tests.engine.jobs.helpers import (
    event_types,
    events,
    kill,
    require_consistent_events,
    runners,
    submit_import,
    wait_for,
    workers,
    write_rows,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="reads other processes' environments")


@pytest.fixture
def client(workspace: Workspace) -> JobClient:
    return JobClient(workspace)


def submit_paid(client: JobClient, file: Path, name: str, lane: str = "network") -> JobDirectory:
    """A job of a second that is run as one that needs an API key."""
    return submit_import(client, write_rows(file, 30), name, lane=lane, own_runner=True)


def runner_of(workspace: Workspace, job: JobDirectory) -> list[psutil.Process]:
    return [one for one in runners(workspace) if job.id in one.info["cmdline"]]


def test_it_is_done_while_a_long_job_computes_and_leaves_that_one_alone(
    workspace: Workspace, client: JobClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = submit_import(client, write_rows(tmp_path / "long.jsonl", 200_000), "long")
    client.ensure_runner(long)
    wait_for(lambda: long.status().progress)
    monkeypatch.setenv("FAKE_LAB_API_KEY", "needed by this job only")
    paid = submit_paid(client, tmp_path / "paid.jsonl", "paid")
    client.ensure_runner(paid)
    (own,) = runner_of(workspace, paid)
    assert own.environ()["FAKE_LAB_API_KEY"] == "needed by this job only"
    assert client.wait(paid)["name"] == "paid"
    assert events(paid)[0].time < (long.status().ended or math.inf)  # it was not waited for
    assert event_types(long).count("job.started") == 1
    (other,) = [one for one in runners(workspace) if one.pid != own.pid]
    assert "FAKE_LAB_API_KEY" not in other.environ()
    wait_for(lambda: not is_held(paid.runner_lock), 10.0)
    client.ask(long, "stop")
    wait_for(lambda: long.status().state in ("stopped", "done"))


def test_the_workspaces_runner_does_not_start_it_and_the_same_wish_goes_on(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    paid = submit_paid(client, tmp_path / "paid.jsonl", "paid")
    client.ensure_runner()
    wait_for(lambda: not is_held(workspace.runner_lock), 40.0)  # it found nothing to do
    assert (paid.status().state, paid.status().attempt) == ("queued", 0)
    client.ask(paid, "resume")
    assert client.wait(paid)["name"] == "paid"


def test_killed_with_its_runner_it_waits_until_somebody_asks_again(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    paid = submit_import(client, write_rows(tmp_path / "rows.jsonl", 60_000), "rows", own_runner=True)
    client.ensure_runner(paid)
    wait_for(lambda: paid.status().progress)
    assert kill(runner_of(workspace, paid)) == 1
    wait_for(lambda: not workers(workspace), 10.0)
    client.ensure_runner()  # the workspace's own leaves it alone
    wait_for(lambda: not is_held(workspace.runner_lock), 40.0)
    assert paid.status().attempt == 1
    client.ask(paid, "resume")
    assert client.wait(paid)["examples"] == 60_000
    assert paid.status().attempt == 2
    require_consistent_events(paid)


def test_a_wish_is_obeyed_also_when_its_runner_is_gone(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    paid = submit_paid(client, tmp_path / "paid.jsonl", "paid")
    client.ask(paid, "stop")
    wait_for(lambda: paid.status().state == "stopped")
    assert event_types(paid) == []


def test_what_computes_still_computes_one_at_a_time(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    first = submit_import(client, write_rows(tmp_path / "rows.jsonl", 30_000), "rows")
    client.ensure_runner(first)
    wait_for(lambda: first.status().progress)
    second = submit_paid(client, tmp_path / "paid.jsonl", "paid", lane="compute")
    client.ensure_runner(second)
    assert client.wait(second)["name"] == "paid"
    assert client.wait(first)["examples"] == 30_000
    assert events(second)[0].time >= events(first)[-1].time


def test_a_runner_that_is_to_end_lets_its_jobs_write_a_checkpoint(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    long = submit_import(client, write_rows(tmp_path / "long.jsonl", 200_000), "long")
    client.ensure_runner()
    wait_for(lambda: long.status().progress)
    (runner,) = runners(workspace)
    runner.terminate()
    wait_for(lambda: not is_held(workspace.runner_lock), 20.0)
    assert long.status().state == "paused"
    assert not workers(workspace)
