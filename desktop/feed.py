"""What happens in the workspace, noticed from outside: jobs that move on, a catalogue that changed.

Reading is done in the background, a few times a second; what is told has been gathered, however much happened. While
somebody scrolls or types, news come seldom: a page that is read and drawn anew makes the frames late.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from desktop.background import Background
from desktop.language import filled, tr
from desktop.problem import Problem
from engine.errors import BakeoffError
from engine.jobs.directory import JobDirectory
from engine.workspace import Workspace

#: Milliseconds between two looks.
_EVERY: Final = 400
#: Seconds without a sign of life after which a worker is called silent rather than busy.
_SILENT: Final = 30.0
#: Nanoseconds within which a file system may tell two changes by the same time (FAT: two seconds).
_TICK: Final = 3_000_000_000
#: Seconds for which news wait at most while somebody scrolls or types.
_PATIENCE: Final = 3.0


@dataclass(frozen=True)
class JobRow:
    """A job as it stands.

    Attributes:
        state: Of the engine, or ``interrupted`` for one whose worker and runner have died.
        progress: ``done``, ``total``, ``unit``, ``seconds_left`` where known.
        seconds: That it took, once it has ended.
        silent: Its worker has not shown itself for a while.
        error: The ``error`` object of the command line, when failed.
        place: Where in the queue it stands, the lowest is next; None where it has a runner of its own.
    """

    id: str
    kind: str
    title: str
    state: str
    created: float
    started: float | None = None
    ended: float | None = None
    seconds: float | None = None
    study: str | None = None
    progress: dict[str, Any] = field(default_factory=dict, hash=False)
    silent: bool = False
    error: dict[str, Any] | None = field(default=None, hash=False)
    place: float | None = None

    @property
    def active(self) -> bool:
        """Whether something is still to happen by itself."""
        return self.state in ("queued", "running")

    @property
    def unfinished(self) -> bool:
        """Whether it is still to come to an end, by itself or when somebody lets it go on."""
        return self.active or self.on_hold

    @property
    def on_hold(self) -> bool:
        """Whether it goes on only when somebody lets it."""
        return self.state in ("paused", "interrupted")

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None where that is not known."""
        done, total = self.progress.get("done"), self.progress.get("total")
        return min(1.0, done / total) if done is not None and total else None


@dataclass(frozen=True)
class Snapshot:
    """Everything that a look has found.

    Attributes:
        jobs: Oldest first.
        catalogue: Differs whenever the catalogue may have changed.
    """

    jobs: tuple[JobRow, ...] = ()
    catalogue: tuple[int, ...] = ()


