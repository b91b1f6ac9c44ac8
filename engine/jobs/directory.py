"""The job directory: the whole contract between those who want a job done and those who do it."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from engine.errors import BakeoffError, words_of
from engine.files import is_disk_full, new_folder, read_json, sync_folder, write_json
from engine.jobs.events import EventReader
from engine.jobs.kinds import KINDS, LANES, Lane
from engine.locks import is_held

#: Version of the files in a job directory. A newer one is refused in words.
PROTOCOL: Final = 1

State = Literal["queued", "running", "paused", "stopped", "failed", "done"]
#: ``finish``: end now, and keep what there is (see `engine.jobs.kinds.JobKind`).
Action = Literal["pause", "resume", "stop", "finish"]

#: States in which nothing happens to a job until somebody asks for it.
AT_REST: Final[frozenset[str]] = frozenset({"paused", "stopped", "failed", "done"})


class JobError(BakeoffError):
    """A job cannot be found, read or controlled."""

    title = "The job cannot be used"


@dataclass(frozen=True)
class Status:
    """``status.json``: how the job stands.

    Attributes:
        state: See `State`.
        attempt: How many workers have begun on it.
        lost: How many of them died by themselves since somebody last asked for the job.
        progress: ``done``, ``total``, ``unit`` and ``seconds_left`` where known.
        heartbeat: Seconds since the epoch at which the worker last showed that it is busy.
        started: When the first worker began, in seconds since the epoch.
        ended: When the last one ended.
        rested: Seconds between the two in which no worker was on it: it was paused, or everything had ended.
        controls_seen: How many lines of ``control.jsonl`` have been obeyed.
        error: When failed, the ``error`` object of the command line's JSON, with the templates behind its texts
            (see `engine.errors.BakeoffError.record`), which older versions did not write.
    """

    state: State = "queued"
    attempt: int = 0
    lost: int = 0
    pid: int | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    heartbeat: float | None = None
    started: float | None = None
    ended: float | None = None
    rested: float = 0.0
    controls_seen: int = 0
    error: dict[str, Any] | None = None
    protocol: int = PROTOCOL

    @property
    def last_worked(self) -> float | None:
        """When a worker was on it last, in seconds since the epoch; None before the first."""
        if self.state == "running":
            return time.time()
        return self.ended or self.heartbeat or self.started

    @property
    def seconds(self) -> float | None:
        """Seconds that workers have spent on it so far; None before the first."""
        until = self.last_worked
        if self.started is None or until is None:
            return None
        return max(until - self.started - self.rested, 0.0)


@dataclass(frozen=True)
class Request:
    """``spec.json``: what to do.

    Attributes:
        own_runner: The job needs the environment of whoever asks for it (an API key may be in it), so a
            runner that is started in that environment for this job alone runs it.
        title_words: The title as a template with its values (see `engine.errors.Words`); empty where it has none.
    """

    id: str
    kind: str
    title: str
    spec: dict[str, Any]
    created: float
    lane: Lane
    study: str | None = None
    own_runner: bool = False
    title_words: dict[str, Any] = field(default_factory=dict)
    protocol: int = PROTOCOL

    def told_title(self, translate: Callable[[str], str], fill: Callable[..., str] = str.format) -> str:
        """The title in another language, where it was given in the engine's words."""
        return words_of(self.title_words).told(translate, fill) if self.title_words else self.title


