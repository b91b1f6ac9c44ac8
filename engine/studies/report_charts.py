"""The report's charts as SVG: each once for wide and once for narrow pages, coloured by the page's style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.ranking import elo
from engine.ranking.result import ELO_PER_UNIT
from engine.studies.report_drawing import Drawing, Layout, Scale, draw_ticks
from engine.studies.report_words import columns, elo_text, one_line, percent, plain_number, signed

#: Width of a column of 13-px text, a little more than the mean so that names rarely touch the plot.
_COLUMN: Final = 7.3
_MOST_LANES: Final = 3


@dataclass(frozen=True, slots=True)
class Dot:
    """A row of a chart of ratings, in natural-log units; None where the data give nothing.

    Attributes:
        kind: ``base``, ``merge`` or ``reference``: its colour and shape.
        ranks: The ranks that the data allow, in words.
        note: Shown in place of a rating that is not there.
    """

    name: str
    kind: str
    rating: float | None
    lo: float | None
    hi: float | None
    ranks: str
    top: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a chart of shares; ``kind`` may also be ``floor``, which draws a line across the others."""

    name: str
    kind: str
    share: float
    aside: str = ""
    line: bool = False


def rating_chart(
    rows: Sequence[Dot],
    *,
    label: str,
    groups: Sequence[Sequence[str]] = (),
    mark: str | None = None,
    yardstick: str = "",
) -> str:
    """Dots with whiskers on a scale of Elo points; an end that is not bounded is an arrow.

    Args:
        rows: Best first.
        label: What the chart shows, for those who cannot see it.
        groups: Runs of neighbours that nothing tells apart, joined by brackets.
        mark: The row whose interval is a band across the others.
        yardstick: Said of a line above everybody: what the answers are measured against.

    Returns:
        Two SVG elements, of which the page's style shows one.
    """
    return "".join(
        _rating_chart(rows, label, groups, mark, yardstick, narrow=narrow) for narrow in (False, True)
    )


def _rating_chart(
    rows: Sequence[Dot],
    label: str,
    groups: Sequence[Sequence[str]],
    mark: str | None,
    yardstick: str,
    *,
    narrow: bool,
) -> str:
    runs = _runs(groups, [row.name for row in rows])
    lanes = max((lane for _, _, lane in runs), default=-1) + 1
    layout = _rating_layout([row.name for row in rows], lanes, bool(yardstick), narrow=narrow)
    bottom = layout.top + layout.row * max(1, len(rows))
    drawing = Drawing(layout, bottom + 26, label)
    scale = Scale.around(
        [elo(end) for row in rows for end in (row.lo, row.rating, row.hi)], layout.left, layout.right
    )
    marked = next((row for row in rows if row.name == mark and row.rating is not None), None)
    if marked is not None:
        _band(drawing, scale, marked, layout.top - 2, bottom)
    draw_ticks(drawing, scale, layout.top - 2, bottom, 4 if narrow else 7, plain_number)
    if marked is not None:
        spot = scale.at(elo(marked.rating) or 0.0)
        drawing.line(spot, layout.top - 2, spot, bottom, "reference-line")
    if yardstick:
        drawing.line(0 if narrow else 14, layout.top - 6, layout.right, layout.top - 6, "yardstick")
        drawing.text(
            layout.right if not narrow else 0,
            layout.top - 17,
            yardstick,
            "small yardstick-text",
            "start" if narrow else "end",
        )
    if not narrow:
        head = 12.0
        drawing.text(62, head, "Rank", "small muted", "end")
        drawing.text(90, head, "Entrant", "small muted")
        drawing.text(layout.right + 62, head, "Elo", "small muted", "end")
        if marked is not None and not yardstick:
            x = min(max(spot, layout.left + 70), layout.right - 70)
            drawing.text(x, head, f"{marked.name} = {elo_text(marked.rating)}", "small muted", "middle", 26)
    for place, row in enumerate(rows):
        _rating_row(drawing, layout, scale, layout.top + layout.row * (place + 0.5), row)
    drawing.group("group")
    edge = layout.width - (4 if narrow else 22)
    for first, last, lane in runs:
        x = edge - (lanes - 1 - lane) * (9 if narrow else 15) - (0 if narrow else 4)
        y1, y2 = layout.top + layout.row * first + 7, layout.top + layout.row * (last + 1) - 7
        drawing.path([(x - 4, y1), (x, y1), (x, y2), (x - 4, y2)], "bracket")
        if not narrow and lane == lanes - 1:
            drawing.text(x + 5, (y1 + y2) / 2, "≈", "small")
    return str(drawing)


def _band(drawing: Drawing, scale: Scale, row: Dot, top: float, bottom: float) -> None:
    """A row's interval across all rows, behind everything; to the edge where an end is not bounded."""
    low, high = elo(row.lo), elo(row.hi)
    start = scale.left if low is None else scale.at(low)
    stop = scale.right if high is None else scale.at(high)
    drawing.rect(start, top, stop - start, bottom - top, "band")


