"""The runner: one process per workspace that starts workers, adopts results, and outlives the window.

A job that needs the environment of whoever asked for it, because an API key is in it, has a runner of its own, which
was started in that environment: keys pass from process to process, and through no file.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from engine.errors import BakeoffError, Words
from engine.jobs.context import remove_half_products, remove_noted
from engine.jobs.directory import (
    AT_REST,
    JobDirectory,
    Request,
    Status,
    all_jobs,
    at_rest,
    in_order,
    job_directories,
)
from engine.jobs.events import EventWriter
from engine.jobs.executor import Execution, Executor, LocalExecutor
from engine.jobs.kinds import Lane
from engine.jobs.retention import drop_checkpoints
from engine.jobs.staying_awake import StayingAwake
from engine.locks import ProcessLock, is_held
from engine.workspace import Workspace, open_workspace
from engine.workspace.adoption import Adoption, adopt
from engine.workspace.settings import settings_of

_LOOK_EVERY: Final = 0.1
#: Seconds without work after which the runner ends.
_IDLE_SECONDS: Final = 10.0
#: Workers that may die without a word before their job counts as failed.
_ATTEMPTS: Final = 3
_AT_ONCE: Final[dict[Lane, int]] = {"compute": 1, "network": 4, "coordinator": 8}


class Runner:
    """Looks at the job directories of a workspace and moves each job on.

    Args:
        workspace: The workspace; the caller holds the lock of this runner.
        executor: Where workers are started.
        only: The job that has this runner for itself; None for the runner of all the others.
    """

    def __init__(self, workspace: Workspace, executor: Executor, only: JobDirectory | None = None) -> None:
        self._workspace = workspace
        self._executor = executor
        self._only = only
        self._running: dict[str, tuple[JobDirectory, Request, Execution]] = {}
        #: Held while a job of ours computes: runners share the machine.
        self._computing = ProcessLock(workspace.root / "compute.lock")
        #: Jobs at rest that are adopted, with the size of their wishes when we last looked.
        self._settled: dict[str, int] = {}
        #: What was last written to the log about a job.
        self._complaints: dict[str, str] = {}
        self._ending = False
        self._awake = StayingAwake()

    def run(self) -> None:
        """Work until there has been nothing to do for a while, or `end` was called."""
        patience = _IDLE_SECONDS if self._only is None else 0.0
        idle_since = time.monotonic()
        try:
            while True:
                if self.step():
                    idle_since = time.monotonic()
                elif self._ending or time.monotonic() - idle_since > patience:
                    return
                self._awake.hold(bool(self._running) and settings_of(self._workspace).keep_awake)
                time.sleep(_LOOK_EVERY)
        finally:
            self._awake.hold(False)

    def end(self) -> None:
        """Start nothing more, let what runs write a checkpoint, and come to an end."""
        self._ending = True

    def wanted(self) -> bool:
        """Whether a job waits for this runner."""
        if self._ending:
            return False
        if self._only is not None:
            return not at_rest(self._only)
        jobs = all_jobs(self._workspace.jobs)
        return any(job.status().state == "queued" and not job.request().own_runner for job in jobs)

    def step(self) -> bool:
        """Look once at every job; True while anything is running or waits to run."""
        for job, request, execution in list(self._running.values()):
            if (code := execution.exit_code()) is not None:
                with self._skipping(job):
                    self._after_exit(job, code)
                del self._running[job.id]
                if request.lane == "compute":
                    self._computing.release()
        queued = []
        for job in self._unsettled():
            with self._skipping(job):
                if self._advance(job):
                    queued.append(job)
        if self._ending:
            self._pause_running()
        else:
            for job in queued:
                with self._skipping(job):
                    self._start_if_free(job)
        return bool(self._running) or (bool(queued) and not self._ending)

    @contextmanager
    def _skipping(self, job: JobDirectory) -> Iterator[None]:
        """Leave a job for the next look when its directory cannot be used now; the others go on.

        Its disk may be full, or somebody removes it at this moment. What is wrong goes to ``runner.log``, once.
        """
        try:
            yield
        except Exception as error:
            if job.path.exists() and self._complaints.get(job.id) != str(error):
                self._complaints[job.id] = str(error)
                sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {job.id}: {error}\n")

    def _pause_running(self) -> None:
        """Ask what runs to pause, once."""
        for job, _, _ in self._running.values():
            if job.wishes()[-1:] != ["pause"]:
                with self._skipping(job):
                    job.ask("pause")

    def _unsettled(self) -> list[JobDirectory]:
        """Jobs that may need something, as they stand in the queue."""
        jobs = job_directories(self._workspace.jobs) if self._only is None else [self._only]
        waiting = (job for job in jobs if self._settled.get(job.id) != _wishes_size(job.path))
        return in_order(waiting, queue=True)

    def _advance(self, job: JobDirectory) -> bool:
        """Obey wishes and recover what a dead worker left; True when the job waits for a worker of ours."""
        if job.id in self._running:
            return False
        status = job.status()
        elsewhere = self._only is None and job.request().own_runner
        # Its own runner recovers it, once somebody asks for it again; wishes are obeyed in its absence.
        asked = status.state in AT_REST or len(job.wishes()) > status.controls_seen
        if elsewhere and (not asked or is_held(job.runner_lock)):
            return False
        if status.state == "running":
            if job.alive():
                return False  # a worker of an earlier runner is about to die with it
            self._after_exit(job, None)
            status = job.status()
        status = self._obey(job, status)
        if status.state in AT_REST:
            size = _wishes_size(job.path)
            if len(job.wishes()) > job.status().controls_seen and status.state != "done":
                return False  # asked for at this moment: the next look obeys
            if status.state == "done":
                adopt_result(self._workspace, job)
                drop_checkpoints(job, settings_of(self._workspace).checkpoint_days)
            elif status.state in ("stopped", "failed"):
                remove_half_products(self._workspace, job.id)
                remove_noted(job)
            self._settled[job.id] = size
            return False
        self._settled.pop(job.id, None)
        return not elsewhere

    def _obey(self, job: JobDirectory, status: Status) -> Status:
        """Act on wishes about a job that no worker has."""
        wishes = job.wishes()
        if len(wishes) <= status.controls_seen or status.state == "done":
            return status
        wanted = {"pause": "paused", "stop": "stopped"}.get(wishes[-1], "queued")
        if status.state in ("stopped", "failed") and wishes[-1] != "resume":
            wanted = status.state
        lost = 0 if wanted == "queued" else status.lost
        error = None if wanted == "queued" else status.error
        return job.change(state=wanted, controls_seen=len(wishes), lost=lost, error=error)

    def _start_if_free(self, job: JobDirectory) -> None:
        request = job.request()
        busy = sum(other.lane == request.lane for _, other, _ in self._running.values())
        if busy >= _AT_ONCE[request.lane]:
            return
        if request.lane == "compute" and not self._computing.acquire():
            return
        status, now = job.status(), time.time()
        rested = max(now - (status.last_worked or now), 0.0) if status.started else 0.0
        job.change(
            state="running",
            attempt=status.attempt + 1,
            started=status.started or now,
            ended=None,
            rested=status.rested + rested,
            heartbeat=now,
        )
        try:
            self._running[job.id] = (job, request, self._executor.start(job))
        except BaseException:
            self._computing.release()
            raise

    def _after_exit(self, job: JobDirectory, code: int | None) -> None:
        """Settle a job whose worker has ended (``code`` None: under an earlier runner)."""
        status = job.status()
        if status.state != "running":
            return
        if job.result() is not None:  # it died between its result and its last word
            job.change(state="done", ended=time.time())
            return
        cause = _cause(code)
        lost = status.lost + (code is not None)
        again = lost < _ATTEMPTS
        with suppress(OSError), closing(EventWriter(job.events)) as writer:  # the disk may be full
            writer.write("job.worker_lost", {"cause": cause, "attempt": status.attempt, "again": again})
        if again:
            job.change(state="queued", pid=None, lost=lost)
            return
        error = BakeoffError(
            "job.worker_lost",
            "The worker of this job ended {times} times without a word ({cause}).",
            fix="See its log with: bakeoff job logs {job}. Then resume it with: bakeoff job resume {job}",
            times=lost,
            cause=cause,
            job=job.id,
        )
        job.change(state="failed", ended=time.time(), lost=lost, error=error.record())


def adopt_result(workspace: Workspace, job: JobDirectory) -> bool:
    """Take a finished job's product into the catalogue; False when it was there already."""
    result: dict[str, Any] | None = job.result()
    if result is None:
        return False
    request = job.request()
    return adopt(
        workspace.catalogue,
        job_id=request.id,
        kind=request.kind,
        title=request.title,
        study=request.study,
        summary=result["summary"],
        what=Adoption.model_validate(result["adoption"]),
    )


