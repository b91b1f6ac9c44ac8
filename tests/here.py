"""Jobs of the kind that workers do, done in this process, which has the libraries already: seconds quicker.

For tests of what a job does, alone (`do`) or asked for by the command line (`command_line`). What a job is as a
process of its own is tested in ``tests/engine/jobs``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from engine.datasets.spec import ImportSpec, SourceSpec
from engine.jobs.client import JobClient
from engine.jobs.context import JobContext
from engine.jobs.directory import JobDirectory
from engine.jobs.events import EventWriter
from engine.jobs.runner import Runner
from engine.jobs.worker import work
from engine.locks import ProcessLock
from engine.models.spec import ModelAddSpec
from engine.workspace import Workspace


class _Ended:
    """What is left of a job done here."""

    pid = 0

    def exit_code(self) -> int:
        return 0

    def kill(self) -> None:
        """Nothing lives any more."""


class _Here:
    """An executor that does the job before it returns."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def start(self, job: JobDirectory) -> _Ended:
        with closing(EventWriter(job.events)) as writer:
            work(job, JobContext(job, self._workspace, writer))
        return _Ended()


class _Thread:
    """A thread in the place of a process."""

    pid = 0

    def __init__(self, target: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=target, name="in place of a process")
        self._thread.start()

    def exit_code(self) -> int | None:
        return None if self._thread.is_alive() else 0

    poll = exit_code

    def kill(self) -> None:
        raise AssertionError("a thread cannot be killed: this test needs processes")

    def join(self) -> None:
        self._thread.join(60.0)
        assert not self._thread.is_alive()


class _Threads:
    """An executor whose workers are threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def start(self, job: JobDirectory) -> _Thread:
        def run() -> None:
            with ProcessLock(job.lock), closing(EventWriter(job.events)) as writer:
                work(job, JobContext(job, self._workspace, writer))

        return _Thread(run)


@contextmanager
def threads_for_processes(workspace: Workspace) -> Iterator[None]:
    """Inside the block, runners and workers are threads of this process; they have ended when it ends."""
    started: list[tuple[Runner, _Thread]] = []

    def start_runner(_module: str, _root: str, job_id: str | None = None, **_how: Any) -> _Thread:
        only = None if job_id is None else JobDirectory(workspace.jobs / job_id)
        lock = ProcessLock(workspace.runner_lock if only is None else only.runner_lock)
        runner = Runner(workspace, _Threads(workspace), only)

        def run() -> None:
            while lock.acquire(timeout=1.0):
                runner.run()
                lock.release()
                if not runner.wanted():
                    return

        started.append((runner, _Thread(run)))
        return started[-1][1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("engine.jobs.client.spawn_module", start_runner)
        try:
            yield
        finally:
            for runner, _ in started:
                runner.end()
            for _, thread in started:
                thread.join()


def command_line(
    words: list[str], environment: dict[str, str], folder: Path, input: str
) -> tuple[int, str, str]:
    """One ``bakeoff`` command in this process.

    Args:
        words: Its arguments.
        environment: The whole of it.
        folder: Where it runs.
        input: What it reads.

    Returns:
        Status, stdout and stderr.
    """
    from engine.cli.main import run

    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name in set(os.environ) - set(environment):
            patched.delenv(name)
        for name, value in environment.items():
            patched.setenv(name, value)
        patched.setattr("sys.stdin", io.StringIO(input))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(words)
    return status, out.getvalue(), err.getvalue()


def do(workspace: Workspace, kind: str, spec: BaseModel, **how: Any) -> tuple[JobDirectory, dict[str, Any]]:
    """Do one job through a runner and to its adoption.

    Returns:
        The job, and its summary.

    Raises:
        JobFailedError: It failed.
    """
    client = JobClient(workspace)
    job = client.submit(kind, spec, f"{kind} here", **how)
    runner = Runner(workspace, _Here(workspace))
    while runner.step():
        pass
    return job, client.wait(job)


def add_model(workspace: Workspace, folder: Path, name: str) -> dict[str, Any]:
    """Add the model of ``folder``."""
    return do(workspace, "model_add", ModelAddSpec(source=str(folder), name=name))[1]


def import_rows(workspace: Workspace, rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Import ``rows`` from a JSONL file beside the workspace."""
    file = workspace.root.parent / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return do(workspace, "dataset_import", ImportSpec(sources=[SourceSpec(path=str(file))], name=name))[1]
