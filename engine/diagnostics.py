"""A file to send along with a report: versions, machine, jobs and their logs, without secrets and without data."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any, Final

from engine.errors import BakeoffError, reason_of
from engine.files import replace, temporary_name
from engine.jobs.directory import JobDirectory, all_jobs
from engine.workspace import Workspace

#: Names of the logs in a workspace's folder: what the runner says, and what went wrong in the window.
_RUNNER_LOG: Final = "runner.log"
WINDOW_LOG: Final = "window.log"
#: Jobs of which something is told, the newest ones; and bytes of the end of each log.
_JOBS: Final = 20
_LOG_BYTES: Final = 60_000
#: What looks like a key, wherever it stands.
_SECRET: Final = re.compile(r"\b(?:sk|pk|rk|hf|ghp|gho|xox[abp])[-_][\w*.\-]{6,}|Bearer\s+\S+", re.IGNORECASE)
#: Values of such fields are left out whatever they look like.
_SECRET_FIELD: Final = re.compile(r"key|token|secret|password|authorization", re.IGNORECASE)
#: Events whose data may hold what users have written.
_QUIET_EVENTS: Final = ("train.sample", "answer", "verdict")


def write_diagnostics(workspace: Workspace, file: Path, *, ask_torch: bool = True) -> Path:
    """Write a ZIP file about the machine and what has run last.

    It holds no dataset, no answer, no verdict and no weights; home folder and user name are replaced, and so is
    everything that looks like a key.

    Args:
        ask_torch: See `engine.models.machine.examine`.

    Raises:
        BakeoffError: It cannot be written.
    """
    from engine.models.machine import examine

    temporary = temporary_name(file)

    def tidy(text: str) -> str:
        return clean(text.replace(str(workspace.root), "[workspace]"))

    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("machine.json", tidy(_json(examine(str(workspace.root), ask_torch=ask_torch))))
            for log in (_RUNNER_LOG, WINDOW_LOG):
                bundle.writestr(log, tidy(_end(workspace.root / log)))
            for job in sorted(all_jobs(workspace.jobs), key=_last_heard)[-_JOBS:]:
                for name, text in _of_job(job):
                    bundle.writestr(f"jobs/{job.id}/{name}", tidy(text))
        replace(temporary, file)
    except OSError as error:
        raise BakeoffError(
            "diagnostics.unwritable",
            "The diagnostics cannot be written to {file}: {reason}.",
            fix="Choose another place.",
            file=str(file),
            reason=reason_of(error),
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return file


def clean(text: str) -> str:
    """A text without keys, home folder and user name."""
    home = Path.home()
    for place in dict.fromkeys((str(home), str(home.resolve()))):
        if len(place) > 1:
            text = text.replace(place, "~")
    text = re.sub(r"(/home/|/Users/|\\Users\\)[^/\\\s\"']+", r"\1someone", text)
    return _SECRET.sub("[left out]", text)


def _last_heard(job: JobDirectory) -> float:
    """When something last happened to a job: it ended, began, or was asked for."""
    status = job.status()
    return status.ended or status.started or job.request().created


def _of_job(job: JobDirectory) -> list[tuple[str, str]]:
    request = job.request()
    status = job.status()
    told = {
        "id": request.id,
        "kind": request.kind,
        "title": request.title,
        "study": request.study,
        "spec": _without_secrets(request.spec),
        "state": status.state,
        "attempt": status.attempt,
        "error": status.error,
        "progress": status.progress,
    }
    events = [
        line
        for line in _end(job.events).splitlines()
        if not any(f'"{name}' in line for name in _QUIET_EVENTS)
    ]
    return [
        ("job.json", _json(told)),
        ("worker.log", clean(_end(job.log))),
        ("events.jsonl", clean("\n".join(events))),
    ]


def _without_secrets(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(one, str(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_secrets(one, name) for one in value]
    return "[left out]" if isinstance(value, str) and _SECRET_FIELD.search(name) else value


def _json(value: Any) -> str:
    return clean(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def _end(file: Path) -> str:
    """The end of a text file; empty where there is none."""
    try:
        with file.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - _LOG_BYTES))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
