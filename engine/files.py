"""Writing files so that a final name always holds a whole file; hashing; sizes."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from engine.errors import BakeoffError, reason_of

#: Errors with which Windows answers while a virus scanner or a reader still holds a file.
_WINDOWS_BUSY: Final = frozenset({5, 32, 33})
_WINDOWS_RETRY_SECONDS: Final = 3.0
#: The disk, the quota or the limit on the size of a file is exhausted.
_FULL: Final = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_WINDOWS_FULL: Final = frozenset({39, 112})


class FileError(BakeoffError):
    """A file cannot be read or written."""

    title = "A file cannot be used"


def retry_while_busy(action: Callable[[], None]) -> None:
    """Run ``action``; while Windows says the file is busy, try again for 3 seconds."""
    deadline = time.monotonic() + _WINDOWS_RETRY_SECONDS
    while True:
        try:
            return action()
        except OSError as error:
            busy = getattr(error, "winerror", None) in _WINDOWS_BUSY
            if not busy or time.monotonic() >= deadline:
                raise
            time.sleep(0.05)


def replace(source: Path, target: Path) -> None:
    """Rename ``source`` over ``target`` atomically (see `retry_while_busy`)."""
    retry_while_busy(lambda: _replace(source, target))


def _replace(source: Path, target: Path) -> None:
    source.replace(target)


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Put ``content`` at ``path`` at once: a reader sees the old file or the new one.

    With ``durable`` it also waits until the disk has it, so that a power cut cannot undo it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Put ``text`` at a place that a user has named (see `write_bytes`).

    Raises:
        FileError: It cannot be written there.
    """
    try:
        write_bytes(path, text.encode("utf-8"))
    except OSError as error:
        raise FileError(
            "file.not_written",
            "{file} cannot be written: {reason}.",
            fix="Choose another place.",
            file=str(path),
            reason=reason_of(error),
        ) from error


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Put ``value`` as JSON at ``path`` at once (see `write_bytes`)."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    write_bytes(path, text.encode("utf-8"), durable=durable)


def read_json(path: Path) -> Any:
    """Read a JSON file; None where it does not exist (it may be about to be replaced)."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def temporary_name(path: Path) -> Path:
    """A name beside ``path`` that nobody else uses and that says it is not final."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")


def remove_leftovers(path: Path) -> None:
    """Remove what attempts that were killed have left of ``path`` under names of `temporary_name`."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes ``target`` when the block ends well.

    Raises:
        FileError: ``target`` exists already and is not an empty folder.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise _taken(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(target)
    temporary.mkdir()
    try:
        yield temporary
        try:
            with suppress(FileNotFoundError):
                target.rmdir()
            replace(temporary, target)
        except OSError as error:
            if target.is_dir() and any(target.iterdir()):  # somebody was faster
                raise _taken(target) from error
            raise
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _taken(place: Path) -> FileError:
    return FileError(
        "file.exists",
        "{file} already exists.",
        fix="Choose another name, or remove it first.",
        file=str(place),
    )


def sync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` durable (a no-op on Windows, which has no such call)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """SHA-256 of a value's canonical JSON (sorted keys, no spaces), in hex."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def is_disk_full(error: OSError) -> bool:
    """Whether an error says that the disk, a quota or a limit on file sizes has no room."""
    return error.errno in _FULL or getattr(error, "winerror", None) in _WINDOWS_FULL


def copy_folder(source: Path, target: Path) -> None:
    """Copy what is in a folder into another one.

    Raises:
        OSError: The first failure itself; `shutil` alone would gather the texts of all.
    """
    failures: list[OSError] = []

    def copy(one: str, other: str) -> str:
        try:
            return shutil.copy2(one, other)
        except OSError as error:
            failures.append(error)
            raise

    try:
        shutil.copytree(source, target, dirs_exist_ok=True, copy_function=copy)
    except shutil.Error as error:
        raise failures[0] if failures else error from None


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below ``folder`` (those that vanish meanwhile do not count)."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_size
    return total
