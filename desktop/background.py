"""The one way to leave the user-interface thread: work in another thread, its outcome back in this one."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from PySide6.QtCore import QObject, Signal, Slot
from shiboken6 import isValid

from desktop.problem import Problem, problem_of
from engine.errors import BakeoffError

#: What nobody expected is written down; whoever opens the window says where (see `desktop.shell.crash`).
_LOG: Final = logging.getLogger("desktop")

#: Threads at once; most of what they do is waiting for a disk.
_THREADS: Final = 4
#: Seconds for which a thread that computes may keep the interpreter from the window, instead of Python's own 5 ms:
#: painting a table asks for it many times in a frame. What native code makes at once, such as all rows of a query,
#: counts on top; who reads much reads it in pieces.
_TURN: Final = 0.0001


Value = TypeVar("Value")


def while_there(
    owner: QObject, does: Callable[[Any], None], otherwise: Callable[[Any], None] | None = None
) -> Callable[[Any], None]:
    """An outcome's way to somebody who may be gone when it comes, as a dialog that was closed meanwhile is.

    Args:
        owner: Who.
        does: Gets the outcome while ``owner`` is there.
        otherwise: Gets it when ``owner`` is not; None: nobody does.
    """

    def tell(value: Any) -> None:
        if isValid(owner):
            does(value)
        elif otherwise is not None:
            otherwise(value)

    return tell


class _Call(QObject):
    """One piece of work under way."""

    ended = Signal(object)

    def __init__(
        self, owner: QObject, done: Callable[[Any], None], failed: Callable[[Problem], None]
    ) -> None:
        super().__init__()
        self.owner = owner
        self.done = done
        self.failed = failed
        self.value: Any = None
        self.error: BaseException | None = None


class Background(QObject):
    """Runs work in threads.

    Work gets what it needs as arguments of its closure and returns a value; it touches no widget and no view-model.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        sys.setswitchinterval(_TURN)
        # Not Qt's pool: what QRunnable.create makes is deleted by Qt behind Python's back, and the next object at the
        # same address is then taken for it (6,000 of them end in a segmentation fault).
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="background")
        self._calls: set[_Call] = set()
        self._held: list[Callable[[], None]] | None = None
        self._closed = False

    def run(
        self,
        owner: QObject,
        work: Callable[[], Value],
        done: Callable[[Value], None],
        failed: Callable[[Problem], None],
    ) -> None:
        """Do ``work`` in another thread, then call ``done`` or ``failed`` in this one.

        Args:
            owner: Whose work it is; once it is gone, nothing is called.
            work: What to do there.
            done: Gets what it returned.
            failed: Gets the failure in words.
        """
        if self._closed:
            return
        call = _Call(owner, done, failed)
        call.ended.connect(self._finish)
        self._calls.add(call)

        def there() -> None:
            try:
                call.value = work()
            except BaseException as error:
                if not isinstance(error, BakeoffError | OSError):
                    _LOG.error("Work in the background failed", exc_info=error)
                call.error = error
            call.ended.emit(call)

        if self._held is None:
            self._pool.submit(there)
        else:
            self._held.append(there)

    def tidy(self, work: Callable[[], object]) -> threading.Thread:
        """Put something away whose outcome nobody needs, also while the window is closing; it can be waited for."""
        thread = threading.Thread(target=work, name="tidying", daemon=True)
        thread.start()
        return thread

    def hold(self) -> None:
        """Begin nothing until `release`: threads would take the time in which the window is first painted."""
        self._held = []

    @Slot()
    def release(self) -> None:
        """Begin with everything that has been held."""
        held, self._held = self._held or [], None
        for there in held:
            self._pool.submit(there)

    @property
    def closed(self) -> bool:
        """Whether the window is about to be gone; what takes long may end early then."""
        return self._closed

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._calls)

    def close(self) -> None:
        """Begin nothing more and wait for what is under way; its outcomes are dropped."""
        self._closed = True
        self._pool.shutdown()
        self._calls.clear()

    @Slot(object)
    def _finish(self, call: _Call) -> None:
        self._calls.discard(call)
        if self._closed or not isValid(call.owner):
            return
        if call.error is not None:
            call.failed(problem_of(call.error))
        else:
            call.done(call.value)
