"""The product in 26 pixels: three intervals, the best one on top."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from desktop.theme.look import Look

#: Height, ends and middle of each interval.
_INTERVALS = ((8, 11, 21, 17), (13, 8, 17, 12), (18, 5, 13, 8))


def draw_logo(painter: QPainter, rect: QRectF, ground: str, marks: str) -> None:
    """Draw the logo into ``rect``."""
    scale = rect.width() / 26
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.topLeft())
    painter.scale(scale, scale)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ground))
    painter.drawRoundedRect(QRectF(0, 0, 26, 26), 7, 7)
    pen = QPen(QColor(marks), 1.6)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    for height, start, end, middle in _INTERVALS:
        painter.setPen(pen)
        painter.drawLine(QPointF(start, height), QPointF(end, height))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(marks))
        painter.drawEllipse(QPointF(middle, height), 2.4, 2.4)
    painter.restore()


def logo_icon(look: Look) -> QIcon:
    """The logo as an icon, for the task bar and the tray."""
    made = QIcon()
    for pixels in (16, 24, 32, 48, 64, 128, 256):
        picture = QPixmap(pixels, pixels)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        draw_logo(painter, QRectF(picture.rect()), look.tokens.accent_fill, look.tokens.accent_text)
        painter.end()
        made.addPixmap(picture)
    return made


class Logo(QWidget):
    """The logo."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setFixedSize(26, 26)
        look.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw it."""
        painter = QPainter(self)
        draw_logo(painter, QRectF(self.rect()), self._look.tokens.accent_fill, self._look.tokens.accent_text)
        painter.end()
