"""Standings of very many verdicts, computed in a process of its own: threads of this one would wait for each other.

The request goes to the process's stdin, which stays open: when it closes, whoever asked is gone, and it ends.
What was found, or the failure, comes from its stdout. Both are pickled; nobody else writes there.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engine.errors import BakeoffError
from engine.judging.standings import Split, Standings, file_standings, standings
from engine.workspace import Workspace, open_workspace


class AsideError(BakeoffError):
    """The process ended before it had an answer."""

    title = "The ranking could not be computed"


@dataclass(frozen=True)
class Question:
    """Whose standings are wanted; see `engine.judging.standings.standings`."""

    datasets: Sequence[str]
    judge: str
    contestants: Mapping[str, Collection[str]] | None = None
    split: Split = "test"
    reference: str | None = None
    level: float = 0.95
    interval: str = "auto"

    def answered(self, workspace: Workspace) -> Standings:
        """Compute them here."""
        return standings(
            workspace,
            self.datasets,
            self.judge,
            self.contestants,
            split=self.split,
            reference=self.reference,
            level=self.level,
            interval=self.interval,
        )


@dataclass(frozen=True)
class FileQuestion:
    """The standings of a file of verdicts are wanted; see `engine.judging.standings.file_standings`."""

    file: Path
    reference: str | None = None
    level: float = 0.95
    interval: str = "auto"

    def answered(self, _workspace: Workspace) -> Standings:
        """Compute them here."""
        return file_standings(self.file, reference=self.reference, level=self.level, interval=self.interval)


AnyQuestion = Question | FileQuestion


class Aside:
    """Computes standings in a process of its own, one at a time; `cancel` may come from another thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._cancelled = 0

    def standings(self, workspace: Workspace, question: AnyQuestion) -> Standings | None:
        """What the question's ``answered`` returns, or raises; None where it was cancelled.

        Raises:
            AsideError: The process ended by itself.
        """
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        else:
            options["start_new_session"] = True
        with self._lock:
            before = self._cancelled
            process = self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "engine.judging.aside"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                **options,
            )
        try:
            answer = _asked(process, (str(workspace.root), question))
        finally:
            with self._lock:
                self._process = None
            process.kill()
            process.wait()
        if self._cancelled != before:
            return None
        if not answer:
            raise AsideError(
                "rank.aside",
                "The process that computes the ranking has ended without a result.",
                fix="Try it again, and close other programs if memory is short.",
            )
        kind, found = pickle.loads(answer)
        if kind is None:
            computed: Standings = found
            return computed
        error: BakeoffError = kind.__new__(kind, *found["args"])
        error.__dict__.update(found["state"])
        raise error

    @property
    def busy(self) -> bool:
        """Whether something is being computed."""
        return self._process is not None

    def cancel(self) -> None:
        """Stop what is under way; nothing where there is none."""
        with self._lock:
            self._cancelled += 1
            if self._process is not None:
                self._process.kill()


def _asked(process: subprocess.Popen[bytes], request: tuple[str, AnyQuestion]) -> bytes:
    asks, answers = process.stdin, process.stdout
    if asks is None or answers is None:
        return b""
    with answers, suppress(OSError), asks:  # it may be cancelled, or die
        pickle.dump(request, asks)
        asks.flush()
        return answers.read()
    return b""


def _end_with(stream: IO[bytes]) -> None:
    stream.read()
    os._exit(1)


def main() -> None:
    """Answer the question on stdin."""
    root, question = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)
    try:
        found: Any = None, question.answered(open_workspace(Path(root)))
    except BakeoffError as error:
        found = type(error), {"args": error.args, "state": error.__dict__}
    pickle.dump(found, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    os._exit(0)  # nothing here is worth tidying up


if __name__ == "__main__":
    # Under its own name: what is pickled says where its class is.
    from engine.judging import aside

    aside.main()
