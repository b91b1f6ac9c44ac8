"""Runner and worker for real: queue, failure, pause, resume, stop, giving way."""

from __future__ import annotations

import os
import shutil
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from engine.jobs.client import JobClient, JobFailedError
from engine.jobs.directory import AT_REST, JobError
from engine.locks import is_held
from engine.workspace import Workspace
from tests.engine.jobs.helpers import (
    event_types,
    events,
    kill,
    require_consistent_events,
    rows_of,
    runners,
    submit_import,
    wait_for,
    workers,
    write_rows,
)


@pytest.fixture
def client(workspace: Workspace) -> JobClient:
    return JobClient(workspace)


@pytest.fixture
def short_file(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "short.jsonl", 30)


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data") / "long.jsonl", 30_000)


def test_a_job_is_done_adopted_and_tells_every_event_once(
    workspace: Workspace, client: JobClient, short_file: Path
) -> None:
    job = submit_import(client, short_file, "short")
    client.ensure_runner()
    seen: list[int] = []
    summary = client.wait(job, lambda _, event: seen.append(event.seq) if event else None)
    assert summary["name"] == "short"
    assert summary["examples"] == 30
    assert job.status().state == "done"
    assert rows_of(workspace, "short") == (1, 1)
    assert seen == list(range(1, len(seen) + 1))
    assert event_types(job)[0] == "job.started"
    assert event_types(job)[-1] == "job.done"
    # Who attaches later sees the same, once.
    again: list[int] = []
    client.wait(job, lambda _, event: again.append(event.seq) if event else None)
    assert again == seen
    assert rows_of(workspace, "short") == (1, 1)


def test_compute_jobs_run_one_at_a_time_in_their_order(client: JobClient, short_file: Path) -> None:
    jobs = [submit_import(client, short_file, f"m{number}") for number in range(3)]
    client.ensure_runner()
    for _ in client.follow(jobs):
        pass
    spans = [(events(job)[0].time, events(job)[-1].time) for job in jobs]
    for (_, ended), (started, _) in pairwise(spans):
        assert started >= ended
    assert [job.status().state for job in jobs] == ["done"] * 3


