"""The ranking as dots with intervals, painted, and the same as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtWidgets import QTableView

from desktop.language import numeral, tr
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens, blend
from desktop.widgets.canvas import CENTRE, RIGHT, Canvas, Pen, text_width
from desktop.widgets.table import Cell, Column, Rows, table
from engine.ranking.chart import Kind
from engine.ranking.result import Standing, Table, elo

_TOP: Final = 24.0
_BOTTOM: Final = 28.0
_ROW: Final = 32
_RANK: Final = 64.0
_NAME_LEAST, _NAME_MOST = 110.0, 260.0
#: Width of a bracket with its sign, and how many stand beside each other at most.
_LANE: Final = 24.0
_MOST_LANES: Final = 4
#: Pixels from one mark of the scale to the next, at least about.
_TICKS: Final = 48
#: Shown beyond the outermost end of an interval, in Elo points.
_AROUND: Final = 15.0
#: Intervals wider than this many spreads of the ratings do not stretch the scale.
_WIDE: Final = 3.0


class RankChart(Canvas):
    """A dot and an interval per contestant, possible places at the left, brackets where nothing tells apart."""

    def __init__(self, look: Look) -> None:
        super().__init__(look, 420)
        self._table: Table | None = None
        self._kinds: Mapping[str, Kind] = {}
        self._reference: str | None = None
        self.setAccessibleName(tr("Ratings with their intervals"))

    def show_table(self, shown: Table, kinds: Mapping[str, Kind], reference: str | None) -> None:
        """Show a ranking; ``reference`` is whose rating is zero, if anybody's is."""
        self._table, self._kinds, self._reference = shown, kinds, reference
        self.setMinimumHeight(round(_TOP + _BOTTOM) + _ROW * len(shown.contestants))
        self.setAccessibleDescription(sentence(shown))
        self.update()

    def paint(self, pen: Pen, width: float, height: float) -> None:
        """See `Canvas`."""
        shown = self._table
        if shown is None:
            return
        tokens, rows = pen.tokens, shown.contestants
        step = min((height - _TOP - _BOTTOM) / len(rows), 40.0)
        bottom = _TOP + step * len(rows)
        names = max(text_width(row.name, 13, 600) for row in rows) + 8
        name = max(_NAME_LEAST, min(_NAME_MOST, names, 0.34 * width))
        beside = min(_MOST_LANES, max((lane + 1 for *_, lane in lanes(shown)), default=0))
        brackets = width - max(10.0 + _LANE * beside, 34.0)
        left, right = _RANK + 14 + name + 10, brackets - 60
        low, high = scale_of(rows)

        def place(points: float) -> float:
            return left + (right - left) * (points - low) / (high - low)

        pen.text(QRectF(0, 0, _RANK - 12, 18), tr("Place"), tokens.faint, weight=500, align=RIGHT)
        pen.text(QRectF(_RANK + 14, 0, name, 18), tr("Model"), tokens.faint, weight=500)
        pen.text(QRectF(right - 4, 0, 56, 18), tr("Rating"), tokens.faint, weight=500, align=RIGHT)
        self._paint_band(pen, rows, place, bottom, (left, right))
        for tick in ticks(low, high, max(2, round((right - left) / _TICKS))):
            pen.line(QPointF(place(tick), _TOP), QPointF(place(tick), bottom), tokens.border)
            pen.text(
                QRectF(place(tick) - 30, bottom + 6, 60, 18),
                numeral(tick, ".0f"),
                tokens.muted,
                pixels=11,
                align=CENTRE,
            )
        for number, row in enumerate(rows):
            y = _TOP + step * (number + 0.5)
            colour = kind_colour(tokens, self._kinds.get(row.name, "tuned"))
            sure = row.rank_lo == 1
            pen.text(QRectF(0, y - 11, _RANK - 12, 22), places(row), tokens.muted, weight=500, align=RIGHT)
            pen.dot(QPointF(_RANK + 2, y), 3.5, colour)
            pen.text(QRectF(_RANK + 14, y - 11, name, 22), row.name, pixels=13, weight=600 if sure else 500)
            self._paint_interval(pen, row, y, place, colour, (left, right))
            rating = "" if row.elo is None else numeral(row.elo, ".0f")
            pen.text(QRectF(right + 4, y - 10, 48, 20), rating, weight=600, align=RIGHT)
        self._paint_brackets(pen, shown, step, brackets + 6)

    def _paint_band(
        self, pen: Pen, rows: Sequence[Standing], place: object, bottom: float, ends: tuple[float, float]
    ) -> None:
        reference = next((row for row in rows if row.name == self._reference), None)
        if reference is None or reference.elo is None or not callable(place):
            return
        tokens = pen.tokens
        ends_of = self._table.band if self._table is not None and self._table.band is not None else None
        low, high = map(elo, ends_of or (reference.lo, reference.hi))
        if low is not None and high is not None:
            begin, end = max(ends[0], place(low)), min(ends[1], place(high))
            pen.box(
                QRectF(begin, _TOP, end - begin, bottom - _TOP), blend(tokens.surface, tokens.line, 0.16), 0
            )
        middle = place(reference.elo)
        pen.line(QPointF(middle, _TOP), QPointF(middle, bottom), tokens.line, dashed=True)
        words = f"{reference.name} = {numeral(reference.elo, '.0f')}"
        wide = min(text_width(words, 12, 500) + 4, ends[1] - ends[0] - 8)
        begin = min(max(middle - wide / 2, ends[0]), ends[1] - 8 - wide)
        pen.text(QRectF(begin, 0, wide, 18), words, tokens.muted, weight=500, align=CENTRE)

    def _paint_interval(
        self, pen: Pen, row: Standing, y: float, place: object, colour: str, ends: tuple[float, float]
    ) -> None:
        if row.elo is None or not callable(place):
            pen.text(QRectF(ends[0], y - 10, ends[1] - ends[0], 20), without_rating(row), pen.tokens.muted)
            return
        for bound, edge in ((elo(row.lo), ends[0]), (elo(row.hi), ends[1])):
            at = edge if bound is None else place(bound)
            shown = min(max(at, ends[0]), ends[1])
            pen.line(QPointF(place(row.elo), y), QPointF(shown, y), colour, 3)
            if bound is not None and shown == at:
                pen.line(QPointF(at, y - 5), QPointF(at, y + 5), colour, 2)
            else:  # it goes on beyond the edge
                back = 6 if edge == ends[0] else -6
                pen.line(QPointF(shown, y), QPointF(shown + back, y - 5), colour, 2)
                pen.line(QPointF(shown, y), QPointF(shown + back, y + 5), colour, 2)
        pen.dot(QPointF(place(row.elo), y), 6.5, colour, pen.tokens.surface, 2)

    def _paint_brackets(self, pen: Pen, shown: Table, step: float, left: float) -> None:
        tokens = pen.tokens
        for first, last, lane in lanes(shown):
            if lane >= _MOST_LANES:
                continue  # the table and the places tell the rest
            x = left + lane * _LANE
            top, bottom = _TOP + step * first + 8, _TOP + step * (last + 1) - 8
            for begin, end in (
                (QPointF(x, top), QPointF(x + 6, top)),
                (QPointF(x + 6, top), QPointF(x + 6, bottom)),
                (QPointF(x, bottom), QPointF(x + 6, bottom)),
            ):
                pen.line(begin, end, tokens.warn_fill, 1.8)
            place = QRectF(x + 8, (top + bottom) / 2 - 9, _LANE - 8, 18)
            pen.text(place, "≈", tokens.warn, pixels=15, weight=600)