def adopt_finished(workspace: Workspace) -> None:
    """Adopt every finished job; for whoever opens a workspace whose runner is gone."""
    for job in all_jobs(workspace.jobs):
        if job.status().state == "done" or (job.result() is not None and not job.alive()):
            adopt_result(workspace, job)


def _wishes_size(path: Path) -> int:
    try:
        return (path / "control.jsonl").stat().st_size
    except FileNotFoundError:
        return 0


def _cause(code: int | None) -> str:
    if code is None:
        return Words("the runner ended")
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return Words("{signal}, often a lack of memory", signal=name) if name == "SIGKILL" else name
    return Words("exit code {code}", code=code)


def main() -> None:
    """Be the runner of the workspace named on the command line, or of one job of it, unless it has one."""
    workspace = open_workspace(Path(sys.argv[1]))
    only = JobDirectory(workspace.jobs / sys.argv[2]) if len(sys.argv) > 2 else None
    lock = ProcessLock(workspace.runner_lock if only is None else only.runner_lock)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The lock is given back before the last look, so that a job queued meanwhile is not left waiting.
    while lock.acquire(timeout=1.0):
        runner = Runner(workspace, LocalExecutor(), only)
        signal.signal(signal.SIGTERM, lambda *_, runner=runner: runner.end())
        runner.run()
        lock.release()
        if not runner.wanted():
            return


if __name__ == "__main__":
    main()
