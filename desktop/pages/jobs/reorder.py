"""Changing places in a queue, by mouse and by keyboard: a grip on each card, and the column to drop it on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QMimeData, QPoint, Qt, Signal
from PySide6.QtGui import (
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.theme.look import Look
from desktop.widgets.basics import Button

#: What travels with a card that is dragged: the id of its job.
MIME: Final = "application/x-bakeoff-job"


class Grip(Button):
    """The handle of a card: dragged with the mouse, or moved with the arrow keys while it has the keyboard."""

    #: One place later (True) or earlier.
    stepped = Signal(bool)

    def __init__(self, look: Look, card: QWidget, job: Callable[[], str]) -> None:
        super().__init__(look, "", "dots-six-vertical", "ghost")
        self._card = card
        self._job = job
        self._pressed: QPoint | None = None
        self.setFixedWidth(28)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setToolTip(tr("Drag it, or move it with the arrow keys."))

    def name(self, title: str) -> None:
        """Say whose it is."""
        self.setAccessibleName(tr("Place of {job} in the queue", job=title))
        self.setAccessibleDescription(self.toolTip())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows move the card."""
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.stepped.emit(event.key() == Qt.Key.Key_Down)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Note where a drag may begin."""
        self._pressed = event.position().toPoint()
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to drag, once the mouse has gone far enough."""
        start = self._pressed
        if start is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        if (event.position().toPoint() - start).manhattanLength() < QApplication.startDragDistance():
            return
        self._pressed = None
        self.setDown(False)
        drag = QDrag(self)
        data = QMimeData()
        data.setData(MIME, self._job().encode())
        drag.setMimeData(data)
        drag.setPixmap(self._card.grab())
        drag.setHotSpot(self.mapTo(self._card, start))
        drag.exec(Qt.DropAction.MoveAction)


class DropColumn(QWidget):
    """Holds the column of cards, and takes cards that are dropped between two.

    Args:
        column: The cards.
        places: The cards that can change places, from the first to the last, each with the id of its job.
    """

    #: The job that was dropped, and the one that it is to begin before; empty: the last place.
    dropped = Signal(str, str)

    def __init__(self, column: QWidget, places: Callable[[], list[tuple[str, QWidget]]]) -> None:
        super().__init__()
        self._places = places
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(column)
        self._line = QFrame(self)
        self._line.setProperty("role", "drop_line")
        self._line.hide()
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take cards, and nothing else."""
        if event.mimeData().hasFormat(MIME):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        """Show where it would come."""
        height = self._gap(event.position().toPoint())[1]
        if height is None:
            event.ignore()
            return
        self._line.setGeometry(0, max(0, height - 2), self.width(), 3)
        self._line.raise_()
        self._line.show()
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """It went elsewhere."""
        self._line.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Let it change places."""
        self._line.hide()
        before, height = self._gap(event.position().toPoint())
        if height is not None:
            self.dropped.emit(bytes(event.mimeData().data(MIME).data()).decode(), before)
            event.acceptProposedAction()

    def _gap(self, where: QPoint) -> tuple[str, int | None]:
        """The job below the gap that is meant, and the gap's height; None where there is none."""
        height: int | None = None
        for job, card in self._places():
            top = card.mapTo(self, QPoint(0, 0)).y()
            if where.y() < top + card.height() // 2:
                return job, top - 7
            height = top + card.height() + 5
        return "", height
