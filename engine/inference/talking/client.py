"""The near side of a model in a process of its own (see `engine.inference.talking.child`)."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import RecordedError, Words
from engine.inference.constraints import Constraint
from engine.inference.errors import AnsweringError
from engine.inference.llama.replies import Reply
from engine.inference.sampling import Sampling

#: Seconds between two looks at whether the answer is still wanted.
_LOOK: Final = 0.1
#: Seconds that a process may take to end by itself.
_FAREWELL: Final = 2.0


@dataclass(frozen=True)
class Loading:
    """What the process loads.

    Attributes:
        file: The GGUF file.
        folder: Where the template and the tokenizer lie.
        fallback: Where they lie if not there.
        context: Tokens of a conversation at most.
    """

    file: Path
    folder: Path
    fallback: Path | None = None
    context: int = 8192


class ChildTalker:
    """A model in a process of its own. One answer at a time; `close` may come from another thread.

    Args:
        loading: What to load.
        stopped: Asked several times a second while it is loaded; ends that (``answers.stopped``).

    Raises:
        AnsweringError: It cannot be loaded, loading ended the process, or it was stopped.
    """

    def __init__(self, loading: Loading, stopped: Callable[[], bool] = lambda: False) -> None:
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        else:
            # Ctrl-C in the terminal is for the parent, which ends its children in order.
            options["start_new_session"] = True
        self._process = subprocess.Popen(
            # -P: a file in the current folder could have the name of a module of Python's own.
            [sys.executable, "-P", "-m", "engine.inference.talking.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"},
            **options,
        )
        self._heard: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._number = 0
        threading.Thread(target=self._hear, name="talking-child", daemon=True).start()
        try:
            self._send(
                {
                    "file": str(loading.file),
                    "folder": str(loading.folder),
                    "fallback": str(loading.fallback or ""),
                    "context": loading.context,
                }
            )
            self._checked(self._loaded(stopped))
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def process_id(self) -> int:
        """Of the process."""
        return self._process.pid

    def reply(
        self,
        messages: Sequence[dict[str, Any]],
        sampling: Sampling,
        *,
        max_new_tokens: int | None = None,
        tools: list[dict[str, Any]] | None = None,
        constraint: Constraint | None = None,
        stops: Sequence[str] = (),
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[str | Reply, None, None]:
        """Answer a conversation (see `engine.inference.llama.replies.Talker`).

        Raises:
            AnsweringError: As the talker does, with the same code; or the process ended.
        """
        self._number += 1
        number, told, finished = self._number, False, False
        self._send(
            {
                "number": number,
                "ask": {
                    "messages": list(messages),
                    "sampling": sampling.model_dump(),
                    "max_new_tokens": max_new_tokens,
                    "tools": tools,
                    "constraint": constraint.model_dump() if constraint else None,
                    "stops": list(stops),
                },
            }
        )
        try:
            while not finished:
                if not told and stopped():
                    told = True
                    self._send({"stop": number})
                try:
                    heard = self._heard.get(timeout=_LOOK)
                except queue.Empty:
                    continue
                if heard is not None and heard["number"] != number:
                    continue  # of an answer that was left
                finished = heard is None or "piece" not in heard
                document = self._checked(heard)
                yield Reply(**document["reply"]) if finished else document["piece"]
        finally:
            if not finished and not told:
                with suppress(AnsweringError):
                    self._send({"stop": number})

    def close(self) -> None:
        """End the process; a second time does nothing."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _loaded(self, stopped: Callable[[], bool]) -> dict[str, Any] | None:
        while not stopped():
            with suppress(queue.Empty):
                return self._heard.get(timeout=_LOOK)
        raise AnsweringError("answers.stopped", "Loading the model was stopped.", fix="Ask again.")

    def _hear(self) -> None:
        if self._process.stdout is not None:
            with self._process.stdout as stream, suppress(ValueError):
                for line in stream:
                    self._heard.put(json.loads(line))
        self._heard.put(None)

    def _send(self, document: dict[str, Any]) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(json.dumps(document) + "\n")
                self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._ended() from error

    def _checked(self, heard: dict[str, Any] | None) -> dict[str, Any]:
        """What was heard, if it is no failure."""
        if heard is None:
            raise self._ended()
        if "error" in heard:
            error = RecordedError(heard["error"])
            raise AnsweringError(error.code, "{reason}", fix="{way}", reason=error, way=error.way_out)
        return heard

    def _ended(self) -> AnsweringError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_FAREWELL)
        status = self._process.returncode
        how = Words("with status {status}", status=status)
        if status is not None and status < 0:
            with suppress(ValueError):
                how = Words("by {signal}", signal=signal.Signals(-status).name)
        return AnsweringError(
            "answers.crashed",
            "The model's process ended {how} before it had answered.",
            fix="Ask again: it is started anew. If it stays so, export the model again, or take a smaller --context.",
            how=how,
        )
