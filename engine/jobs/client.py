"""Submitting jobs, watching them, and keeping the runner alive: for commands, the window and studies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.errors import RecordedError, Words, without_templates
from engine.files import FileError
from engine.jobs.directory import (
    AT_REST,
    Action,
    JobDirectory,
    JobError,
    Request,
    all_jobs,
    at_rest,
    create,
    in_order,
    job_directories,
    new_job_id,
)
from engine.jobs.events import Event
from engine.jobs.kinds import KINDS, Lane
from engine.jobs.processes import spawn_module
from engine.locks import is_held
from engine.workspace import Workspace

if TYPE_CHECKING:
    from pydantic import BaseModel

_LOOK_EVERY: Final = 0.1
_START_SECONDS: Final = 20.0
#: How often a runner is started before its not starting is told.
_STARTS: Final = 3
#: Ends of the codes of errors that came from outside, so that the same request may go on with the job.
_BROKEN_OFF: Final = (".disk_full", ".disk_low", "job.worker_lost", "hub.unreachable")


class JobFailedError(RecordedError):
    """A job that somebody waited for has failed; carries the job's own error."""

    title = "The job failed"

    def __init__(self, job: JobDirectory, error: dict[str, Any]) -> None:
        super().__init__({"title": self.title, **error})
        self.job = job
        self.error = error

    def as_dict(self) -> dict[str, Any]:
        """The job's own error object."""
        return dict(without_templates(self.error) or {})


