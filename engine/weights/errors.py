"""What can be wrong with weights on disk."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engine.errors import BakeoffError

#: The disk, the quota or the limit on the size of a file is exhausted (28, 122 and 27 on Linux).
_FULL: Final = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
#: What Windows answers when a disk is full (ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL).
_WINDOWS_FULL: Final = frozenset({112, 39})


class WeightsError(BakeoffError):
    """The weights of a model cannot be read or written; names the file and the tensor."""

    title = "The weights of a model cannot be used"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk and other failures of writing below ``path`` into a `WeightsError`."""
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL or getattr(error, "winerror", None) in _WINDOWS_FULL
        if full:
            raise WeightsError(
                "weights.disk_full",
                "There is not enough space to write {file}.",
                fix="Free space on this disk or choose another folder; nothing was left behind.",
                file=str(path),
                reason=str(error.strerror or error),
            ) from error
        raise WeightsError(
            "weights.unwritable",
            "{file} cannot be written: {reason}.",
            fix="Check that the folder exists and that you may write there.",
            file=str(path),
            reason=str(error.strerror or error),
        ) from error