def _rating_layout(names: Sequence[str], lanes: int, yardstick: bool, *, narrow: bool) -> Layout:
    more = 22 if yardstick else 0
    if narrow:
        return Layout(True, 360, 10, 360 - 14 - 9 * lanes, 48, 8 + more)
    longest = max([columns(one_line(name)) for name in names] + [12])
    return Layout(False, 880, 90 + min(longest, 34) * _COLUMN + 22, 880 - 84 - 15 * lanes, 32, 26 + more)


def _rating_row(drawing: Drawing, layout: Layout, scale: Scale, y: float, row: Dot) -> None:
    drawing.group(f"row {row.kind}")
    bold = "strong" if row.top else "name"
    value = elo_text(row.rating)
    if layout.narrow:
        drawing.mark(row.kind, 8, y - 11, 4)
        drawing.text(20, y - 11, row.name, bold, most=30)
        drawing.text(layout.right - 40, y - 11, f"rank {row.ranks}", "small muted", "end")
        drawing.text(layout.right, y - 11, value, "strong", "end")
        y += 11
    else:
        drawing.text(62, y, row.ranks, "muted", "end")
        drawing.mark(row.kind, 76, y, 4)
        drawing.text(90, y, row.name, bold, most=34)
        drawing.text(layout.right + 62, y, value, "strong", "end")
    low, high = elo(row.lo), elo(row.hi)
    if row.rating is None and low is None and high is None:
        middle = (layout.left + layout.right) / 2
        drawing.text(middle, y, row.note or "not bounded by the verdicts", "small muted italic", "middle", 44)
        return
    start = layout.left if low is None else scale.at(low)
    stop = layout.right if high is None else scale.at(high)
    drawing.line(start, y, stop, y, "whisker")
    for x, bound, way in ((start, low, -1), (stop, high, 1)):
        if bound is None:
            drawing.path([(x - 7 * way, y - 5), (x, y), (x - 7 * way, y + 5)], "arrow")
        elif stop - start > 1:
            drawing.line(x, y - 5, x, y + 5, "whisker")
    if row.rating is not None:
        drawing.mark(row.kind, scale.at(elo(row.rating) or 0.0), y)
    elif row.note and stop - start > 250:
        drawing.text((start + stop) / 2, y - 9, row.note, "small muted italic", "middle", 44)


def share_chart(rows: Sequence[Bar], *, label: str, heading: str, aside: str, yardstick: str = "") -> str:
    """Bars from 0 to 100%, floors after the others and as lines across them.

    Args:
        rows: In the order to show; those of the kind ``floor`` last.
        label: What the chart shows, for those who cannot see it.
        heading: What a bar measures.
        aside: Heading of the rows' ``aside``.
        yardstick: Said of a line at 100%.

    Returns:
        Two SVG elements, of which the page's style shows one.
    """
    return "".join(
        _share_chart(rows, label, heading, aside, yardstick, narrow=narrow) for narrow in (False, True)
    )


def _share_chart(
    rows: Sequence[Bar], label: str, heading: str, aside: str, yardstick: str, *, narrow: bool
) -> str:
    longest = max([columns(one_line(row.name)) for row in rows] + [12])
    layout = (
        Layout(True, 360, 2, 300, 42, 26)
        if narrow
        else Layout(False, 880, 34 + min(longest, 34) * _COLUMN + 22, 800, 30, 28)
    )
    contestants = [row for row in rows if row.kind != "floor"]
    gap = 24 if len(contestants) < len(rows) else 0
    bottom = layout.top + layout.row * len(rows) + gap
    drawing = Drawing(layout, bottom + 24, label)
    # Values stand to the right of their bars: the scale ends before the column beside it.
    scale = Scale(0.0, 1.0, layout.left, layout.right - (34 if narrow else 66))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawing.line(scale.at(share), layout.top, scale.at(share), bottom, "grid")
        drawing.text(
            scale.at(share),
            bottom + 12,
            f"{share:.0%}",
            "small muted tick",
            "start" if narrow and not share else "middle",
        )
    if yardstick:
        drawing.line(
            scale.at(1.0), layout.top, scale.at(1.0), layout.top + layout.row * len(contestants), "yardstick"
        )
        drawing.text(scale.at(1.0) + (54 if not narrow else 30), 10, yardstick, "small yardstick-text", "end")
    drawing.text(2 if narrow else layout.left, 10, heading, "small muted", most=22 if narrow else 40)
    if aside:
        drawing.text(layout.width - 2, 10, aside, "small muted", "end")
    places = {}
    for place, row in enumerate(rows):
        y = layout.top + layout.row * (place + 0.5) + (gap if row.kind == "floor" else 0)
        places[place] = y
        if row.kind == "floor" and row.line:
            drawing.line(scale.at(row.share), layout.top, scale.at(row.share), y, "floor-line")
    if gap:
        drawing.text(
            2 if narrow else 14,
            layout.top + layout.row * len(contestants) + gap / 2 + 2,
            "Floors to beat",
            "small muted",
        )
    for place, row in enumerate(rows):
        _share_row(drawing, layout, scale, places[place], row)
    return str(drawing)


