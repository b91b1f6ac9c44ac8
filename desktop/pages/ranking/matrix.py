"""Who beats whom how often: a square of shares, painted, and the same as a table."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtGui import QMouseEvent

from desktop.language import numeral, tr
from desktop.theme.look import Look
from desktop.theme.tokens import heat
from desktop.widgets.canvas import CENTRE, RIGHT, Canvas, Pen
from desktop.widgets.table import Column, Rows, table
from engine.ranking import HeadToHead

_TOP: Final = 22.0
_NAMES: Final = 140.0
_CELL: Final = 34.0
_LEAST: Final = 22.0
#: So many of the best are shown; the table has all.
_MOST: Final = 16


class HeadMatrix(Canvas):
    """The row's share of the points against the column, in percent."""

    #: A pair was clicked; carries both names.
    chosen = Signal(str, str)

    def __init__(self, look: Look) -> None:
        super().__init__(look, 300)
        self._heads: HeadToHead | None = None
        self.setAccessibleName(tr("Head to head"))
        self.setMouseTracking(True)

    def show_heads(self, heads: HeadToHead) -> None:
        """Show who met whom."""
        self._heads = heads
        count = min(_MOST, len(heads.names))
        self.setMinimumHeight(round(_TOP + _LEAST * count))
        self.setMinimumWidth(round(_NAMES + _LEAST * count))
        names = heads.names[:count]
        said = [pair_words(heads, one, other) for at, one in enumerate(names) for other in names[at + 1 :]]
        about = tr("The share of its comparisons that each row wins against each column.")
        self.setAccessibleDescription(" ".join([about, *(f"{one}." for one in said)]))
        self.update()

    def paint(self, pen: Pen, width: float, height: float) -> None:
        """See `Canvas`."""
        if self._heads is None:
            return
        tokens = pen.tokens
        names = self._heads.names[:_MOST]
        wide, high = self._cell(width, height)
        for number in range(len(names)):
            place = QRectF(_NAMES + number * wide, 0, wide, _TOP)
            pen.text(place, str(number + 1), tokens.faint, pixels=11, weight=500, align=CENTRE)
        for line, name in enumerate(names):
            top = _TOP + line * high
            pen.text(
                QRectF(0, top, 18, high), str(line + 1), tokens.faint, pixels=11, weight=500, align=RIGHT
            )
            pen.text(QRectF(24, top, _NAMES - 30, high), name, tokens.muted, pixels=11)
            for column in range(len(names)):
                left = _NAMES + column * wide
                middle = QPointF(left + wide / 2, top + high / 2)
                share = float(self._heads.share[line][column])
                if line == column or math.isnan(share):
                    pen.line(middle - QPointF(4, 0), middle + QPointF(4, 0), tokens.border_strong, 1.5)
                    continue
                pen.box(QRectF(left + 1, top + 1, wide - 2, high - 2), heat(tokens, share), 4)
                pixels = 10 if wide < 26 else 11
                pen.text(
                    QRectF(left, top, wide, high),
                    numeral(100 * share, ".0f"),
                    pixels=pixels,
                    weight=500,
                    align=CENTRE,
                )

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose a pair."""
        pair = self._pair(event.position())
        if pair is not None:
            self.chosen.emit(*pair)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Say a pair in full under the mouse."""
        pair = self._pair(event.position())
        self.setToolTip("" if pair is None or self._heads is None else pair_words(self._heads, *pair))

    def _cell(self, width: float, height: float) -> tuple[float, float]:
        count = min(_MOST, len(self._heads.names)) if self._heads is not None else 1
        return min((width - _NAMES) / count, 2 * _CELL), min((height - _TOP) / count, _CELL)

    def _pair(self, at: QPointF) -> tuple[str, str] | None:
        if self._heads is None:
            return None
        wide, high = self._cell(self.width(), self.height())
        column, line = int((at.x() - _NAMES) // wide), int((at.y() - _TOP) // high)
        names = self._heads.names[:_MOST]
        if column == line or not (0 <= column < len(names) and 0 <= line < len(names)):
            return None
        if math.isnan(float(self._heads.share[line][column])):
            return None
        return names[line], names[column]


def pair_words(heads: HeadToHead, first: str, second: str) -> str:
    """How two have met, in a sentence."""
    line, column = heads.names.index(first), heads.names.index(second)
    return tr(
        "{first} wins {share} of {count} comparisons with {second}",
        first=first,
        second=second,
        share=numeral(float(heads.share[line][column]), ".0%"),
        count=numeral(float(heads.comparisons[line][column]), ",.0f"),
    )


class HeadTable:
    """The same numbers, a pair per row."""

    def __init__(self, look: Look) -> None:
        columns = [
            Column(tr("Model"), 0),
            Column(tr("Against"), 150),
            Column(tr("Wins"), 70, right=True),
            Column(tr("Comparisons"), 110, right=True),
        ]
        self.rows = Rows(look, columns)
        self.widget = table(tr("Head to head"), self.rows, columns, flat=True)

    def show_heads(self, heads: HeadToHead) -> None:
        """Show who met whom."""
        rows = []
        for line, name in enumerate(heads.names):
            for column, other in enumerate(heads.names):
                share = float(heads.share[line][column])
                if line != column and not math.isnan(share):
                    count = numeral(float(heads.comparisons[line][column]), ",.0f")
                    rows.append((f"{name}\n{other}", (name, other, numeral(share, ".0%"), count)))
        self.rows.set_rows(rows)