def lanes(shown: Table) -> list[tuple[int, int, int]]:
    """First row, last row and lane of each group of contestants that nothing tells apart.

    Groups that share rows stand in different lanes.
    """
    spots = {row.name: number for number, row in enumerate(shown.contestants)}
    ends: list[int] = []
    found = []
    for group in shown.groups:
        first, last = spots[group[0]], spots[group[-1]]
        lane = next((lane for lane, end in enumerate(ends) if end < first), len(ends))
        ends[lane : lane + 1] = [last]
        found.append((first, last, lane))
    return found


def kind_colour(tokens: Tokens, kind: Kind) -> str:
    """The colour of merges, of tuned models, and of what they are measured against."""
    return {"merge": tokens.violet, "tuned": tokens.accent_fill, "reference": tokens.line}[kind]


def scale_of(rows: Sequence[Standing]) -> tuple[float, float]:
    """The Elo points at both ends of the scale: all ratings, and intervals unless one is out of all proportion."""
    ratings = [row.elo for row in rows if row.elo is not None]
    if not ratings:
        return 900.0, 1100.0
    spread = max(max(ratings) - min(ratings), 60.0)
    ends = [elo(end) for row in rows for end in (row.lo, row.hi)]
    near = [
        end
        for end in ends
        if end is not None and min(ratings) - _WIDE * spread < end < max(ratings) + _WIDE * spread
    ]
    return min(*ratings, *near, ratings[0]) - _AROUND, max(*ratings, *near, ratings[0]) + _AROUND


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two ends, about ``most`` of them."""
    raw = (high - low) / max(1, most)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step)
    return [step * number for number in range(first, math.floor(high / step) + 1)]


def places(row: Standing) -> str:
    """The places that a contestant may have."""
    if row.rank_lo == row.rank_hi:
        return str(row.rank_lo)
    return tr("{first} to {last}", first=row.rank_lo, last=row.rank_hi)


def without_rating(row: Standing) -> str:
    """Why the data give a contestant no rating that is finite."""
    if not row.wins and not row.ties:
        return tr("lost every comparison: no finite rating")
    if not row.losses and not row.ties:
        return tr("won every comparison: no finite rating")
    return tr("no finite rating: not comparable with all others on every task")


def interval(row: Standing) -> str:
    """An interval in Elo points."""
    low, high = elo(row.lo), elo(row.hi)
    if low is None:
        return tr("not bounded") if high is None else tr("below {points}", points=numeral(high, ".0f"))
    if high is None:
        return tr("above {points}", points=numeral(low, ".0f"))
    return tr("{first} to {last}", first=numeral(low, ".0f"), last=numeral(high, ".0f"))


def sentence(shown: Table) -> str:
    """The ranking for those who do not see it."""
    said = [
        tr(
            "{name}: place {places}, rating {rating}, interval {interval}.",
            name=row.name,
            places=places(row),
            rating=tr("unknown ({why})", why=without_rating(row))
            if row.elo is None
            else numeral(row.elo, ".0f"),
            interval=interval(row),
        )
        for row in shown.contestants
    ]
    said += [tr("Not separable: {names}.", names=", ".join(group)) for group in shown.groups]
    return " ".join(said)


class RankTable:
    """The same numbers, and how often each has won."""

    def __init__(self, look: Look) -> None:
        columns = [
            Column(tr("Model"), 0),
            Column(tr("Places"), 80, right=True),
            Column(tr("Rating"), 80, right=True),
            Column(tr("Interval"), 130, right=True),
            Column(tr("Won"), 70, right=True),
            Column(tr("Tied"), 70, right=True),
            Column(tr("Lost"), 70, right=True),
        ]
        self.rows = Rows(look, columns)
        self.widget: QTableView = table(tr("Ranking"), self.rows, columns, flat=True)
        self.widget.setSortingEnabled(False)

    def show_table(self, shown: Table) -> None:
        """Show a ranking."""
        self.rows.set_rows([(row.name, _cells(row)) for row in shown.contestants])


def _cells(row: Standing) -> tuple[str | Cell, ...]:
    return (
        row.name,
        places(row),
        "" if row.elo is None else numeral(row.elo, ".0f"),
        interval(row),
        numeral(row.wins),
        numeral(row.ties),
        numeral(row.losses),
    )