def _share_row(drawing: Drawing, layout: Layout, scale: Scale, y: float, row: Bar) -> None:
    drawing.group(f"row {row.kind}")
    name, bar = (y - 11, y + 8) if layout.narrow else (y, y)
    thick = 10 if layout.narrow else 14
    if row.kind != "floor":
        drawing.mark(row.kind, 8 if layout.narrow else 20, name, 4)
    drawing.text(20 if layout.narrow else 34, name, row.name, "name", most=34)
    end = scale.at(min(max(row.share, 0.0), 1.0))
    drawing.rect(scale.at(0.0), bar - thick / 2, max(end - scale.at(0.0), 2.0), thick, "bar", 3)
    drawing.text(end + 6, bar, percent(row.share), "value")
    if row.aside:
        drawing.text(layout.width - 2, bar, row.aside, "muted", "end")


def difference_chart(
    difference: float | None, lo: float | None, hi: float | None, *, first: str, second: str, label: str
) -> str:
    """One interval around zero: the rating of ``first`` minus that of ``second``, drawn in Elo points."""
    return "".join(
        _difference_chart(difference, lo, hi, first, second, label, narrow=narrow) for narrow in (False, True)
    )


def _difference_chart(
    difference: float | None,
    lo: float | None,
    hi: float | None,
    first: str,
    second: str,
    label: str,
    *,
    narrow: bool,
) -> str:
    width = 360.0 if narrow else 880.0
    layout = Layout(narrow, width, 14, width - 14, 44, 30)
    drawing = Drawing(layout, 104, label)
    middle, low, high = (None if x is None else x * ELO_PER_UNIT for x in (difference, lo, hi))
    scale = Scale.around([0.0, -60.0, 60.0, low, middle, high], layout.left, layout.right)
    draw_ticks(drawing, scale, 26, 76, 4 if narrow else 9, lambda value: signed(value, 0))
    zero = scale.at(0.0)
    drawing.line(zero, 22, zero, 76, "zero")
    drawing.text(layout.left, 10, f"← {second} better", "small muted", "start", 22 if narrow else 50)
    drawing.text(layout.right, 10, f"{first} better →", "small muted", "end", 22 if narrow else 50)
    drawing.group("row difference")
    if middle is None and low is None and high is None:
        drawing.text(
            (layout.left + layout.right) / 2,
            40,
            "not bounded by the verdicts",
            "small muted italic",
            "middle",
        )
        return str(drawing)
    start = layout.left if low is None else scale.at(low)
    stop = layout.right if high is None else scale.at(high)
    drawing.line(start, 52, stop, 52, "whisker")
    for x, bound, way in ((start, low, -1), (stop, high, 1)):
        if bound is None:
            drawing.path([(x - 7 * way, 46), (x, 52), (x - 7 * way, 58)], "arrow")
        elif stop - start > 1:
            drawing.line(x, 46, x, 58, "whisker")
    if middle is not None:
        drawing.mark("base", scale.at(middle), 52, 7)
    return str(drawing)


def legend(kinds: Sequence[str]) -> str:
    """The shapes of the kinds, each with its name, as SVG elements in words."""
    layout = Layout(False, 14, 0, 14, 14, 0)
    parts = []
    for kind in kinds:
        drawing = Drawing(layout, 14, "")
        drawing.root.attrib.update({"class": "key", "aria-hidden": "true"})
        del drawing.root.attrib["role"], drawing.root.attrib["aria-label"]
        drawing.group(f"row {kind}")
        drawing.mark(kind, 7, 7, 4.5)
        parts.append(str(drawing))
    return "".join(
        f'<span class="key-item">{svg}{kind}</span>' for svg, kind in zip(parts, kinds, strict=True)
    )


def _runs(groups: Sequence[Sequence[str]], names: Sequence[str]) -> list[tuple[int, int, int]]:
    """First and last row and lane of each bracket; what finds no lane is left to the words."""
    places = {name: place for place, name in enumerate(names)}
    ends: list[int] = []
    runs = []
    for group in groups:
        spots = sorted(places[name] for name in group if name in places)
        if len(spots) < 2:
            continue
        lane = next((n for n, end in enumerate(ends) if end < spots[0]), len(ends))
        if lane >= _MOST_LANES:
            continue
        if lane == len(ends):
            ends.append(-1)
        ends[lane] = spots[-1]
        runs.append((spots[0], spots[-1], lane))
    return runs
