"""What a job has chosen by itself and warned of, what it printed, and what came of it. Knows no Qt."""

from __future__ import annotations

import json
import os
from typing import Final

from desktop.decision_words import decision_words
from desktop.language import tr
from desktop.pages.jobs.result_words import key_words, value_words
from desktop.retold import retold
from engine.jobs.directory import JobDirectory

_LOG_BYTES: Final = 24_000
#: Entries of a result that are told, and letters of each.
_MOST, _LONGEST = 40, 200


class Account:
    """The text of one job's card; what was read of its events once is not read again.

    Args:
        job: Whose.
    """

    def __init__(self, job: JobDirectory) -> None:
        self.job = job
        self._read = 0
        self._told: list[str] = []

    def text(self) -> str:
        """Choices and warnings, the end of the log, the result."""
        self._read_events()
        parts = ["\n".join(self._told), _end_of(self.job), "\n".join(_result_lines(self.job))]
        return "\n\n".join(part for part in parts if part)

    def _read_events(self) -> None:
        try:
            with self.job.events.open("rb") as stream:
                stream.seek(self._read)
                content = stream.read()
        except OSError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            # Most are figures of a training: only what is told is read.
            if b'"decision"' in line or b'"warning"' in line:
                self._told += _event_lines(line)


def _event_lines(line: bytes) -> list[str]:
    try:
        event = json.loads(line)
    except ValueError:
        return []
    data = event.get("data", {}) if isinstance(event, dict) else {}
    if event.get("type") == "decision":
        subject, reason = (str(data.get(name) or "") for name in ("subject", "reason"))
        return [decision_words(subject, data.get("choice"), reason)]
    if event.get("type") == "warning":
        return [tr("Warning: {message}", message=retold(str(data.get("message") or "")))]
    return []


def _end_of(job: JobDirectory) -> str:
    """The last lines of a job's log."""
    try:
        with job.log.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _LOG_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    # A progress line that was rewritten in place shows as it was last.
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line)


def _result_lines(job: JobDirectory) -> list[str]:
    """The summary of a job that is done, an entry a line."""
    found = job.result()
    summary = found.get("summary") if found is not None else None
    if not isinstance(summary, dict):
        return []
    lines = []
    for key, value in summary.items():
        told = value_words(key, value)
        if told:
            lines.append(f"{key_words(key)}: {told}"[:_LONGEST])
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            lines += [f"  {value_words(key, one)}"[:_LONGEST] for one in value[: _MOST // 4]]
        elif isinstance(value, dict) and isinstance(value.get("files"), list):  # a drift report
            lines += [f"  {value_words(key, one)}"[:_LONGEST] for one in value["files"]]
    return lines[:_MOST]
