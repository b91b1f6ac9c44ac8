"""A failure as the window shows it: a title, what happened, and what to do. Knows no Qt."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from desktop.language import filled, tr
from desktop.ways import in_the_window
from engine.errors import BakeoffError, RecordedError, reason_of


@dataclass(frozen=True)
class Problem:
    """What to tell about a failure.

    Attributes:
        code: Of the engine's error, for programs and tests.
        file: The file at fault, where one is.
        details: Where in the program it was, for who mends it.
    """

    title: str
    message: str
    fix: str = ""
    code: str = ""
    file: str = ""
    details: str = field(default="", compare=False)


def problem_of_record(record: Mapping[str, Any] | None) -> Problem:
    """A failure that was written down by a job or another process, in the window's language."""
    return problem_of(RecordedError(record or {}))


def problem_of(error: BaseException) -> Problem:
    """Any failure in words, in the window's language."""
    if isinstance(error, BakeoffError):
        message, fix = error.told(in_the_window, filled)
        return Problem(tr(error.title), message, fix, error.code, error.file or "")
    if isinstance(error, OSError):
        reason = tr(reason_of(error))
        where = f": {error.filename}" if error.filename else ""
        return Problem(
            tr("The system refuses"),
            f"{reason[:1].upper()}{reason[1:]}{where}.",
            tr("Check the name, the permissions and the free space."),
            "os.error",
            str(error.filename or ""),
        )
    reason = str(error).strip().split("\n")[0][:300]
    return Problem(
        tr("Something unexpected happened"),
        f"{type(error).__name__}: {reason}" if reason else type(error).__name__,
        tr("Save the diagnostics in Settings and report it."),
        "unexpected",
        details="".join(traceback.format_exception(error)),
    )
