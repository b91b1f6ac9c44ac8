"""Notices that a window has been painted for the first time: what is slow, or can wait, begins then."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QWidget

#: Milliseconds after which nobody waits any longer: a window that is opened minimised is not painted at all.
_PATIENCE: Final = 1_000


class FirstPaint(QObject):
    """Watches one window.

    Args:
        watched: A widget that covers the window.
    """

    #: The window is on the screen; told once.
    over = Signal()

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        self._watched = watched
        self._timer = QTimer(self, singleShot=True, interval=_PATIENCE)
        self._timer.timeout.connect(self._tell)
        self._timer.start()
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See the class."""
        if event.type() == QEvent.Type.Paint:
            # What lies on it is painted after it: who is told waits until the whole event is done with.
            self._watched.removeEventFilter(self)
            self._timer.start(0)
        return False

    @Slot()
    def _tell(self) -> None:
        self._watched.removeEventFilter(self)
        self.over.emit()
