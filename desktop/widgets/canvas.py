"""Base of everything that is painted by hand: antialiased, in float coordinates, words cut with an ellipsis."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.theme.fonts import TEXT, font
from desktop.theme.icons import draw_icon
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens

LEFT = Qt.AlignmentFlag.AlignLeft
RIGHT = Qt.AlignmentFlag.AlignRight
CENTRE = Qt.AlignmentFlag.AlignHCenter


class Pen:
    """Draws on a painter, in the colours of a scheme.

    Args:
        painter: An active one.
        tokens: The scheme.
    """

    def __init__(self, painter: QPainter, tokens: Tokens) -> None:
        self.painter = painter
        self.tokens = tokens
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)

    def text(
        self,
        place: QRectF,
        words: str,
        colour: str = "",
        *,
        pixels: int = 12,
        weight: int = 400,
        align: Qt.AlignmentFlag = LEFT,
        family: str = TEXT,
    ) -> None:
        """Words in the middle of a rectangle's height; where they do not fit, their middle is left out.

        Most are names, and what tells two names apart is as often at their ends.
        """
        written = font(pixels, weight, family)
        self.painter.setFont(written)
        self.painter.setPen(QColor(colour or self.tokens.text))
        shown = QFontMetricsF(written).elidedText(words, Qt.TextElideMode.ElideMiddle, place.width() + 1)
        self.painter.drawText(place, align | Qt.AlignmentFlag.AlignVCenter, shown)

    def box(
        self, place: QRectF, fill: str = "", radius: float = 6.0, border: str = "", *, dashed: bool = False
    ) -> None:
        """A rounded rectangle."""
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        self.painter.setPen(QPen(QColor(border), 1.0, style) if border else Qt.PenStyle.NoPen)
        self.painter.setBrush(QColor(fill) if fill else Qt.BrushStyle.NoBrush)
        inset = 0.5 if border else 0.0
        self.painter.drawRoundedRect(place.adjusted(inset, inset, -inset, -inset), radius, radius)

    def line(
        self, start: QPointF, end: QPointF, colour: str, width: float = 1.0, *, dashed: bool = False
    ) -> None:
        """A line with round ends."""
        pen = QPen(QColor(colour), width, Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap if dashed else Qt.PenCapStyle.RoundCap)
        self.painter.setPen(pen)
        self.painter.drawLine(start, end)

    def dot(self, middle: QPointF, radius: float, fill: str, ring: str = "", ring_width: float = 2.0) -> None:
        """A dot; the ring in the colour of the ground sets it off from what is below."""
        self.painter.setPen(QPen(QColor(ring), ring_width) if ring else Qt.PenStyle.NoPen)
        self.painter.setBrush(QColor(fill))
        self.painter.drawEllipse(middle, radius, radius)

    def icon(self, name: str, place: QRectF, colour: str) -> None:
        """An icon."""
        draw_icon(self.painter, name, place, colour)


def text_width(words: str, pixels: int = 12, weight: int = 400) -> float:
    """How wide words are."""
    return QFontMetricsF(font(pixels, weight)).horizontalAdvance(words)


class Canvas(QWidget):
    """A widget that paints itself; give it an accessible name, and a sentence or a table of what it shows."""

    def __init__(self, look: Look, width: int = 0, height: int = 0) -> None:
        super().__init__()
        self.look = look
        self.setMinimumSize(width, height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        look.changed.connect(self.update)

    def paint(self, pen: Pen, width: float, height: float) -> None:
        """Paint everything."""
        raise NotImplementedError

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint."""
        painter = QPainter(self)
        self.paint(Pen(painter, self.look.tokens), self.width(), self.height())
        painter.end()
