"""A chart of lines over steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph

from desktop.language import tr
from desktop.pages.train.series import Points
from desktop.theme.fonts import font
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from desktop.widgets.plot import Plot

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


class Chart(Plot):
    """Lines over steps."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self._lines: tuple[Line, ...] = ()
        self._last = 0.0
        #: The look, and of each line whether it is faint, whether it has dots, and its colour; then what draws it.
        self._drawn_as: tuple[Tokens, tuple[tuple[bool, bool, str], ...]] | None = None
        self._drawn_lines: list[tuple[pyqtgraph.PlotCurveItem, pyqtgraph.ScatterPlotItem | None]] = []

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
        self._lines, self._last, self.left.written = tuple(lines), last, number
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
        self.redraw()

    def draw(self, tokens: Tokens) -> None:
        """See `Plot`."""
        lines = sorted((line for line in self._lines if line.points), key=lambda one: not one.faint)
        for axis in (self.left, self.bottom):
            axis.setVisible(bool(lines))
        if not lines:
            self._empty(tokens)
            return
        self.bottom.setLabel(tr("step"), color=tokens.faint)
        self.bottom.label.setFont(font(11))
        kinds = tuple((line.faint, _dotted(line), line.colour(tokens)) for line in lines)
        if (tokens, kinds) != self._drawn_as:
            self.clear()
            self._drawn_as = tokens, kinds
            self._drawn_lines = [self._add(*kind, tokens) for kind in kinds]
        every = []
        for (curve, dots), line in zip(self._drawn_lines, lines, strict=True):
            steps, values = np.array(line.points).T
            curve.setData(steps, values, skipFiniteCheck=True)
            if dots is not None:
                dots.setData(steps, values)
            every.append(values)
        values = np.sort(np.concatenate(every))
        # One wild first step must not flatten everything that follows.
        low, high = float(values[0]), float(values[min(len(values) - 1, round(0.995 * len(values)))])
        last = max(self._last, *(line.points[-1][0] for line in lines), 1.0)
        self.setRange(
            xRange=(0, last), yRange=(low, high if high > low else low + (abs(low) or 1.0)), padding=0.03
        )

    def _empty(self, tokens: Tokens) -> None:
        self.clear()
        self._drawn_as = None
        words = pyqtgraph.TextItem(tr("Nothing was measured yet."), tokens.muted, anchor=(0.5, 0.5))
        words.setFont(font(13))
        self.addItem(words)
        self.setRange(xRange=(-1, 1), yRange=(-1, 1))

    def _add(
        self, faint: bool, dotted: bool, colour: str, tokens: Tokens
    ) -> tuple[pyqtgraph.PlotCurveItem, pyqtgraph.ScatterPlotItem | None]:
        """A line without points, and its dots.

        They are kept, and not of the kind that does both (`PlotDataItem`): that one draws itself five times while it
        is put into a chart.
        """
        curve = pyqtgraph.PlotCurveItem(pen=self.pen(colour, 1.0, alpha=90) if faint else self.pen(colour))
        self.addItem(curve, ignoreBounds=True)
        if not dotted:
            return curve, None
        dots = pyqtgraph.ScatterPlotItem(
            symbol="o", size=8, brush=pyqtgraph.mkBrush(colour), pen=self.pen(tokens.surface)
        )
        self.addItem(dots, ignoreBounds=True)
        return curve, dots


def _dotted(line: Line) -> bool:
    return line.dots or len(line.points) == 1