class Feed(QObject):
    """Tells what changes in a workspace.

    Args:
        workspace: Which.
        background: Where it is read.
        busy: Whether somebody scrolls or types right now; None: nobody ever does.
    """

    #: Jobs are others, or stand differently.
    jobs_changed = Signal()
    #: The catalogue may hold something else.
    catalogue_changed = Signal()
    failed = Signal(object)

    def __init__(
        self,
        workspace: Workspace,
        background: Background,
        busy: Callable[[], bool] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.snapshot = Snapshot()
        self._workspace = workspace
        self._background = background
        self._busy = busy
        self._told_at = -float("inf")
        self._jobs_are_new = self._catalogue_is_new = False
        self._looking = False
        #: Job id -> when its folder was changed, its row; read anew when that is another time.
        self._known: dict[str, tuple[int, JobRow]] = {}
        self._timer = QTimer(self, interval=_EVERY)
        self._timer.timeout.connect(self.look)

    @property
    def jobs(self) -> tuple[JobRow, ...]:
        """All jobs, oldest first."""
        return self.snapshot.jobs

    @property
    def waits(self) -> bool:
        """Whether news wait right now, since somebody scrolls or types, and not for long yet."""
        return self._busy is not None and self._busy() and monotonic() - self._told_at < _PATIENCE

    def job(self, job_id: str) -> JobRow | None:
        """One of them."""
        return next((job for job in self.jobs if job.id == job_id), None)

    def start(self) -> None:
        """Look now, and from now on."""
        self.look()
        self._timer.start()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    @Slot()
    def look(self) -> None:
        """Look once, unless a look is under way."""
        if self._looking:
            return
        self._looking = True
        self._background.run(self, self._read, self._take, self._tell)

    def _read(self) -> Snapshot:
        with os.scandir(self._workspace.jobs) as entries:
            jobs = [row for one in entries if one.name[0] != "." and (row := self._row(one)) is not None]
        jobs.sort(key=lambda job: (job.created, job.id))
        return Snapshot(tuple(jobs), _stamp(self._workspace))

    def _row(self, entry: os.DirEntry[str]) -> JobRow | None:
        # The time of the folder alone, since there may be thousands: whoever changes how a job stands writes a new
        # file there and gives it its name. While it runs, it is read anyway.
        known = self._known.get(entry.name)
        try:
            changed = os.stat(entry.path).st_mtime_ns  # noqa: PTH116 (a Path of each takes longer than this)
            if known is not None and known[0] == changed and known[1].state not in ("running", "interrupted"):
                return known[1]
            directory = JobDirectory(Path(entry.path))
            request, status, place = directory.request(), directory.status(), directory.place()
        except (BakeoffError, OSError):
            return None  # being made or removed at this moment, or of a newer version
        state: str = status.state
        if state == "running" and directory.deserted(self._workspace.runner_lock):
            state = "interrupted"
        row = JobRow(
            id=request.id,
            kind=request.kind,
            title=request.told_title(tr, filled),
            state=state,
            created=request.created,
            started=status.started,
            ended=status.ended,
            seconds=status.seconds if status.ended else None,
            study=request.study,
            progress=status.progress,
            silent=state == "running"
            and status.heartbeat is not None
            and time.time() - status.heartbeat > _SILENT,
            error=status.error,
            place=None if request.own_runner else place,
        )
        # What has just changed may change once more within the same tick of the file system's clock.
        self._known[entry.name] = changed if time.time_ns() - changed > _TICK else 0, row
        return row

    def _take(self, snapshot: Snapshot) -> None:
        self._looking = False
        before, self.snapshot = self.snapshot, snapshot
        self._jobs_are_new |= snapshot.jobs != before.jobs
        self._catalogue_is_new |= snapshot.catalogue != before.catalogue
        if self.waits:
            return
        self._told_at = monotonic()
        if self._jobs_are_new:
            self._jobs_are_new = False
            self.jobs_changed.emit()
        if self._catalogue_is_new:
            self._catalogue_is_new = False
            self.catalogue_changed.emit()

    def _tell(self, problem: Problem) -> None:
        self._looking = False
        self.failed.emit(problem)


def _stamp(workspace: Workspace) -> tuple[int, ...]:
    """Times and sizes of the catalogue's files."""
    found: list[int] = []
    for file in sorted(workspace.root.glob("catalogue.sqlite*")):
        try:
            stat = file.stat()
        except FileNotFoundError:
            continue
        if not file.name.endswith("-shm"):  # it changes when somebody only reads
            found += [stat.st_mtime_ns, stat.st_size]
    return tuple(found)


def under_way(jobs: Sequence[JobRow], kind: str, most: int) -> tuple[JobRow, ...]:
    """The first jobs of a kind that are not over: those at work, the very last one if it failed, those that wait.

    Args:
        jobs: All of them, oldest first.
        kind: Of which kind.
        most: So many at most.
    """
    found = [job for job in jobs if job.kind == kind]
    failed = [job for job in found[-1:] if job.state == "failed"]
    working = [job for job in found if job.state == "running"]
    waiting = [job for job in found if job.unfinished and job.state != "running"]
    return tuple([*working, *failed, *waiting][:most])
