"""What a job's ``run(context)`` gets: its spec, the workspace, a voice, and a place for its files."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from engine.files import read_json, remove_leftovers, write_json
from engine.jobs.directory import JobDirectory
from engine.jobs.events import EventWriter
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption

#: Seconds between two writes of ``status.json`` while progress is reported.
_STATUS_EVERY: Final = 0.5
#: Seconds between two looks into ``control.jsonl``.
_CONTROL_EVERY: Final = 0.2


class JobInterruptedError(Exception):
    """Somebody asked the job to pause or stop; raised from `JobContext.check` at a safe place."""

    def __init__(self, action: Literal["pause", "stop"]) -> None:
        super().__init__(action)
        self.action = action


@dataclass(frozen=True)
class JobResult:
    """What a job hands back.

    Attributes:
        summary: The command line's JSON for this kind.
        adoption: What the catalogue takes over.
    """

    summary: dict[str, Any]
    adoption: Adoption = field(default_factory=Adoption)


class JobContext:
    """A job's view of itself; also the `engine.progress.Reporter` of all its work.

    Attributes:
        spec: The spec as JSON; ``run`` validates it with its own pydantic model.
        workspace: The workspace the job belongs to.
        created: When the job was asked for, in seconds since the epoch.
        controls_seen: How many wishes have been looked at.
        finishing: Somebody asked for an end with what there is; `check` finds out.
    """

    def __init__(self, directory: JobDirectory, workspace: Workspace, writer: EventWriter) -> None:
        request = directory.request()
        self.directory = directory
        self.workspace = workspace
        self.spec: dict[str, Any] = request.spec
        self.job_id = request.id
        self.study = request.study
        self.created = request.created
        self._writer = writer
        self.controls_seen = directory.status().controls_seen
        self.finishing = False
        self._last_status = 0.0
        self._last_control = 0.0
        self._interrupt: Literal["pause", "stop"] | None = None
        self._started = time.monotonic()
        self._first_progress: float | None = None
        self.progress_now: dict[str, Any] = {}

    @property
    def checkpoints(self) -> Path:
        """Where the job keeps what it needs to continue."""
        return self.directory.checkpoints

    def output_folder(self, where: Path) -> Path:
        """The final place of the job's product: ``where/<job id>``.

        What an earlier attempt left there, finished or half, was never adopted, and is removed.
        """
        folder = where / self.job_id
        remove_half_products(self.workspace, self.job_id)
        if folder.exists():
            shutil.rmtree(folder)
        return folder

    def remove_unless_done(self, place: Path) -> None:
        """Note a file or folder, wherever it lies, that is to be removed should the job be stopped or fail."""
        known = read_json(self.directory.unless_done) or []
        if str(place) not in known:
            write_json(self.directory.unless_done, [*known, str(place)])

    def event(self, type: str, /, **data: Any) -> None:
        """Append an event."""
        self._writer.write(type, data)

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        """Append an event about something that the engine chose by itself."""
        self._writer.write("decision", {"subject": subject, "choice": choice, "reason": reason, **data})

    def progress(self, done: float, total: float | None, unit: str, /, **data: Any) -> None:
        """Note how far the job is; written to ``status.json`` at most twice a second.

        The time that is left is told from how fast it went, unless ``data`` has ``seconds_left``.
        """
        moment = time.monotonic()
        # Work of several parts counts anew with each of them.
        begun = self.progress_now
        anew = begun and (unit != begun["unit"] or done < begun["done"])
        if self._first_progress is None or anew:
            self._first_progress = done
            self._started = moment
        self.progress_now = {"done": done, "total": total, "unit": unit, **data}
        gained = done - self._first_progress
        if total and gained > 0 and "seconds_left" not in data:
            self.progress_now["seconds_left"] = round((moment - self._started) / gained * (total - done), 1)
        if moment - self._last_status >= _STATUS_EVERY or done == total:
            self._last_status = moment
            self.directory.change(progress=self.progress_now, heartbeat=time.time())

    def interrupt(self, action: Literal["pause", "stop"]) -> None:
        """Make the next `check` raise (the worker's signal handler calls this)."""
        self._interrupt = action

    def check(self) -> None:
        """Raise `JobInterruptedError` when somebody asked the job to pause or stop."""
        moment = time.monotonic()
        if self._interrupt is None and moment - self._last_control >= _CONTROL_EVERY:
            self._last_control = moment
            wishes = self.directory.wishes()
            if len(wishes) > self.controls_seen and wishes[-1] in ("pause", "stop"):
                self._interrupt = wishes[-1]
            # Also what an earlier worker was asked for, which may have died before it was done.
            self.finishing = [wish for wish in wishes if wish in ("resume", "finish")][-1:] == ["finish"]
            # What is asked for later than this look is for whoever comes next.
            self.controls_seen = len(wishes)
        if self._interrupt is not None:
            raise JobInterruptedError(self._interrupt)


def remove_half_products(workspace: Workspace, job_id: str) -> None:
    """Remove what a job that ended in the middle was writing (see `engine.files.new_folder`)."""
    for where in (workspace.datasets, workspace.models, workspace.exports, workspace.outputs):
        remove_leftovers(where / job_id)


def remove_noted(directory: JobDirectory) -> None:
    """Remove what `JobContext.remove_unless_done` noted."""
    for noted in read_json(directory.unless_done) or []:
        place = Path(noted)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            with suppress(OSError):
                place.unlink(missing_ok=True)
    directory.unless_done.unlink(missing_ok=True)
