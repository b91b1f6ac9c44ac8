"""A chart of lines over steps: axes with round numbers, thinned to its pixels, drawn at most five times a second."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QTimer
from PySide6.QtGui import QColor, QPainterPath, QPen

from desktop.language import tr
from desktop.pages.train.curves import Points, thinned
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from desktop.widgets.canvas import CENTRE, RIGHT, Canvas, Pen

#: Milliseconds between two drawings.
_REDRAW: Final = 200
_LEFT: Final = 62.0
_BOTTOM: Final = 40.0
_TOP: Final = 10.0

Colour = Callable[[Tokens], str]


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        colour: Of a scheme.
        faint: Drawn thin, below the others.
        dots: With a dot at each point.
    """

    title: str
    points: Points
    colour: Colour
    faint: bool = False
    dots: bool = False


class Chart(Canvas):
    """Lines over steps."""

    def __init__(self, look: Look) -> None:
        super().__init__(look, 320, 220)
        self._lines: tuple[Line, ...] = ()
        self._last = 0.0
        self._number: Callable[[float], str] = str
        self._timer = QTimer(self, singleShot=True, interval=_REDRAW)
        self._timer.timeout.connect(self.update)

    def show_lines(
        self, title: str, lines: Sequence[Line], last: float, number: Callable[[float], str]
    ) -> None:
        """Show these.

        Args:
            title: What is measured.
            lines: See `Line`.
            last: The step at the right end, where it is known before the lines reach it.
            number: Writes a value at the axis.
        """
        self._lines, self._last, self._number = tuple(lines), last, number
        self.setAccessibleName(title)
        said = [
            tr(
                "{line}: from {first} at step {start} to {last} at step {end}, lowest {low}.",
                line=line.title,
                first=number(line.points[0][1]),
                start=round(line.points[0][0]),
                last=number(line.points[-1][1]),
                end=round(line.points[-1][0]),
                low=number(min(value for _, value in line.points)),
            )
            for line in lines
            if line.points and not line.faint
        ]
        self.setAccessibleDescription(" ".join(said) or tr("Nothing was measured yet."))
        if not self._timer.isActive():
            self._timer.start()

    def paint(self, pen: Pen, width: float, height: float) -> None:
        """See `Canvas`."""
        tokens = pen.tokens
        pen.box(QRectF(0, 0, width, height), tokens.surface, 0)
        area = QRectF(_LEFT, _TOP, width - _LEFT - 12, height - _TOP - _BOTTOM)
        lines = [line for line in self._lines if line.points]
        if not lines:
            pen.text(area, tr("Nothing was measured yet."), tokens.muted, align=CENTRE)
            return
        values = sorted(value for line in lines for _, value in line.points)
        # One wild first step must not flatten everything that follows.
        low, high = values[0], values[min(len(values) - 1, round(0.995 * len(values)))]
        ticks = round_ticks(low, high, max(2, round(area.height() / 48)))
        low, high = min(ticks[0], low), max(ticks[-1], high)
        last = max(self._last, *(line.points[-1][0] for line in lines), 1.0)

        def place(step: float, value: float) -> QPointF:
            share = (min(value, high) - low) / ((high - low) or 1.0)
            return QPointF(area.left() + area.width() * step / last, area.bottom() - area.height() * share)

        for tick in ticks:
            at = place(0, tick).y()
            pen.line(QPointF(area.left(), at), QPointF(area.right(), at), tokens.border)
            words = QRectF(0, at - 9, _LEFT - 10, 18)
            pen.text(words, self._number(tick), tokens.muted, pixels=11, align=RIGHT)
        for tick in round_ticks(0, last, max(2, round(area.width() / 110))):
            if tick <= last and tick == round(tick):
                words = QRectF(place(tick, low).x() - 40, area.bottom() + 4, 80, 16)
                pen.text(words, f"{tick:,.0f}", tokens.muted, pixels=11, align=CENTRE)
        words = QRectF(area.left(), area.bottom() + 20, area.width(), 16)
        pen.text(words, tr("step"), tokens.faint, pixels=11, align=CENTRE)
        for line in sorted(lines, key=lambda one: not one.faint):
            self._draw(pen, line, place, round(area.width()))

    def _draw(self, pen: Pen, line: Line, place: Callable[[float, float], QPointF], most: int) -> None:
        points = [place(*point) for point in thinned(line.points, most)]
        colour = QColor(line.colour(pen.tokens))
        if line.faint:
            colour.setAlpha(90)
        path = QPainterPath(points[0])
        for point in points[1:]:
            path.lineTo(point)
        painter = pen.painter
        painter.setBrush(QColor(0, 0, 0, 0))
        painter.setPen(QPen(colour, 1.0 if line.faint else 2.0))
        painter.drawPath(path)
        if line.dots or len(points) == 1:
            for point in points:
                pen.dot(point, 4, line.colour(pen.tokens), pen.tokens.surface)


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers that cover a range, about ``most`` of them."""
    span = (high - low) or abs(high) or 1.0
    raw = span / max(1, most)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]
