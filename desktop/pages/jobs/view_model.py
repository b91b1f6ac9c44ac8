"""The jobs of the workspace, the log of one of them, and what can be done with them. Knows no widgets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import psutil
from PySide6.QtCore import QObject, QTimer, Slot

from desktop.feed import JobRow
from desktop.language import tr
from desktop.pages.jobs.account import Account
from desktop.services import Services
from desktop.view_model import ViewModel
from desktop.words import count
from engine.jobs.directory import Action, JobDirectory
from engine.models.gpu_now import GpuNow, gpu_now

Shown = Literal["active", "done", "failed"]

#: Milliseconds between two looks at the log and the machine.
_EVERY: Final = 1500
#: States of each part of the page.
_PARTS: Final[dict[Shown, tuple[str, ...]]] = {
    "active": ("running", "interrupted", "queued", "paused"),
    "done": ("done",),
    "failed": ("failed", "stopped"),
}


@dataclass(frozen=True)
class Machine:
    """How busy this machine is, each from 0 to 1, and free bytes."""

    processor: float = 0.0
    memory_used: int = 0
    memory: int = 0
    disk_used: int = 0
    disk_free: int = 0
    gpu: GpuNow | None = None


@dataclass(frozen=True)
class JobsState:
    """What the page shows.

    Attributes:
        shown: Which part.
        jobs: Of this part: running ones first, then those that wait in order; finished ones newest first.
        counts: Jobs of each part.
        selected: Whose log is shown; empty: nobody's.
        log: The end of it.
        log_file: Where it lies.
    """

    shown: Shown = "active"
    jobs: tuple[JobRow, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    selected: str = ""
    log: str = ""
    log_file: str = ""
    machine: Machine = Machine()


class JobsModel(ViewModel[JobsState]):
    """Follows the jobs; pauses, resumes, stops them, and lets one that waits begin earlier or later."""

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, JobsState(), parent)
        self._shown_part: Shown = "active"
        self._account: Account | None = None
        self._wanted = ""
        self._timer = QTimer(self, interval=_EVERY)
        self._timer.timeout.connect(self.refresh)

    def show(self) -> None:
        """See `ViewModel`."""
        if not self.shown:
            self.services.feed.jobs_changed.connect(self._jobs_changed)
            self._timer.start()
        super().show()

    def hide(self) -> None:
        """See `ViewModel`."""
        if self.shown:
            self.services.feed.jobs_changed.disconnect(self._jobs_changed)
            self._timer.stop()
        super().hide()

    def read(self) -> Callable[[], JobsState]:
        """See `ViewModel`."""
        part, root = self._shown_part, self.services.workspace.root
        every = self.services.feed.jobs
        jobs = _part(every, part)
        selected = self._selected(jobs, every)
        directory = JobDirectory(self.services.workspace.jobs / selected) if selected else None
        counts = tuple((name, len(_part(every, name))) for name in _PARTS)

        def read() -> JobsState:
            memory, disk = psutil.virtual_memory(), shutil.disk_usage(root)
            machine = Machine(
                psutil.cpu_percent() / 100,
                memory.total - memory.available,
                memory.total,
                disk.total - disk.free,
                disk.free,
                gpu_now(),
            )
            log = self._account_of(directory).text() if directory is not None else ""
            file = str(directory.log) if directory is not None else ""
            return JobsState(part, jobs, counts, selected, log, file, machine)

        return read

    def _account_of(self, job: JobDirectory) -> Account:
        """What is told of a job; the last one is kept."""
        if self._account is None or self._account.job.path != job.path:
            self._account = Account(job)
        return self._account

    def show_part(self, part: Shown) -> None:
        """Show the active, the finished or the failed ones."""
        self._shown_part = part
        self.refresh()

    def select(self, job_id: str) -> None:
        """Show the log of a job, and the part that it is in."""
        self._wanted = job_id
        job = self.services.feed.job(job_id)
        if job is not None:
            self._shown_part = next(part for part, states in _PARTS.items() if job.state in states)
        self.refresh()

    def ask(self, job_id: str, action: Action) -> None:
        """Pause, resume or stop a job."""
        client = self.services.client
        self.do(lambda: client.ask(client.job(job_id), action))

    def move(self, job_id: str, before: str | None) -> None:
        """Let a waiting job begin before another one; None: last."""
        client = self.services.client
        self.do(lambda: client.move(client.job(job_id), client.job(before) if before else None))

    def step(self, job_id: str, down: bool) -> None:
        """Let a waiting job begin one place later or earlier; at the end of the queue it stays."""
        queue = waiting(self.state.jobs)
        at = queue.index(job_id) if job_id in queue else -1
        target = at + 2 if down else at - 1
        if at < 0 or target < 0 or target > len(queue):
            return
        self.move(job_id, queue[target] if target < len(queue) else None)

    def pause_all(self) -> None:
        """Pause everything that runs or waits."""
        client = self.services.client
        active = [job.id for job in self.services.feed.jobs if job.active]

        def pause() -> int:
            for job_id in active:
                client.job(job_id).ask("pause")
            if active:
                client.ensure_runner()
            return len(active)

        self.do(
            pause,
            lambda number: self.told.emit(
                count(number, tr("{count} job is being paused."), tr("{count} jobs are being paused."))
            ),
        )

    def _selected(self, jobs: tuple[JobRow, ...], every: tuple[JobRow, ...]) -> str:
        """The job that is wanted, if it is there, else the first of this part."""
        if any(job.id == self._wanted for job in every):
            return self._wanted
        return jobs[0].id if jobs else ""

    @Slot()
    def _jobs_changed(self) -> None:
        self.refresh()


def waiting(jobs: Sequence[JobRow]) -> list[str]:
    """Ids of those that can change places, in the order in which they begin."""
    return [job.id for job in jobs if job.state == "queued" and job.place is not None]


def _part(jobs: tuple[JobRow, ...], part: Shown | str) -> tuple[JobRow, ...]:
    states = _PARTS[part]  # type: ignore[index]
    chosen = [job for job in jobs if job.state in states]
    if part == "active":
        return tuple(
            sorted(chosen, key=lambda job: (states.index(job.state), job.place or job.created, job.id))
        )
    return tuple(sorted(chosen, key=lambda job: (job.ended or job.created, job.id), reverse=True))
