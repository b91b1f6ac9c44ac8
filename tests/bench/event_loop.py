"""What somebody at the window sees of its event loop: how long inputs wait for it, and how long frames take.

`QTest.qWait` and `QCoreApplication.processEvents` keep Python to themselves while they wait, so threads that work
beside the window would stand still, and be missing in what is measured. Here the event loop runs as it does in use.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QAbstractScrollArea, QWidget


def work(milliseconds: int) -> None:
    """Let the window work in its event loop."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def until(holds: Callable[[], object], every: int = 20) -> None:
    """Let the window work until something holds, which is asked every so many milliseconds."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "the window did not get there"
        work(every)


class Beats(QTimer):
    """A timer that tells how late each of its beats is."""

    late = Signal(float)

    def __init__(self, milliseconds: int) -> None:
        super().__init__(interval=milliseconds, timerType=Qt.TimerType.PreciseTimer)
        self.timeout.connect(self._beat)
        self._due = 0.0

    def begin(self) -> None:
        """The first beat is due after one interval."""
        self._due = time.perf_counter() + self.interval() / 1000
        self.start()

    def _beat(self) -> None:
        now, interval = time.perf_counter(), self.interval() / 1000
        late = max(0.0, now - self._due)
        self._due += interval
        if self._due < now:  # as Qt does: what was missed is not made up for
            self._due = now + interval
        self.late.emit(late * 1000)


class Waits(QObject):
    """How long inputs wait for this thread that come every 4 ms, in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []
        self._beats = Beats(4)
        self._beats.late.connect(self._note)

    def restart(self) -> None:
        """Forget what was measured."""
        self.taken.clear()
        self._beats.begin()

    def close(self) -> None:
        """Measure no more."""
        self._beats.stop()

    def _note(self, late: float) -> None:
        while late >= 0:  # the one that was due first, and those that came while it waited
            self.taken.append(late)
            late -= self._beats.interval()


def frames(area: QAbstractScrollArea, move: Callable[[], None], count: int) -> list[float]:
    """Move what an area shows so many times, 60 times a second at most, as a hand at the wheel does.

    Returns:
        Milliseconds of each frame, from when the move was due until the window is painted.
    """
    watched, beats, left = _Frames(area.window(), area.viewport()), Beats(16), count

    def turn(late: float) -> None:
        nonlocal left
        left -= 1
        watched.turned(late)
        move()

    beats.late.connect(turn)
    beats.begin()
    until(lambda: left <= 0)
    beats.stop()
    watched.close()
    return watched.taken


class _Frames(QObject):
    """How long it takes from the turn of a wheel, counted from when it was due, until its window is painted."""

    def __init__(self, window: QWidget, part: QWidget) -> None:
        super().__init__()
        self.taken: list[float] = []
        self._window = window
        self._part = part
        self._turned: float | None = None
        self._painted = False
        window.installEventFilter(self)
        part.installEventFilter(self)

    def turned(self, late: float) -> None:
        """A wheel is turned now, so many milliseconds late."""
        if self._turned is None:  # else the frame before it is not there yet, and takes all the longer
            self._turned = time.perf_counter() - late / 1000

    def close(self) -> None:
        """Measure no more."""
        self._window.removeEventFilter(self)
        self._part.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See Qt."""
        if watched is self._part:
            self._painted |= event.type() == QEvent.Type.Paint
            return False
        if event.type() != QEvent.Type.UpdateRequest:
            return False
        self._painted = False
        self._window.event(event)
        if self._painted and self._turned is not None:
            self.taken.append((time.perf_counter() - self._turned) * 1000)
            self._turned = None
        return True