class JobClient:
    """What a program does with the jobs of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def submit(
        self,
        kind: str,
        spec: BaseModel,
        title: str,
        *,
        lane: Lane | None = None,
        study: str | None = None,
        job_id: str | None = None,
        own_runner: bool = False,
    ) -> JobDirectory:
        """Queue a job.

        Args:
            kind: A key of `engine.jobs.kinds.KINDS`.
            spec: What to do.
            title: One line for people; `Words` can be read in another language.
            lane: What it competes for, when the kind alone does not tell.
            study: The study it is part of.
            job_id: A chosen id; when a job with it exists, that one is returned unchanged.
            own_runner: It needs this process's environment (see `engine.jobs.directory.Request`).
        """
        if job_id is not None and (self._workspace.jobs / job_id / "spec.json").exists():
            return self.job(job_id)
        request = Request(
            id=job_id or new_job_id(kind),
            kind=kind,
            title=str(title),
            title_words=title.record() if isinstance(title, Words) else {},
            spec=spec.model_dump(mode="json"),
            created=time.time(),
            lane=lane or KINDS[kind].lane,
            study=study,
            own_runner=own_runner,
        )
        try:
            return create(self._workspace.jobs, request)
        except FileError:
            if job_id is None:
                raise
            return self.job(job_id)  # somebody else has made it at this moment

    def parked(self, kind: str, spec: BaseModel) -> JobDirectory | None:
        """A job that was asked for with the same words and is not done, though nothing was wrong with the words."""
        wanted = spec.model_dump(mode="json")
        for job in reversed(all_jobs(self._workspace.jobs)):
            request, status = job.request(), job.status()
            same = request.kind == kind and request.spec == wanted and request.study is None
            code = str((status.error or {}).get("code", ""))
            broken_off = status.state == "failed" and code.endswith(_BROKEN_OFF)
            if same and (status.state in ("paused", "queued", "running") or broken_off):
                return job
        return None

    def begin(
        self, kind: str, spec: BaseModel, title: str, *, lane: Lane | None = None, own_runner: bool = False
    ) -> JobDirectory:
        """Queue a job, or take up the parked one that does the same, and see that it runs (see `submit`)."""
        job = self.parked(kind, spec)
        if job is None:
            job = self.submit(kind, spec, title, lane=lane, own_runner=own_runner)
        elif job.status().state in ("paused", "failed"):
            job.ask("resume")
        self.ensure_runner(job)
        return job

    def job(self, job_id: str) -> JobDirectory:
        """The job ``job_id``; an unambiguous beginning or end of an id is enough."""
        exact = self._workspace.jobs / job_id
        if job_id and (exact / "spec.json").exists():
            return JobDirectory(exact)
        names = [path.name for path in self._workspace.jobs.iterdir() if (path / "spec.json").exists()]
        matches = [name for name in names if job_id and (name.startswith(job_id) or name.endswith(job_id))]
        if len(matches) != 1:
            raise JobError(
                "job.unknown",
                "There is no job '{name}'." if not matches else "'{name}' fits several jobs.",
                fix="See the jobs with: bakeoff job list",
                name=job_id,
            )
        return JobDirectory(self._workspace.jobs / matches[0])

    def ensure_runner(self, job: JobDirectory | None = None) -> None:
        """Start the runner unless it lives: that of ``job`` where it has its own, else the workspace's.

        A runner of its own gets this process's environment.

        Raises:
            JobError: It does not start.
        """
        lock = self._workspace.runner_lock if job is None else self._lock_of(job)
        words = [str(self._workspace.root)]
        if job is not None and lock != self._workspace.runner_lock:
            words.append(job.id)
        log = self._workspace.root / "runner.log"
        for _ in range(_STARTS):
            if is_held(lock):
                return
            ours = spawn_module("engine.jobs.runner", *words, log=log)
            deadline = time.monotonic() + _START_SECONDS
            while not is_held(lock) and ours.poll() is None and time.monotonic() < deadline:
                time.sleep(_LOOK_EVERY / 2)
            if is_held(lock) or ours.poll() == 0:
                return  # or it has found nothing to do
            if (ours.poll() or 0) > 0:
                break  # it says why; one that was killed is started again
        raise JobError(
            "job.no_runner",
            "The background process that runs jobs does not start.",
            fix="The file {file} may say why.",
            file=str(log),
        )

    def ask(self, job: JobDirectory, action: Action) -> None:
        """Pause, resume, stop or finish a job, and see that somebody obeys.

        Raises:
            JobError: It is to be finished, and has nothing that could be kept.
        """
        if action == "finish":
            _require_product(job)
        job.request()
        job.ask(action)
        self.ensure_runner(job)

    def move(self, job: JobDirectory, before: JobDirectory | None) -> None:
        """Let a waiting job stand before another one in the queue; None: at its end.

        Raises:
            JobError: One of them does not wait there.
        """
        queue = [one for one in in_order(job_directories(self._workspace.jobs), queue=True) if _waits(one)]
        waiting = [one.id for one in queue]
        for one in (job, before or job):
            if one.id not in waiting:
                raise JobError(
                    "job.not_waiting",
                    "The job '{title}' does not wait in the queue.",
                    fix="See the jobs with: bakeoff job list",
                    title=one.request().title,
                )
        if before is not None and before.id == job.id:
            return
        others = [one for one in queue if one.id != job.id]
        at = len(others) if before is None else [one.id for one in others].index(before.id)
        earlier, later = others[:at], others[at:]
        low = earlier[-1].place() if earlier else None
        high = later[0].place() if later else None
        if low is None or high is None:
            if high is not None:
                job.move_to(high - 1.0)
            elif low is not None:
                job.move_to(low + 1.0)
            return
        middle = (low + high) / 2
        if not low < middle < high:  # no room between the two: what comes later moves on
            for number, one in enumerate(later):
                one.move_to(low + 2.0 + number)
            middle = low + 1.0
        job.move_to(middle)

    def follow(
        self,
        jobs: Iterable[JobDirectory],
        *,
        on_rest: Callable[[JobDirectory], None] = lambda _job: None,
    ) -> Iterator[tuple[JobDirectory, Event | None]]:
        """Yield every event of ``jobs`` as it happens, until all are at rest.

        Between events ``(job, None)`` is yielded about ten times a second, for showing progress.

        Args:
            jobs: Whom to follow.
            on_rest: Called for each job that has come to rest, after its last event and its adoption.
        """
        # Here and below, not above: who submits needs no catalogue, and it takes longest to load.
        from engine.jobs.runner import adopt_result

        waiting = {job.id: (job, job.reader()) for job in jobs}
        checked = 0.0
        while waiting:
            for job, reader in list(waiting.values()):
                resting = at_rest(job)
                for event in reader.new():
                    yield job, event
                if resting:
                    del waiting[job.id]
                    if job.status().state == "done":
                        adopt_result(self._workspace, job)
                    on_rest(job)
                else:
                    yield job, None
            if waiting:
                if time.monotonic() - checked > 1.0:
                    checked = time.monotonic()
                    for job, _ in waiting.values():
                        self.ensure_runner(job)
                time.sleep(_LOOK_EVERY)

    def wait(
        self,
        job: JobDirectory,
        on_event: Callable[[JobDirectory, Event | None], None] = lambda _job, _event: None,
    ) -> dict[str, Any]:
        """Wait until a job is done and adopted; return its summary.

        Raises:
            JobFailedError: It failed.
            JobError: It was paused or stopped meanwhile.
        """
        for which, event in self.follow([job]):
            on_event(which, event)
        return self.finished(job)

    def finished(self, job: JobDirectory) -> dict[str, Any]:
        """The summary of a job at rest (see `wait`): as adopted, with the names that were free."""
        from engine.workspace.adoption import adopted_summary

        status = job.status()
        result = job.result()
        if status.state == "done" and result is not None:
            summary: dict[str, Any] = adopted_summary(self._workspace.catalogue, job.id) or result["summary"]
            return summary
        if status.state == "failed" and status.error:
            raise JobFailedError(job, status.error)
        raise JobError(
            f"job.{status.state}",
            "The job '{title}' is {state}.",
            fix="Continue it with: bakeoff job resume {job}",
            title=job.request().title,
            state=status.state,
            job=job.id,
        )

    def park(self, jobs: Iterable[JobDirectory], timeout: float = 60.0) -> None:
        """Pause jobs and wait until their workers have written their checkpoints and ended."""
        asked = [job for job in jobs if job.status().state not in AT_REST]
        for job in asked:
            job.ask("pause")
        deadline = time.monotonic() + timeout
        while (
            any(job.status().state not in AT_REST or job.alive() for job in asked)
            and time.monotonic() < deadline
        ):
            if not any(is_held(self._lock_of(job)) for job in asked):
                return  # nobody runs them: they are parked as they are
            time.sleep(_LOOK_EVERY)

    @contextmanager
    def parking(self, jobs: Iterable[JobDirectory]) -> Iterator[None]:
        """On Ctrl-C inside the block, park ``jobs``."""
        try:
            yield
        except KeyboardInterrupt:
            self.park(jobs)
            raise

    def _lock_of(self, job: JobDirectory) -> Path:
        """The lock of the runner that runs a job."""
        return job.runner_lock if job.request().own_runner else self._workspace.runner_lock


def _require_product(job: JobDirectory) -> None:
    request, status = job.request(), job.status()
    if KINDS[request.kind].finishes and status.progress and status.state in ("running", "queued", "paused"):
        return
    raise JobError(
        "job.cannot_finish",
        "The job '{title}' has nothing yet that could be kept.",
        fix="A training that has begun can be ended early; other jobs are stopped, or run to their end.",
        title=request.title,
    )


def _waits(job: JobDirectory) -> bool:
    """Whether it stands in the queue of the workspace's runner."""
    return job.status().state == "queued" and not job.request().own_runner
