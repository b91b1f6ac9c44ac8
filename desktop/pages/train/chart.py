"""A chart of lines over steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
        lines = [line for line in self._lines if line.points]
        for axis in (self.left, self.bottom):
            axis.setVisible(bool(lines))
        if not lines:
            words = pyqtgraph.TextItem(tr("Nothing was measured yet."), tokens.muted, anchor=(0.5, 0.5))
            words.setFont(font(13))
            self.addItem(words)
            self.setRange(xRange=(-1, 1), yRange=(-1, 1))
            return
        self.bottom.setLabel(tr("step"), color=tokens.faint)
        self.bottom.label.setFont(font(11))
        for line in sorted(lines, key=lambda one: not one.faint):
            colour = line.colour(tokens)
            dots = line.dots or len(line.points) == 1
            curve = self.plot(
                [step for step, _ in line.points],
                [value for _, value in line.points],
                pen=self.pen(colour, 1.0, alpha=90) if line.faint else self.pen(colour),
                symbol="o" if dots else None,
                symbolSize=8,
                symbolBrush=colour,
                symbolPen=self.pen(tokens.surface),
            )
            curve.setDownsampling(auto=True, method="peak")
        values = sorted(value for line in lines for _, value in line.points)
        # One wild first step must not flatten everything that follows.
        low, high = values[0], values[min(len(values) - 1, round(0.995 * len(values)))]
        last = max(self._last, *(line.points[-1][0] for line in lines), 1.0)
        self.setRange(
            xRange=(0, last), yRange=(low, high if high > low else low + (abs(low) or 1.0)), padding=0.03
        )
