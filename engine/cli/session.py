"""What every command shares: the workspace, talking to the terminal, running a job and showing it."""

from __future__ import annotations

import json
import shutil
import sys
import time
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from engine.errors import UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from engine.jobs.client import JobClient
    from engine.jobs.directory import JobDirectory
    from engine.jobs.events import Event
    from engine.jobs.kinds import Lane
    from engine.workspace import Workspace

#: Seconds between two progress lines where the terminal cannot rewrite one.
_QUIET: Final = 5.0
#: Failures that the log of the job explains, or after which it goes on: it is not forgotten.
_KEPT: Final = ("job.crashed", "job.worker_lost", "hub.unreachable")
#: What a kind of job gives a name to.
_MAKES: Final = {"dataset_import": "dataset", "model_add": "model", "train": "model", "merge": "model"}
#: Seconds that a runner whose job has failed may take to end.
_ENDING: Final = 10.0
#: Kinds of jobs that go on with what an earlier attempt has learned, answered, paid for or fetched.
_RESUMED: Final = ("train", "judge", "generate", "model_add")


class Session:
    """One run of the command line.

    Attributes:
        as_json: stdout carries one JSON document and nothing else.
        folder: The workspace named on the command line, if any.
        printed: The one document is on stdout already.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.folder: str | None = None
        self.printed = False
        #: When a passing line about something was shown last, and which.
        self._shown: dict[str, tuple[float, str]] = {}
        self._line_open = False

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace, opened on first use."""
        from engine.workspace import open_workspace
        from engine.workspace.network import use_network

        opened = open_workspace(self.folder)
        use_network(opened)
        return opened

    @cached_property
    def client(self) -> JobClient:
        """The jobs of the workspace."""
        from engine.jobs.client import JobClient

        return JobClient(self.workspace)

    def say(self, text: str) -> None:
        """One line for a person, on stderr."""
        self.end_progress()
        with suppress(BrokenPipeError):
            print(text, file=sys.stderr, flush=True)

    def print_result(self, document: Any, text: str) -> None:
        """The result on stdout: the document with ``--json``, else the text."""
        self.end_progress()
        if self.as_json:
            self.printed = True
            print(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False), flush=True)
        elif text:
            print(text, flush=True)

    def run_job(
        self,
        kind: str,
        spec: BaseModel,
        title: str,
        *,
        lane: Lane | None = None,
        detach: bool = False,
        own_environment: bool = False,
        forget_failure: bool = False,
    ) -> dict[str, Any]:
        """Queue a job, or take up the parked one that does the same; show it; return its summary.

        Args:
            kind: Kind of job.
            spec: What to do.
            title: One line for people.
            lane: What it competes for, when the kind alone does not tell.
            detach: Return at once and leave it to the runner.
            own_environment: The job needs this process's environment (an API key).
            forget_failure: Remove the job's directory when its input was at fault, so that the workspace
                is as it was; not that of one that would go on with something.
        """
        from engine.jobs.client import JobFailedError

        job = self.parked(kind, spec)
        if job is None:
            self._require_unclaimed(kind, spec)
            job = self.client.submit(kind, spec, title, lane=lane, own_runner=own_environment)
        else:
            self.say(f"Continuing {job.id}.")
            job.ask("resume")
        if detach:
            self.client.ensure_runner(job)
            return {"job": job.id, "state": job.status().state}
        try:
            with self.client.parking([job]):
                self.client.ensure_runner(job)
                summary = self.client.wait(job, self.show_event)
            if job.id in self._shown:  # what was shown last is where it was then
                self._show_progress(job, at_once=True)
        except JobFailedError as error:
            if forget_failure and not _is_of_use(job, kind, error.code):
                _forget(job)
            raise
        wanted, got = getattr(spec, "name", None), summary.get("name") or summary.get("model")
        if wanted and got and got != wanted:
            self.say(f"  The name '{wanted}' was taken meanwhile, so it is called '{got}'.")
        return summary

    def show_event(self, job: JobDirectory, event: Event | None) -> None:
        """Show what happens in a job, briefly."""
        if event is None:
            self._show_progress(job)
        elif event.type == "decision":
            self.say(f"  {event.data['subject']}: {event.data['choice']} ({event.data['reason']})")
        elif event.type == "job.worker_lost":
            self.say(f"  The worker ended ({event.data['cause']}).")
        elif event.type == "warning":
            self.say(f"  Warning: {event.data.get('message', '')}")

    def _show_progress(self, job: JobDirectory, *, at_once: bool = False) -> None:
        progress = job.status().progress
        if progress:
            self.show_text(job.id, f"  {progress_text(progress)}", at_once=at_once)

    def show_text(self, key: str, text: str, *, at_once: bool = False) -> None:
        """A passing line about ``key``: rewritten in place on a terminal, now and then elsewhere.

        What was the last line already is not said again. With ``at_once`` it does not wait for its time.
        """
        interval = 0.5 if sys.stderr.isatty() else _QUIET
        moment, last = self._shown.get(key, (0.0, ""))
        if text == last or (time.monotonic() - moment < interval and not at_once):
            return
        self._shown[key] = (time.monotonic(), text)
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            self._line_open = True
        else:
            print(text, file=sys.stderr, flush=True)

    def end_progress(self) -> None:
        """Begin a new line after one that shows progress."""
        if self._line_open:
            with suppress(BrokenPipeError):
                print(file=sys.stderr, flush=True)
            self._line_open = False

    def parked(self, kind: str, spec: BaseModel) -> JobDirectory | None:
        """See `engine.jobs.client.JobClient.parked`."""
        return self.client.parked(kind, spec)

    def _require_unclaimed(self, kind: str, spec: BaseModel) -> None:
        """Refuse a name that a job at work is about to give to something else.

        Raises:
            NameTakenError: There is such a job.
        """
        from engine.jobs.directory import all_jobs
        from engine.workspace.naming import NameTakenError

        name = getattr(spec, "name", None)
        for job in all_jobs(self.workspace.jobs) if name else []:
            request = job.request()
            same = (
                _MAKES.get(request.kind) == _MAKES.get(kind) is not None and request.spec.get("name") == name
            )
            if same and job.status().state in ("queued", "running"):
                raise NameTakenError(
                    "name.claimed",
                    "The job '{title}' is about to make something named '{name}'.",
                    fix="Give another --name, or wait for it (bakeoff job show {job}).",
                    title=request.title,
                    name=name,
                    job=job.id,
                )


