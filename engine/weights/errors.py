"""What can be wrong with weights on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import BakeoffError, reason_of
from engine.files import is_disk_full


class WeightsError(BakeoffError):
    """The weights of a model cannot be read or written; names the file and the tensor."""

    title = "The weights of a model cannot be used"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk and other failures of writing below ``path`` into a `WeightsError`."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise WeightsError(
                "weights.disk_full",
                "There is not enough space to write {file}.",
                fix="Free space on this disk or choose another folder; nothing was left behind.",
                file=str(path),
                reason=reason_of(error),
            ) from error
        raise WeightsError(
            "weights.unwritable",
            "{file} cannot be written: {reason}.",
            fix="Check that the folder exists and that you may write there.",
            file=str(path),
            reason=reason_of(error),
        ) from error
