"""What a long page is there for, in sight also where there is no room for it: a bar at the lower edge of the page."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Slot
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from desktop.theme.tokens import MARGIN
from desktop.widgets.basics import Part, row


class Pinned(QFrame):
    """Shown as long as a widget of the page lies below what is in sight.

    Args:
        area: The page; the bar takes its room at the lower edge.
        of: The widget.
        parts: What the bar shows in its place.
    """

    def __init__(self, area: QScrollArea, of: QWidget, *parts: Part) -> None:
        super().__init__(area)
        self.setProperty("role", "pinned")
        self._area = area
        self._of = of
        layout = row(*parts, gap=12)
        layout.setContentsMargins(MARGIN[0], 8, MARGIN[0], 8)
        self.setLayout(layout)
        self.hide()
        bar = area.verticalScrollBar()
        bar.valueChanged.connect(self.look)
        bar.rangeChanged.connect(self.look)
        area.installEventFilter(self)

    @Slot()
    def look(self) -> None:
        """Come or go."""
        area, inside = self._area, self._area.widget()
        if inside is None:
            return
        bottom = self._of.mapTo(inside, QPoint(0, self._of.height())).y()
        # By the whole height, whether the bar takes some of it or not: else it would come and go.
        below = self._of.isVisibleTo(area) and bottom - area.verticalScrollBar().value() > area.height()
        if below == self.isHidden():
            self.setVisible(below)
            area.setViewportMargins(0, 0, 0, self.sizeHint().height() if below else 0)
        if below:
            high = self.sizeHint().height()
            self.setGeometry(0, area.height() - high, area.viewport().width(), high)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See Qt: the page has another size."""
        if event.type() == QEvent.Type.Resize:
            self.look()
        return False