def test_a_failing_job_says_why_in_its_own_words(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    job = submit_import(client, empty, "nothing")
    client.ensure_runner()
    with pytest.raises(JobFailedError) as failed:
        client.wait(job)
    assert failed.value.code == "dataset.empty_file"
    assert str(empty) in failed.value.message
    assert failed.value.as_dict()["fix"]
    assert "Traceback" in job.log.read_text()
    assert event_types(job)[-1] == "job.failed"
    assert rows_of(workspace, "nothing") == (0, 0)


def test_a_failed_job_can_be_resumed_when_the_cause_is_gone(client: JobClient, tmp_path: Path) -> None:
    file = tmp_path / "later.jsonl"
    job = submit_import(client, file, "later")
    client.ensure_runner()
    with pytest.raises(JobFailedError):
        client.wait(job)
    write_rows(file, 30)
    client.ask(job, "resume")
    assert client.wait(job)["name"] == "later"
    assert job.status().error is None
    assert job.status().attempt == 2
    require_consistent_events(job)


def test_pause_frees_the_worker_and_resume_finishes(
    workspace: Workspace, client: JobClient, long_file: Path
) -> None:
    job = submit_import(client, long_file, "long")
    client.ensure_runner()
    wait_for(lambda: job.status().progress)
    client.ask(job, "pause")
    wait_for(lambda: job.status().state in AT_REST)
    assert job.status().state == "paused"
    wait_for(lambda: not workers(workspace), 10.0)
    with pytest.raises(JobError) as parked:
        client.finished(job)
    assert parked.value.code == "job.paused"
    assert [path.name for path in workspace.datasets.iterdir()] == []

    client.ask(job, "resume")
    assert client.wait(job)["examples"] == 30_000
    assert [path.name for path in workspace.datasets.iterdir()] == [job.id]
    require_consistent_events(job)


def test_stop_ends_a_job_and_leaves_nothing_half(
    workspace: Workspace, client: JobClient, long_file: Path
) -> None:
    job = submit_import(client, long_file, "long")
    client.ensure_runner()
    wait_for(lambda: job.status().progress)
    client.ask(job, "stop")
    wait_for(lambda: job.status().state in AT_REST)
    assert job.status().state == "stopped"
    assert list(workspace.datasets.iterdir()) == []


def test_wishes_about_a_waiting_job_are_obeyed_without_starting_it(
    client: JobClient, short_file: Path, long_file: Path
) -> None:
    first = submit_import(client, long_file, "long")
    paused, stopped, last = (submit_import(client, short_file, name) for name in ("a", "b", "c"))
    client.ensure_runner()
    wait_for(lambda: first.status().progress)
    client.ask(paused, "pause")
    client.ask(stopped, "stop")
    wait_for(lambda: (paused.status().state, stopped.status().state) == ("paused", "stopped"))
    assert event_types(paused) == event_types(stopped) == []
    client.ask(first, "stop")
    assert client.wait(last)["name"] == "c"
    assert paused.status().state == "paused"
    client.ask(paused, "resume")
    assert client.wait(paused)["name"] == "a"
    assert stopped.status().state == "stopped"


def test_pause_and_resume_at_once_leave_a_job_that_finishes(client: JobClient, short_file: Path) -> None:
    job = submit_import(client, short_file, "short")
    client.ensure_runner()
    for _ in range(3):
        client.ask(job, "pause")
        client.ask(job, "resume")
        time.sleep(0.3)
    assert client.wait(job)["name"] == "short"


def test_parking_writes_a_checkpoint_and_lets_go(
    workspace: Workspace, client: JobClient, long_file: Path
) -> None:
    job = submit_import(client, long_file, "long")
    client.ensure_runner()
    wait_for(lambda: job.status().progress)
    with pytest.raises(KeyboardInterrupt), client.parking([job]):
        raise KeyboardInterrupt
    assert job.status().state == "paused"
    assert not job.alive()
    wait_for(lambda: not workers(workspace), 10.0)


def test_two_who_need_a_runner_at_once_get_one(workspace: Workspace, client: JobClient) -> None:
    threads = [threading.Thread(target=client.ensure_runner) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: len(runners(workspace)) == 1)
    assert is_held(workspace.runner_lock)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("spec.json", "[]"),
        ("spec.json", '{"id": "x", "kind": "release"'),
        (
            "spec.json",
            '{"id": "x", "kind": "not-yet", "title": "", "spec": {}, "created": 1, "lane": "compute"}',
        ),
        ("spec.json", '{"id": "x", "kind": "train", "title": "", "spec": {}, "created": 1, "lane": "orbit"}'),
        ("status.json", "[]"),
        ("status.json", '{"state": "dancing", "unheard_of": 1}'),
        ("status.json", '{"protocol": 99}'),
        ("control.jsonl", '{}\n3\n{"action": "cancel"}\n'),
        ("events.jsonl", "garbage\n"),
        ("events.jsonl", "\x00" * 50 + "\n"),
    ],
)
def test_a_damaged_job_does_not_keep_the_others_from_their_work(
    workspace: Workspace, client: JobClient, short_file: Path, file: str, content: str
) -> None:
    damaged = submit_import(client, short_file, "damaged")
    (damaged.path / file).write_text(content, encoding="utf-8")
    other = submit_import(client, short_file, "other")
    client.ensure_runner()
    assert client.wait(other)["name"] == "other"
    assert len(runners(workspace)) == 1
    if file in ("control.jsonl", "events.jsonl"):
        assert client.wait(damaged)["name"] == "damaged"
        require_consistent_events(damaged)


def test_a_removed_job_does_not_disturb_the_others(
    workspace: Workspace, client: JobClient, short_file: Path
) -> None:
    first = submit_import(client, short_file, "a")
    client.ensure_runner()
    client.wait(first)
    (before,) = runners(workspace)
    shutil.rmtree(first.path)
    second = submit_import(client, short_file, "b")
    assert client.wait(second)["name"] == "b"
    assert [one.pid for one in runners(workspace)] == [before.pid]
    assert not first.path.exists()


def test_a_runner_without_work_ends_by_itself(workspace: Workspace, client: JobClient) -> None:
    client.ensure_runner()
    wait_for(lambda: not is_held(workspace.runner_lock), 40.0, every=0.2)
    wait_for(lambda: not runners(workspace), 10.0)


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_the_worker_dies_with_its_runner(workspace: Workspace, client: JobClient, long_file: Path) -> None:
    job = submit_import(client, long_file, "long")
    client.ensure_runner()
    wait_for(lambda: job.status().progress)
    assert kill(runners(workspace)) == 1
    wait_for(lambda: not workers(workspace) and not job.alive(), 5.0)
    assert job.status().state == "running"  # nobody has looked since


@pytest.mark.parametrize("state", ["paused", "running"])
def test_a_night_at_rest_does_not_count_as_time_that_it_took(
    client: JobClient, short_file: Path, state: str
) -> None:
    """`running` is what a machine leaves behind that was switched off."""
    job = submit_import(client, short_file, "short")
    evening = time.time() - 40_000
    ended = evening + 100 if state == "paused" else None
    job.change(state=state, attempt=1, started=evening, ended=ended, heartbeat=evening + 100)
    client.ask(job, "resume")
    client.ensure_runner()
    client.wait(job)
    status = job.status()
    assert status.started == evening
    assert status.seconds is not None
    assert 100 <= status.seconds < 160
