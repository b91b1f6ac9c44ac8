"""A file as a stream of bytes, unpacked on the way where it is gzipped, whose failures are told in words."""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from engine.datasets.errors import DatasetError
from engine.errors import reason_of

#: Longer rows are rejected, without being held in memory.
ROW_LIMIT: Final = 10_000_000
_BUFFER: Final = 1 << 20


class ByteSource:
    """A regular file that can be read from its beginning several times.

    Args:
        path: The file; gzip is recognised by its first bytes.

    Raises:
        DatasetError: It is missing, a directory, no regular file, or not readable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw: BinaryIO | None = None
        try:
            status = path.stat()
        except FileNotFoundError:
            raise DatasetError(
                "dataset.missing_file",
                "There is no file {file}.",
                fix="Check the path.",
                file=str(path),
            ) from None
        except OSError as error:
            raise self._unreadable(error) from error
        if stat.S_ISDIR(status.st_mode):
            raise DatasetError(
                "dataset.is_directory",
                "{file} is a directory, not a file.",
                fix="Name one file with examples.",
                file=str(path),
            )
        if not stat.S_ISREG(status.st_mode):
            raise DatasetError(
                "dataset.not_a_file",
                "{file} is not a regular file.",
                fix="Name a file on disk.",
                file=str(path),
            )
        self.size = status.st_size
        try:
            with path.open("rb") as stream:
                self.gzipped = stream.read(2) == b"\x1f\x8b"
        except OSError as error:
            raise self._unreadable(error) from error

    @property
    def inner_suffix(self) -> str:
        """The suffix that tells the container, in lower case: that before ``.gz``."""
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        if suffixes and suffixes[-1] in (".gz", ".gzip"):
            suffixes.pop()
        return suffixes[-1] if suffixes else ""

    @property
    def position(self) -> int:
        """How many bytes of the file on disk the open stream has taken."""
        return 0 if self._raw is None or self._raw.closed else self._raw.tell()

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader]:
        """The content, unpacked; failures of reading become errors in words."""
        with self.told(), self.path.open("rb") as raw:
            self._raw = raw
            if not self.gzipped:
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield io.BufferedReader(_as_raw(unpacked), _BUFFER)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell failures of reading in words."""
        try:
            yield
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DatasetError(
                "dataset.cut_archive",
                "{file} breaks off or is damaged: it cannot be unpacked to its end.",
                fix="Fetch or compress the file again.",
                file=str(self.path),
            ) from error

    def sample(self, size: int) -> bytes:
        """The first ``size`` bytes."""
        with self.open() as stream:
            try:
                return stream.read(size)
            except gzip.BadGzipFile:
                raise  # told by `open`
            except OSError as error:
                raise self._unreadable(error) from error

    def lines(self) -> Iterator[bytes]:
        """Pieces of the content that end with a line, or with `ROW_LIMIT` bytes."""
        with self.open() as stream:
            while line := stream.readline(ROW_LIMIT):
                yield line

    def sha256(self) -> str:
        """SHA-256 of the file as it lies on disk, in hex."""
        try:
            with self.path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> DatasetError:
        return DatasetError(
            "dataset.unreadable_file",
            "{file} cannot be read: {reason}.",
            fix="Check the file and its permissions.",
            file=str(self.path),
            reason=reason_of(error),
        )


def _as_raw(unpacked: gzip.GzipFile) -> Any:
    """`GzipFile` behaves as a raw stream (it has ``readinto``), which its type does not say."""
    return unpacked
