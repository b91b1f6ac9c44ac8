"""Downloading a model from the Hugging Face Hub: safetensors only, and never refused after the weights came.

Files come one by one, each under a temporary name until it is whole. A connection that breaks off is taken up
where it stopped, by this attempt or by the next one of the same job: huggingface_hub's own download would begin
the file again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import httpx2

from engine.errors import Words, reason_of
from engine.files import is_disk_full, replace
from engine.models.errors import ModelError
from engine.models.inspect import WEIGHTS_INDEX, indexed_files, loaded_files
from engine.models.notices import is_card, is_notice
from engine.progress import Reporter

_WANTED: Final = ("*.json", "*.jinja", "*.model", "*.txt")
#: Seconds to wait before trying again, each time that an attempt brought nothing.
_WAITS: Final = (1.0, 2.0, 4.0)
#: Answers of the Hub after which trying again may help.
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
#: Seconds without a byte after which a connection counts as broken.
_TIMEOUT: Final = 20.0

#: Name and size of a file; 0 where the Hub does not tell.
Sized = tuple[str, int]


def download(
    repository: str, revision: str, folder: Path, reporter: Reporter, vet: Callable[[Path], None]
) -> tuple[str, Path]:
    """Bring ``repository`` at ``revision`` into ``folder``; what is there already is not fetched again.

    Args:
        repository: The hub id.
        revision: Branch, tag or commit.
        folder: The job's own; keeps what came when the job breaks off.
        reporter: Hears the progress in bytes, and may interrupt at any moment.
        vet: Looks at a folder that has all but the weights, and refuses it.

    Returns:
        The commit that was downloaded, and where its files lie.

    Raises:
        ModelError: It does not exist, is gated, has no safetensors, the disk is full, or the Hub cannot be
            reached.
    """
    from huggingface_hub import HfApi

    with _told(repository, revision, folder):
        details = HfApi().model_info(repository, revision=revision, files_metadata=True)
        commit = str(details.sha)
        small, weights = _choose(repository, details.siblings or [])
        place = _place(folder, commit)
        files = _Files(repository, commit, place, reporter)
        # Which weights it will be is certain once the index is here.
        likely = loaded_files([name for name, _ in weights], None)
        files.expect(small + [(name, size) for name, size in weights if name in likely])
        files.fetch(small)
    vet(place)
    indexed = indexed_files(place)
    needed = loaded_files([name for name, _ in weights], indexed)
    missing = sorted(set(needed) - {name for name, _ in weights})
    if missing:
        raise ModelError(
            "model.missing_shard",
            "The model {name} has no weights file {file}, which its {index} names.",
            fix="Choose another revision of the model.",
            name=repository,
            file=missing[0],
            index=WEIGHTS_INDEX,
        )
    chosen = [(name, size) for name, size in weights if name in needed]
    files.expect(small + chosen)
    with _told(repository, revision, folder):
        files.fetch(chosen)
    return commit, place


def _choose(repository: str, siblings: list[Any]) -> tuple[list[Sized], list[Sized]]:
    """The small files to fetch, and all weights; subfolders are other formats of the same weights."""
    files = [(item.rfilename, int(item.size or 0)) for item in siblings if "/" not in item.rfilename]
    small = [(name, size) for name, size in files if _is_wanted(name)]
    weights = [(name, size) for name, size in files if name.endswith(".safetensors")]
    if not weights:
        raise ModelError(
            "model.pickle"
            if any(name.endswith((".bin", ".pt")) for name, _ in files)
            else "model.no_weights",
            "The model {name} has no .safetensors weights; Bakeoff never opens pickles.",
            fix="Choose a version of the model with .safetensors files.",
            name=repository,
        )
    return small, weights


def _is_wanted(name: str) -> bool:
    return is_card(name) or is_notice(name) or any(fnmatchcase(name.lower(), pattern) for pattern in _WANTED)


def _place(folder: Path, commit: str) -> Path:
    """The folder for the files of one commit; those of another are of no use once a branch has moved on."""
    for other in folder.iterdir() if folder.is_dir() else ():
        if other.name != commit:
            shutil.rmtree(other)
    place = folder / commit
    place.mkdir(parents=True, exist_ok=True)
    return place


class _Files:
    """Fetches files of one commit.

    Args:
        repository: The hub id.
        commit: The commit.
        place: Where they go.
        reporter: Hears the progress, and may interrupt.
    """

    def __init__(self, repository: str, commit: str, place: Path, reporter: Reporter) -> None:
        self._repository = repository
        self._commit = commit
        self._place = place
        self._reporter = reporter
        self._done = self._total = 0

    def expect(self, files: list[Sized]) -> None:
        """These are all that will be fetched, with those that have been."""
        self._total = sum(size for _, size in files)

    def fetch(self, files: list[Sized]) -> None:
        """Bring ``files``, or what is missing of them.

        Raises:
            ModelError: There is no room for them.
        """
        left = sum(max(size - self._held(name), 0) for name, size in files)
        free = shutil.disk_usage(self._place).free
        if left > free:
            raise _disk_full(self._repository, self._place, left / 1e6, free / 1e6)
        for name, size in files:
            if not (self._place / name).exists():
                self._file(name, size)
            self._done += self._held(name)
            self._tell(0)

    def _held(self, name: str) -> int:
        """How many bytes of a file are here."""
        for path in (self._place / name, self._partial(name)):
            if path.exists():
                return path.stat().st_size
        return 0

    def _partial(self, name: str) -> Path:
        return self._place / f".{name}.partial"

    def _file(self, name: str, size: int) -> None:
        """Bring one file, however often the connection breaks off, as long as each attempt brings something."""
        waits = iter(_WAITS)
        while not size or self._held(name) < size:
            before = self._held(name)
            try:
                self._stream(name, size)
                break
            except httpx2.HTTPError as error:
                response = getattr(error, "response", None)
                if response is not None and response.status_code not in _PASSING:
                    raise
                if self._held(name) > before:
                    waits = iter(_WAITS)
                wait = next(waits, None)
                if wait is None:
                    raise
                self._reporter.event(
                    "hub.broken_off", file=name, held=self._held(name), reason=type(error).__name__
                )
                self._wait(wait)
        replace(self._partial(name), self._place / name)

    def _stream(self, name: str, size: int) -> None:
        """Bring the rest of a file over one connection; what came is kept whatever ends it."""
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

        url = hf_hub_url(self._repository, name, revision=self._commit)
        held = self._held(name) if size else 0
        # Parts of a file can only be put together as they are stored.
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
        if held:
            headers["Range"] = f"bytes={held}-"
        with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT) as response:
            hf_raise_for_status(response)
            if response.status_code != 206:  # the whole file, whatever was asked for
                held = 0
            with self._partial(name).open("ab" if held else "wb") as stream:
                for chunk in response.iter_bytes():
                    stream.write(chunk)
                    held += len(chunk)
                    self._tell(held)
        if size and held != size:
            self._partial(name).unlink()
            raise httpx2.RemoteProtocolError(f"{name} came with {held} bytes instead of {size}")

    def _tell(self, held: int) -> None:
        done = self._done + held
        self._reporter.progress(done, max(self._total, done), "bytes")
        self._reporter.check()

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._reporter.check()
            time.sleep(0.1)


@contextmanager
def _told(repository: str, revision: str, folder: Path) -> Iterator[None]:
    """Tell failures of the Hub, of the network and of the disk in words."""
    from huggingface_hub import errors as hub

    try:
        yield
    except hub.GatedRepoError as error:
        raise ModelError(
            "hub.gated",
            "The model {name} is gated: its owner must grant you access.",
            fix="Accept its terms on its page, then log in with: hf auth login",
            name=repository,
        ) from error
    except (hub.RepositoryNotFoundError, hub.RevisionNotFoundError, hub.HFValidationError) as error:
        raise ModelError(
            "hub.unknown",
            "The Hub has no model {name} at revision {revision}, or it is private.",
            fix="Check the spelling; a private model needs: hf auth login",
            name=repository,
            revision=revision,
        ) from error
    except (httpx2.HTTPError, ConnectionError, TimeoutError) as error:
        raise ModelError(
            "hub.unreachable",
            "The model {name} cannot be downloaded: the Hugging Face Hub cannot be reached ({reason}).",
            fix="Check the network and give the same command again; what is already here is kept.",
            name=repository,
            reason=type(error).__name__,
        ) from error
    except OSError as error:
        if is_disk_full(error):
            raise _disk_full(repository, folder) from error
        raise ModelError(
            "hub.not_written",
            "The model {name} cannot be written to {file}: {reason}.",
            fix="Check that disk and its permissions, and add the model again.",
            name=repository,
            file=error.filename or str(folder),
            reason=reason_of(error),
        ) from error


def _disk_full(repository: str, folder: Path, needed: float | None = None, free: float = 0.0) -> ModelError:
    """The error of a disk without room; megabytes where they are known before."""
    how = (
        ""
        if needed is None
        else Words(" ({needed:,.0f} MB are still to come, {free:,.0f} MB are free)", needed=needed, free=free)
    )
    return ModelError(
        "hub.disk_full",
        "The disk of {file} has no room for the model {name}{how}.",
        fix="Free some space on that disk and give the same command again.",
        name=repository,
        file=str(folder),
        how=how,
    )
