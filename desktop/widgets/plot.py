"""A chart of numbers in the look's colours, on pyqtgraph; loaded by pages only, never before the first paint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor
from typing import Any, Final

import pyqtgraph
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor, QWheelEvent

from desktop.language import numeral
from desktop.theme.fonts import font
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens

#: Milliseconds between two drawings: a chart is drawn at most two or three times a second, and not while somebody
#: types or scrolls, since a drawing takes as long as several frames.
_REDRAW: Final = 400

pyqtgraph.setConfigOptions(antialias=True)


def _whole(value: float) -> str:
    return numeral(value, ",.0f")


def _short(value: float) -> str:
    return numeral(value, "g")


class NumberAxis(pyqtgraph.AxisItem):  # type: ignore[misc]
    """An axis whose numbers a function writes.

    Args:
        side: ``left`` or ``bottom``.
        written: Makes words of a value.
    """

    def __init__(self, side: str, written: Callable[[float], str] = _short) -> None:
        super().__init__(side)
        self.written = written
        self.enableAutoSIPrefix(False)

    def tickValues(  # noqa: N802
        self, least: float, most: float, size: float
    ) -> list[tuple[float, Sequence[float]]]:
        """See pyqtgraph; where numbers are written whole, there are none between them."""
        levels: list[tuple[float, Sequence[float]]] = super().tickValues(least, most, size)
        if self.written is not _whole:
            return levels
        whole = [level for level in levels if level[0] >= 1]
        if any(len(places) for _, places in whole):
            return whole
        return [(1.0, [float(place) for place in range(ceil(least), floor(most) + 1)])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        """See pyqtgraph."""
        return [self.written(value * scale) for value in values]


class Plot(pyqtgraph.PlotWidget):  # type: ignore[misc]
    """A chart that does not move under the mouse; the wheel scrolls the page it lies on.

    Who derives from it writes `draw`, and calls `redraw` when there is something new. Give it an accessible name, and
    as its accessible description a sentence of what it shows; put the same numbers into a table beside it.
    """

    def __init__(self, look: Look, width: int = 320, height: int = 220) -> None:
        self.left, self.bottom = NumberAxis("left"), NumberAxis("bottom", _whole)
        super().__init__(axisItems={"left": self.left, "bottom": self.bottom})
        self.look = look
        self.setMinimumSize(width, height)
        self.setMouseEnabled(x=False, y=False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setFrameShape(self.Shape.NoFrame)
        self._stale = False
        self._drawn = False
        self._timer = QTimer(self, singleShot=True, interval=_REDRAW)
        self._timer.timeout.connect(self._rested)
        look.changed.connect(self._changed)
        self._dress()

    def draw(self, tokens: Tokens) -> None:
        """Show what there is now; what the last drawing has put into the chart is still there (see `clear`)."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw now, or soon: not sooner than `_REDRAW` after the last time, and not while somebody types or scrolls.

        The first drawing waits for nobody: whoever came to the page by a key wants to see it.
        """
        self._stale = self._timer.isActive() or (self._drawn and self.look.hands.busy)
        if not self._stale:
            self._drawn = True
            self.draw(self.look.tokens)
            self._timer.start()
        elif not self._timer.isActive():
            self._timer.start()

    def pen(self, colour: str, width: float = 2.0, *, alpha: int = 255, dashed: bool = False) -> Any:
        """A pen of that colour; its width does not grow with the numbers."""
        ink = QColor(colour)
        ink.setAlpha(alpha)
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        return pyqtgraph.mkPen(ink, width=width, style=style)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Leave it to the page."""
        event.ignore()

    def _rested(self) -> None:
        if self._stale:
            self.redraw()

    def _changed(self) -> None:
        self._dress()
        self.redraw()

    def _dress(self) -> None:
        tokens = self.look.tokens
        self.setBackground(tokens.surface)
        for axis in (self.left, self.bottom):
            axis.setPen(tokens.border)
            axis.setTextPen(tokens.muted)
            axis.setStyle(tickFont=font(11), tickLength=-4, tickTextOffset=6)
            axis.setTickPen(tokens.border)
        self.showGrid(y=True, alpha=0.35)
