"""When garbage is collected: while nobody waits for the window, and never in another thread.

Python collects by itself in the middle of whatever happens to make the next object. With the objects of a loaded
dataset that holds the window for up to 0.3 s, and in a thread of the background it may end objects of Qt that belong
to this one. So that is switched off. What was there after the start is left alone, and the rest is looked through by
a timer: what is new often, what has grown older after a rest, and everything once when the user is away.
"""

from __future__ import annotations

import gc
from typing import Final

from PySide6.QtCore import QObject, QTimer, Slot

from desktop.hands import Hands

#: Milliseconds between two looks.
_EVERY: Final = 1_000
#: New objects (those that are gone again taken off) below which there is nothing to gain; from which on they are more
#: than can be looked through within a frame, and wait for a rest; and from which on memory counts more than a pause.
_FEW: Final = 2_000
_MANY: Final = 30_000
_TOO_MANY: Final = 1_000_000
#: Seconds without a touch before new objects are looked through, before older ones are, and before all are.
_PAUSE: Final = 0.5
_REST: Final = 10.0
_AWAY: Final = 120.0
#: How many looks at what is new come before one at what they have left.
_OLDER: Final = 30


class Collector(QObject):
    """Takes over from Python, from its making until `close`.

    Args:
        hands: Tells whether somebody is at work.
    """

    def __init__(self, hands: Hands, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hands = hands
        self._was_on = gc.isenabled()
        self._since_older = 0
        self._since_all = 0
        gc.disable()
        self._timer = QTimer(self, interval=_EVERY)
        self._timer.timeout.connect(self.look)

    @Slot()
    def start(self) -> None:
        """What is there now stays for long: look through what comes after it only."""
        gc.freeze()
        self._timer.start()

    def close(self) -> None:
        """Let Python do it by itself again."""
        self._timer.stop()
        gc.unfreeze()
        if self._was_on:
            gc.enable()

    @Slot()
    def look(self) -> None:
        """Collect what it is time for."""
        fresh = gc.get_count()[0]
        resting = self._hands.idle_seconds
        if resting >= _AWAY and self._since_all:
            self._since_all = self._since_older = 0
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        elif resting >= _REST and (self._since_older >= _OLDER or fresh >= _MANY):
            self._since_older = 0
            self._since_all += 1
            gc.collect()
            gc.freeze()
        elif (_FEW <= fresh < _MANY and resting >= _PAUSE) or fresh >= _TOO_MANY:
            self._since_older += 1
            self._since_all += 1
            gc.collect(0)