def progress_text(progress: dict[str, Any]) -> str:
    """``done of total unit, time left`` in words."""
    done, total, unit = progress.get("done", 0), progress.get("total"), progress.get("unit", "")
    if unit == "bytes":
        done, total, unit = done / 1e6, total / 1e6 if total else None, "MB"
    if total and unit == "planned seconds":  # of a study: what its plan expected, which a clock does not show
        text = f"{done / total:.0%} done"
    else:
        text = f"{done:,.0f} of {total:,.0f} {unit}" if total else f"{done:,.0f} {unit}"
    if progress.get("loss") is not None:
        text += f", loss {progress['loss']:.3f}"
    if progress.get("seconds_left") is not None:
        text += f", about {duration(progress['seconds_left'])} left"
    return text


def counted(number: int, what: str) -> str:
    """A number of things: 1 token, 2 tokens."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def duration(seconds: float) -> str:
    """Seconds in words: ``45 s``, ``3 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Rows in columns, numbers to the right."""
    cells = [headings, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    numeric = [
        bool(rows)
        and all(
            row[column].lstrip("-+").replace(".", "").replace(",", "").isdigit() or row[column] in ("", "-")
            for row in rows
        )
        for column in range(len(headings))
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def _forget(job: JobDirectory) -> None:
    """Remove a job; its own runner, where it has one, is waited for: it would make its lock's file anew."""
    from engine.locks import is_held

    deadline = time.monotonic() + _ENDING
    while job.path.exists() and time.monotonic() < deadline:
        if is_held(job.runner_lock):
            time.sleep(0.05)
        else:
            shutil.rmtree(job.path, ignore_errors=True)


def _is_of_use(job: JobDirectory, kind: str, code: str) -> bool:
    """Whether a job that has failed goes on with something, or its log explains the failure."""
    from engine.inference.budget import booked_usd

    if kind not in _RESUMED:
        return code in _KEPT
    budget = job.checkpoints / "budget.jsonl"
    kept = (path for path in job.checkpoints.rglob("*") if path.is_file() and path != budget)
    begun = any(path.stat().st_size for path in kept) or booked_usd(budget) > 0
    return begun or code in ("job.crashed", "job.worker_lost")


def parse_assignments(pairs: list[str], what: str) -> dict[str, str]:
    """``KEY=VALUE`` words as a mapping."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(
                "usage.assignment",
                "'{pair}' is not of the form {what}.",
                fix="Write it as {what}, without spaces around the equals sign.",
                pair=pair,
                what=what,
            )
        found[key.strip()] = value
    return found