class JobDirectory:
    """One job directory, read and written by name only (see the module's first line)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changing = threading.Lock()

    @property
    def id(self) -> str:
        """The job's id, which is the folder's name."""
        return self.path.name

    @property
    def lock(self) -> Path:
        """Held by the worker while it lives."""
        return self.path / "worker.lock"

    @property
    def runner_lock(self) -> Path:
        """Held by the runner that this job has for itself, if it has one (see `Request`)."""
        return self.path / "runner.lock"

    @property
    def log(self) -> Path:
        """Everything the worker's process printed."""
        return self.path / "worker.log"

    @property
    def checkpoints(self) -> Path:
        """Where the job keeps what it needs to continue."""
        return self.path / "checkpoints"

    @property
    def unless_done(self) -> Path:
        """Names files and folders to be removed unless the job is done (see `JobContext.remove_unless_done`)."""
        return self.path / "unless_done.json"

    @property
    def events(self) -> Path:
        """The events of all attempts."""
        return self.path / "events.jsonl"

    def request(self) -> Request:
        """Read ``spec.json``.

        Raises:
            JobError: There is no such job, it is of a newer Bakeoff, or the file is damaged.
        """
        try:
            found = read_json(self.path / "spec.json")
        except ValueError:
            found = {}
        if found is None:
            raise JobError(
                "job.unknown",
                "There is no job '{name}'.",
                fix="See the jobs with: bakeoff job list",
                name=self.id,
            )
        values = _known_fields(found, Request, self.path)
        try:
            request = Request(**values)
        except TypeError:
            request = None
        if request is None or request.kind not in KINDS or request.lane not in LANES:
            raise JobError(
                "job.unreadable",
                "The job {file} cannot be read: its spec.json is damaged, or of a kind that is not known here.",
                fix="Update Bakeoff, or remove the folder.",
                file=str(self.path),
            )
        return request

    def place(self) -> float:
        """Where in the queue it stands: the lowest is next. Its moment of asking, unless it was moved."""
        try:
            found = read_json(self.path / "place.json")
        except ValueError:
            found = None
        return float(found) if isinstance(found, int | float) else self.request().created

    def move_to(self, place: float) -> None:
        """Stand elsewhere in the queue (see `place`)."""
        write_json(self.path / "place.json", place)

    def status(self) -> Status:
        """Read ``status.json``.

        Raises:
            JobError: It is of a newer Bakeoff.
        """
        try:
            found = read_json(self.path / "status.json")
        except ValueError:
            found = []
        if found is None:
            return Status()
        status = Status(**_known_fields(found, Status, self.path))
        if not isinstance(found, dict) or status.state not in get_args(State):
            # Only a heartbeat is written without waiting for the disk, so a power cut can have left half
            # of one: the job was running.
            return Status(state="running")
        return status

    def change(self, **changes: Any) -> Status:
        """Change fields of ``status.json``; for the lock's holder or, without one, the runner."""
        file = self.path / "status.json"
        with self._changing:
            status = replace(self.status(), **changes)
            try:
                # A heartbeat need not survive a power cut; a change of state must.
                write_json(file, asdict(status), durable="state" in changes)
            except OSError as error:
                if not is_disk_full(error):
                    raise
                # What has room is the old file itself; else nobody would ever hear that the disk is full.
                file.write_text(json.dumps(asdict(status), ensure_ascii=False), encoding="utf-8")
        return status

    def result(self) -> dict[str, Any] | None:
        """``result.json``, None while there is none."""
        value: dict[str, Any] | None = read_json(self.path / "result.json")
        return value

    def alive(self) -> bool:
        """Whether a worker holds the job."""
        return is_held(self.lock)

    def deserted(self, runner_lock: Path) -> bool:
        """Whether a running job is nobody's: it has no worker, and no runner that sees to it.

        While its runner lives, its worker is only about to begin, which takes seconds on a busy machine, or has
        died this moment.

        Args:
            runner_lock: Of the workspace.
        """
        if self.alive():
            return False
        return not is_held(self.runner_lock if self.request().own_runner else runner_lock)

    def ask(self, action: Action) -> None:
        """Append a wish to ``control.jsonl``."""
        line = json.dumps({"action": action, "time": round(time.time(), 3)}).encode() + b"\n"
        with (self.path / "control.jsonl").open("a+b") as stream:
            end = stream.seek(0, os.SEEK_END)
            if end:
                stream.seek(end - 1)
                if stream.read(1) != b"\n":
                    line = b"\n" + line  # somebody was killed in the middle of a line
            stream.write(line)

    def wishes(self) -> list[Action]:
        """All wishes so far, oldest first."""
        try:
            lines = (self.path / "control.jsonl").read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found: list[Action] = []
        for line in lines:
            try:
                action = json.loads(line)["action"]
            except (ValueError, TypeError, KeyError):
                continue  # half a line
            if action in get_args(Action):
                found.append(action)
        return found

    def reader(self) -> EventReader:
        """A reader from the first event on."""
        return EventReader(self.events)


def new_job_id(kind: str) -> str:
    """An id that sorts by time and says what the job is."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{kind.replace('_', '-')}-{uuid.uuid4().hex[:6]}"


def create(jobs: Path, request: Request) -> JobDirectory:
    """Make the directory of a new job; it appears whole, or not at all."""
    if not re.fullmatch(r"[\w.\-]{1,96}", request.id):
        raise JobError("job.bad_id", "'{name}' cannot name a job.", name=request.id)
    with new_folder(jobs / request.id) as folder:
        write_json(folder / "spec.json", asdict(request))
        write_json(folder / "status.json", asdict(Status()))
        (folder / "checkpoints").mkdir()
    sync_folder(jobs)
    return JobDirectory(jobs / request.id)


def all_jobs(jobs: Path) -> list[JobDirectory]:
    """Every job of a workspace that can be read, oldest first."""
    return in_order(job_directories(jobs))


def job_directories(jobs: Path) -> list[JobDirectory]:
    """Every job of a workspace, whether it can be read or not, by name."""
    with os.scandir(jobs) as entries:  # which needs no further look at each of thousands
        names = sorted(entry.name for entry in entries if entry.name[0] != "." and entry.is_dir())
    return [JobDirectory(jobs / name) for name in names]


def in_order(jobs: Iterable[JobDirectory], *, queue: bool = False) -> list[JobDirectory]:
    """Those of ``jobs`` that can be read, oldest first; with ``queue`` as they stand in the queue.

    Left out are jobs that somebody removes at this moment, damaged ones, and those of a newer Bakeoff.
    """
    found = []
    for job in jobs:
        try:
            job.status()
            found.append((job.place() if queue else job.request().created, job.id, job))
        except (JobError, OSError):
            continue
    return [job for _, _, job in sorted(found, key=lambda entry: entry[:2])]


def at_rest(job: JobDirectory) -> bool:
    """Whether nothing will happen to a job: at rest, no worker, and no wish that the runner has not seen.

    The status is read once, before the wishes: a wish seen between two readings would look obeyed.
    """
    status = job.status()
    if status.state not in AT_REST or job.alive():
        return False
    wishes = job.wishes()
    return (
        status.state == "done"
        or len(wishes) <= status.controls_seen
        or wishes[-1] not in ("resume", "finish")
    )


def _known_fields(found: Any, shape: type[Request] | type[Status], path: Path) -> dict[str, Any]:
    """What ``found`` has of the fields of ``shape``; a later version of the same protocol may know more."""
    if not isinstance(found, dict):
        return {}
    _refuse_newer(found, path)
    known = {field.name for field in fields(shape)}
    return {name: value for name, value in found.items() if name in known}


def _refuse_newer(found: dict[str, Any], path: Path) -> None:
    protocol = found.get("protocol", 0)
    if not isinstance(protocol, int) or protocol > PROTOCOL:
        raise JobError(
            "job.newer",
            "The job {file} was written by a newer Bakeoff.",
            fix="Update Bakeoff.",
            file=str(path),
        )
