"""What the user's hands are doing: whether somebody types or scrolls right now, and how long nothing was touched.

Charts are not drawn while somebody types or scrolls, and garbage is collected while nobody does anything.
"""

from __future__ import annotations

from time import monotonic
from typing import Final

from PySide6.QtCore import QEvent, QObject, Slot
from PySide6.QtGui import QGuiApplication, QMouseEvent, QWindow

#: Seconds after a key or a turn of the wheel for which somebody still types or scrolls.
_BUSY: Final = 0.3

_TYPED: Final = frozenset({QEvent.Type.KeyPress, QEvent.Type.InputMethod})
_SCROLLED: Final = frozenset({QEvent.Type.Wheel, QEvent.Type.NativeGesture, QEvent.Type.TouchUpdate})
_TOUCHED: Final = frozenset({QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease})


class Hands(QObject):
    """Listens at the windows of the application.

    It filters the events of windows, which are few, and not those of the application: a filter there would be called
    for every event of every widget.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._busy, self._touched = -float("inf"), monotonic()  # who opens a window is there
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.focusWindowChanged.connect(self.watch)

    @property
    def busy(self) -> bool:
        """Whether somebody types or scrolls right now."""
        return monotonic() - self._busy < _BUSY

    @property
    def idle_seconds(self) -> float:
        """How long nobody has touched anything, at most since the start."""
        return monotonic() - self._touched

    @Slot(QWindow)
    def watch(self, window: QWindow | None) -> None:
        """Listen at a window, from now on; one that gets the focus is listened at by itself."""
        if window is not None:
            window.removeEventFilter(self)  # which was there, if it had the focus before
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See the class."""
        kind = event.type()
        dragged = (
            kind == QEvent.Type.MouseMove and isinstance(event, QMouseEvent) and bool(event.buttons().value)
        )
        if dragged or kind in _TYPED or kind in _SCROLLED:  # who drags may hold a scroll bar
            self._busy = self._touched = monotonic()
        elif kind in _TOUCHED or kind == QEvent.Type.MouseMove:
            self._touched = monotonic()
        return False
