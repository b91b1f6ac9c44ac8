"""The bundle while it is made: a folder under a temporary name whose finished parts survive a pause."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from engine.errors import BakeoffError
from engine.files import is_disk_full, read_json, replace, sha256_file, sync_folder, write_json
from engine.jobs.context import JobContext, JobInterruptedError
from engine.progress import Reporter
from engine.studies.release.errors import ReleaseError

SUMS: Final = "SHA256SUMS"
CARD: Final = "README.md"
FACTS: Final = "release.json"
_PART_BYTES: Final = 1 << 22


class Bundle:
    """A release being made.

    Args:
        context: The job.
        out: What the folder is to be called.
        identity: Of the weights (see `ModelFiles.identity`); parts that were made of others are made anew.
    """

    def __init__(self, context: JobContext, out: Path, identity: str) -> None:
        self.out = out
        #: Where it is made, the same for every attempt of the job.
        self.folder = out.with_name(f".{out.name}.{context.job_id[-12:]}.partial")
        self._record = context.checkpoints / "parts.json"
        self._context = context
        self._identity = identity
        found = read_json(self._record) or {}
        same = found.get("identity") == identity
        self._parts: dict[str, Any] = found["parts"] if same else {}
        #: Hash of `SUMS` once everything was made.
        self._sums: str | None = found["sums"] if same else None

    @property
    def finished(self) -> bool:
        """Whether an attempt of this job that was killed afterwards has given it its name already."""
        sums = self.out / SUMS
        return self._sums is not None and sums.is_file() and sha256_file(sums) == self._sums

    @contextmanager
    def making(self) -> Iterator[None]:
        """Make it here; afterwards it has its name, or is gone, or waits for the job to be resumed.

        Raises:
            ReleaseError: The disk is full, or the name was taken meanwhile.
        """
        require_free(self.out)
        if not self._parts:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif not self.folder.is_dir():
            self._parts = {}
        self._context.remove_unless_done(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(".*.partial"):  # by an attempt that was killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield
            require_free(self.out)
            if self.out.is_dir():
                self.out.rmdir()
            self._sums = sha256_file(self.folder / SUMS)
            self._write_record()
            replace(self.folder, self.out)
            sync_folder(self.out.parent)
        except JobInterruptedError as interruption:
            if interruption.action != "pause":
                self._discard()
            raise
        except (OSError, BakeoffError) as error:
            self._discard()
            if not _is_disk_full(error):
                raise
            raise ReleaseError(
                "release.disk_full",
                "The disk of {file} has no room for the release.",
                fix="Free some space, or name a folder on another disk.",
                file=str(self.out),
            ) from error
        except BaseException:
            self._discard()
            raise

    def part(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What ``make`` tells of a part that it writes; made once, whatever pauses lie between."""
        self._context.check()
        if name not in self._parts:
            self._context.event("release.part", part=name)
            self._parts[name] = make()
            self._write_record()
        return self.made(name)

    def made(self, name: str) -> dict[str, Any]:
        """What was told of a part that was made."""
        found: dict[str, Any] = self._parts[name]
        return found

    def _write_record(self) -> None:
        self._context.checkpoints.mkdir(parents=True, exist_ok=True)
        write_json(self._record, {"identity": self._identity, "parts": self._parts, "sums": self._sums})

    def _discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._record.unlink(missing_ok=True)


def _is_disk_full(error: OSError | BakeoffError) -> bool:
    """Whether a part found no room: its own error would name the temporary folder."""
    if isinstance(error, BakeoffError):
        return error.code.endswith(".disk_full")
    return is_disk_full(error)


def require_free(out: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        ReleaseError: It does, or the folder that it is to lie in is not there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ReleaseError(
            "release.exists",
            "{file} already exists.",
            fix="Name another folder, or remove that one first.",
            file=str(out),
        )
    if not out.parent.is_dir():
        raise ReleaseError(
            "release.no_folder",
            "There is no folder {file}.",
            fix="Make it first, or name another.",
            file=str(out.parent),
        )


def copy_file(source: Path, target: Path, reporter: Reporter) -> None:
    """Copy a file under a temporary name, then give it its own; may be interrupted at any moment."""
    temporary = target.with_name(f".{target.name}.partial")
    total, done = source.stat().st_size, 0
    with source.open("rb") as reading, temporary.open("wb") as writing:
        while part := reading.read(_PART_BYTES):
            writing.write(part)
            done += len(part)
            reporter.check()
            reporter.progress(done, total, "bytes")
    replace(temporary, target)


def write_sums(folder: Path) -> dict[str, str]:
    """Write ``SHA256SUMS`` over all files of a folder, as ``sha256sum --check`` reads it; returns the hashes."""
    sums = {
        file.relative_to(folder).as_posix(): sha256_file(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != SUMS
    }
    text = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    (folder / SUMS).write_text(text, encoding="utf-8", newline="\n")
    return sums


def bundle_files(folder: Path) -> list[str]:
    """The files of a finished bundle, each seen to be what `SHA256SUMS` says.

    Raises:
        ReleaseError: It is none, or a file was changed or is missing.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ReleaseError(
            "release.no_bundle",
            "{file} holds no release.",
            fix="Make one with: bakeoff release MODEL FOLDER",
            file=str(folder),
        ) from error
    names = []
    for line in lines:
        digest, _, name = line.partition("  ")
        file = folder / name
        if not file.is_file() or sha256_file(file) != digest:
            raise ReleaseError(
                "release.changed",
                "The file {file} is not the one that the release was made with.",
                fix="Remove the folder and release the model again.",
                file=str(file),
            )
        names.append(name)
    return [*names, SUMS]
