"""A streamed completion: read by a thread, and gathered into the document that an unstreamed one would have been."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

#: Seconds between two looks at whether an answer is still wanted.
LOOK: Final = 0.1


@dataclass(frozen=True)
class _End:
    """The stream has ended, by ``error`` if there is one."""

    error: Exception | None = None


class Chunks:
    """A stream that a thread of its own opens and reads, as reading cannot be broken off while nothing comes.

    Use it as a context manager. Whoever leaves early does not wait: the thread lets go of the stream at the next
    chunk, or when the client gives up on it.

    Args:
        open_stream: Sends the request; returns the chunks as a context manager.

    Attributes:
        complete: Whether the stream has come to its own end.
    """

    def __init__(self, open_stream: Callable[[], Any]) -> None:
        self.complete = False
        self._open_stream = open_stream
        self._come: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._left = threading.Event()

    def until(self, stopped: Callable[[], bool]) -> Iterator[Any]:
        """The chunks as they come; raises what opening or reading raised.

        Args:
            stopped: Asked before each chunk, and ten times a second while none comes; ends it.
        """
        while not stopped():
            try:
                chunk = self._come.get(timeout=LOOK)
            except queue.Empty:
                continue
            if isinstance(chunk, _End):
                if chunk.error is not None:
                    raise chunk.error
                self.complete = True
                return
            yield chunk

    def __enter__(self) -> Self:
        threading.Thread(target=self._read, name="endpoint-stream", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()

    def _read(self) -> None:
        try:
            with self._open_stream() as stream:
                for chunk in stream:
                    if self._left.is_set():
                        return
                    self._come.put(chunk)
        except Exception as error:
            self._come.put(_End(error))
        else:
            self._come.put(_End())


class Gathered:
    """Chunks of a completion, as OpenAI's client gives them.

    Attributes:
        begun: Whether any text has come.
    """

    def __init__(self) -> None:
        self.begun = False
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._finish = ""
        self._model = ""
        self._usage: dict[str, Any] = {}

    def add(self, chunk: Any) -> str:
        """Take a chunk; returns the text that it adds."""
        self._model = chunk.model or self._model
        if chunk.usage is not None:
            self._usage = chunk.usage.model_dump()
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self._finish = choice.finish_reason or self._finish
        self._refusal.append(choice.delta.refusal or "")
        piece: str = choice.delta.content or ""
        self._text.append(piece)
        self.begun = self.begun or bool(piece)
        return piece

    def document(self) -> dict[str, Any]:
        """The completion.

        Raises:
            ValueError: The stream ended before the answer did.
        """
        if not self._finish:
            raise ValueError("no finish_reason")
        message = {"content": "".join(self._text), "refusal": "".join(self._refusal) or None}
        choice = {"message": message, "finish_reason": self._finish}
        return {"choices": [choice], "usage": self._usage, "model": self._model}
