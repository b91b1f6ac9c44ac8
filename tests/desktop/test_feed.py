"""What the feed makes of the job directories."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from desktop.background import Background
from desktop.feed import Feed, JobRow, under_way
from engine.jobs.client import JobClient
from engine.locks import ProcessLock
from engine.workspace import Workspace
from tests.desktop.conftest import Until
from tests.engine.jobs.helpers import submit_import


@pytest.mark.parametrize("own_runner", [False, True])
def test_a_job_is_interrupted_when_its_runner_is_gone_too_and_not_while_its_worker_begins(
    qapp: QApplication, workspace: Workspace, tmp_path: Path, until: Until, own_runner: bool
) -> None:
    job = submit_import(JobClient(workspace), tmp_path / "rows.jsonl", "rows", own_runner=own_runner)
    background = Background()
    feed = Feed(workspace, background)

    def state() -> str:
        feed.look()
        until(lambda: not background.busy)
        return feed.jobs[0].state

    assert state() == "queued"
    job.change(state="running")
    others, its_own = ProcessLock(job.runner_lock), ProcessLock(workspace.runner_lock)
    if own_runner:
        others, its_own = its_own, others
    with its_own:
        assert state() == "running"
    with others:
        assert state() == "interrupted"
    with ProcessLock(job.lock):
        assert state() == "running"
    background.close()


def test_news_waits_while_somebody_scrolls_though_not_for_long(
    qapp: QApplication, workspace: Workspace, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    background, now, busy = Background(), 100.0, False
    monkeypatch.setattr("desktop.feed.monotonic", lambda: now)
    feed = Feed(workspace, background, lambda: busy)
    told: list[str] = []
    feed.jobs_changed.connect(lambda: told.append("jobs"))

    def look() -> list[str]:
        told.clear()
        feed.look()
        until(lambda: not background.busy)
        return told

    assert look() == []
    job = submit_import(JobClient(workspace), tmp_path / "rows.jsonl", "rows")
    busy = True
    now += 1
    assert look() == []
    assert feed.waits
    assert feed.job(job.id) is not None, "who asks is told"
    now += 2
    assert look() == ["jobs"], "it has waited long enough"
    job.change(state="running")
    assert look() == []
    busy = False
    assert look() == ["jobs"]
    assert look() == []
    background.close()


def test_jobs_under_way_are_those_at_work_first_and_those_that_wait_last() -> None:
    def job(name: str, state: str, kind: str = "merge") -> JobRow:
        return JobRow(name, kind, name, state, 0.0)

    def names(*jobs: JobRow, most: int = 3) -> list[str]:
        return [one.id for one in under_way(jobs, "merge", most)]

    waiting = [job(f"w{number}", "queued") for number in range(4)]
    running = job("r", "running")
    assert names(job("old", "done"), running, *waiting) == ["r", "w0", "w1"]
    assert names(job("f", "failed"), running, *waiting) == ["r", "w0", "w1"], "something came after it"
    assert names(running, job("f", "failed")) == ["r", "f"]
    assert names(*waiting, job("f", "failed")) == ["f", "w0", "w1"]
    assert names(job("p", "paused"), job("i", "interrupted"), most=5) == ["p", "i"]
    assert names(job("other", "running", "train"), job("s", "stopped")) == []
