"""One at a time, in order of arrival; who has gone meanwhile is passed over."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

#: Seconds between two looks at whether somebody who waits has gone.
_LOOK: Final = 0.2


class GoneError(Exception):
    """Whoever waited has gone."""


class Turns:
    """A queue of threads."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def turn(self, gone: Callable[[], bool]) -> Iterator[None]:
        """Wait for one's turn, and have it.

        Raises:
            GoneError: ``gone`` became true before it came.
        """
        mark = object()
        with self._change:
            self._queue.append(mark)
        try:
            with self._change:
                while self._queue[0] is not mark:
                    self._change.wait(_LOOK)
                    if self._queue[0] is not mark and gone():
                        raise GoneError
            yield
        finally:
            with self._change:
                self._queue.remove(mark)
                self._change.notify_all()
