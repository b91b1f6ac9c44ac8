"""What can be wrong when a model is exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engine.errors import BakeoffError, reason_of
from engine.files import is_disk_full

#: What to do about a model that is of no kind that is known here.
WAY_OUT: Final = (
    "Convert the model's folder with a converter of llama.cpp that knows it, then give its file to the same command "
    "with: --converted FILE.gguf"
)


class ExportError(BakeoffError):
    """A model that cannot be exported, or not like this."""

    title = "The model cannot be exported"


@contextmanager
def disk_errors(place: Path, nbytes: int) -> Iterator[None]:
    """Tell what a disk refuses by the place that was asked for, not by the temporary one that is written.

    A file elsewhere, which was to be read, is told by its own name.

    Args:
        place: Where the export goes.
        nbytes: What it needs there, about.

    Raises:
        ExportError: The disk is full, or something cannot be written or read.
    """
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise _disk_full(place, nbytes) from error
        if isinstance(error.filename, str) and not _is_at(place, Path(error.filename)):
            raise ExportError(
                "export.not_read",
                "{file} cannot be read: {reason}.",
                fix="Check that the file is there and that you may read it.",
                file=error.filename,
                reason=reason_of(error),
            ) from error
        raise ExportError(
            "export.not_written",
            "{file} cannot be written: {reason}.",
            fix="Check the folder and its permissions, or export to another one.",
            file=str(place),
            reason=reason_of(error),
        ) from error
    except BakeoffError as error:
        if not error.code.endswith(".disk_full"):
            raise
        raise _disk_full(place, nbytes) from error


def _is_at(place: Path, file: Path) -> bool:
    """Whether a file is a place, in it, or in the temporary one beside it that has its name."""
    if not file.is_relative_to(place.parent):
        return False
    beside = file.relative_to(place.parent).parts[:1]
    return not beside or place.name in beside[0]


def _disk_full(place: Path, nbytes: int) -> ExportError:
    return ExportError(
        "export.disk_full",
        "The disk is full: {file} needs about {megabytes:,.0f} MB.",
        fix="Free some space, or export to another disk.",
        file=str(place),
        megabytes=max(1, nbytes / 1e6),
    )
