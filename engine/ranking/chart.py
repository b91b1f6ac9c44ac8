"""Draws a ranking: dots with whiskers, ranks and ratings in words, the reference as a band."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from engine.errors import reason_of
from engine.files import write_bytes
from engine.ranking.errors import RankingError
from engine.ranking.result import Ranking, Standing, Table, elo
from engine.resources import ResourceError, resource

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = Literal["merge", "tuned", "reference"]

_WIDTH: Final = 8.6
_ROW: Final = 0.325
_FORMATS: Final = {".png": "png", ".svg": "svg"}
_INTERVALS: Final = {
    "cluster": "clustered by prompt",
    "iid": "verdicts taken as independent",
    "bootstrap": "bootstrap over prompts",
}


@dataclass(frozen=True, slots=True)
class _Theme:
    surface: str
    border: str
    text: str
    muted: str
    line: str
    accent: str
    band: str
    violet: str
    warn: str


_THEMES: Final = {
    "light": _Theme(
        "#ffffff", "#dfe3ea", "#161a22", "#535c6e", "#8a94a6", "#3559e0", "#e8ebf0", "#6a3fc4", "#cc7a00"
    ),
    "dark": _Theme(
        "#171a21", "#262b36", "#e8ebf1", "#a3adbd", "#6b7485", "#6e8bff", "#272c37", "#b99af5", "#f0b14a"
    ),
}


def draw_chart(
    ranking: Ranking,
    path: str | Path,
    *,
    theme: str = "light",
    reference: str | None = None,
    lines: Sequence[tuple[str, float]] = (),
    task: str | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> None:
    """Draw a ranking into a file.

    An end that the data do not bound is an arrow to the edge. Brackets at the right join those
    that cannot be told apart.

    Args:
        ranking: What to draw.
        path: Ends in .png or .svg.
        theme: ``"light"`` or ``"dark"``.
        reference: A contestant whose interval is drawn as a band over the whole height; None: the
            ranking's own reference.
        lines: Yardsticks that are no contestants: (label, rating) each, drawn as a line.
        task: Draw this task instead of the whole.
        kinds: Colours a contestant as a merge, a tuned base or a reference.

    Raises:
        RankingError: Unknown suffix, theme or task, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise RankingError(
            "chart.format",
            "A chart cannot be drawn into {file}.",
            fix="Name a file that ends in .png or .svg.",
            file=str(path),
        )
    if theme not in _THEMES:
        raise RankingError("chart.theme", "There is no theme {theme}.", fix="Use light or dark.", theme=theme)
    table: Table = ranking
    if task is not None:
        if task not in ranking.tasks:
            raise RankingError(
                "chart.task",
                "This ranking has no task {task}.",
                fix="Its tasks are {known}.",
                task=task,
                known=", ".join(ranking.tasks),
            )
        table = ranking.tasks[task]
    picture = _Picture(
        ranking, table, _THEMES[theme], reference or ranking.reference, tuple(lines), kinds or {}
    )
    content = picture.render(_FORMATS[path.suffix.lower()])
    try:
        write_bytes(path, content, durable=False)
    except OSError as error:
        raise RankingError(
            "chart.write",
            "The chart cannot be written to {file}: {reason}.",
            fix="Choose another place.",
            file=str(path),
            reason=reason_of(error),
        ) from error


@dataclass(frozen=True, slots=True)
class _Picture:
    """One chart: the left part is text, the middle the scale in Elo points, the right text again."""

    ranking: Ranking
    table: Table
    theme: _Theme
    reference: str | None
    lines: tuple[tuple[str, float], ...]
    kinds: Mapping[str, Kind]

    def render(self, suffix: str) -> bytes:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        rows = self.table.contestants
        height = 1.25 + _ROW * max(1, len(rows))
        # A "$" in a name is a dollar, no formula.
        with matplotlib.rc_context(
            {"font.family": _families(), "svg.hashsalt": "bakeoff", "text.parse_math": False}
        ):
            figure = Figure(figsize=(_WIDTH, height), dpi=160, facecolor=self.theme.surface)
            FigureCanvasAgg(figure)
            longest = max([len(row.name) for row in rows] + [8])
            left = min(0.5, 0.135 + 0.0092 * min(longest, 40))
            axes = figure.add_axes((left, 0.72 / height, 0.865 - left, 1 - 1.18 / height))
            self._scale(axes, rows)
            for place, row in enumerate(rows):
                self._row(axes, place, row)
            self._heads(axes)
            self._groups(axes, rows)
            figure.text(0.02, 0.16 / height, self._caption(), size=7.6, color=self.theme.muted, va="bottom")
            stream = io.BytesIO()
            metadata: dict[str, Any] = {"Date": None} if suffix == "svg" else {}
            figure.savefig(stream, format=suffix, facecolor=self.theme.surface, metadata=metadata)
        return stream.getvalue()

    def _scale(self, axes: Axes, rows: Sequence[Standing]) -> None:
        """Axis in Elo points, grid, reference band and yardsticks."""
        low, high = _limits(rows, self.lines)
        axes.set_xlim(low, high)
        axes.set_ylim(max(1, len(rows)) - 0.45, -0.6)
        axes.set_facecolor(self.theme.surface)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set_yticks([])
        axes.tick_params(axis="x", length=0, labelsize=8, labelcolor=self.theme.muted, pad=5)
        axes.grid(axis="x", color=self.theme.border, linewidth=0.8)
        axes.set_axisbelow(True)
        marker = next((row for row in rows if row.name == self.reference), None)
        if marker is not None and marker.elo is not None:
            own = self.table.band if marker.name == self.ranking.reference else None
            ends = tuple(map(elo, own or (marker.lo, marker.hi)))
            if ends[0] is not None and ends[1] is not None and ends[1] > ends[0]:
                axes.axvspan(ends[0], ends[1], color=self.theme.band, linewidth=0, zorder=0.5)
            axes.axvline(marker.elo, color=self.theme.line, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
            self._above(axes, marker.elo, f"{_short(marker.name, 24)} = {marker.elo:.0f}", self.theme.muted)
        for number, (label, rating) in enumerate(self.lines):
            spot = elo(rating) or 0.0
            axes.axvline(spot, color=self.theme.warn, linewidth=1.2, zorder=1)
            self._above(
                axes, spot, _short(label, 24), self.theme.warn, lift=10 * (number + (marker is not None))
            )

    def _above(self, axes: Axes, x: float, text: str, color: str, lift: float = 0.0) -> None:
        axes.annotate(
            text, (x, 1.0), (0, 4 + lift), xycoords=("data", "axes fraction"), textcoords="offset points",
            size=8, color=color, ha="center", annotation_clip=False,
        )  # fmt: skip

    def _row(self, axes: Axes, place: int, row: Standing) -> None:
        theme = self.theme
        kind = self.kinds.get(row.name) or ("reference" if row.name == self.reference else "tuned")
        color = {"merge": theme.violet, "reference": theme.line}.get(kind, theme.accent)
        ranks = str(row.rank_lo) if row.rank_lo == row.rank_hi else f"{row.rank_lo} to {row.rank_hi}"
        top = row.rank_lo == 1
        self._left(axes, place, 0.072, ranks, theme.muted, "right")
        self._left(axes, place, 0.092, "\u25cf", color, "left", size=6.5)
        self._left(
            axes, place, 0.115, _short(row.name, 40), theme.text, "left", weight="bold" if top else "normal"
        )
        value = "\u2013" if row.elo is None else f"{row.elo:.0f}"
        axes.annotate(
            value, (1.0, place), (34, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            size=9, weight="bold", color=theme.text, ha="right", va="center", annotation_clip=False,
        )  # fmt: skip
        low, high = axes.get_xlim()
        ends = elo(row.lo), elo(row.hi)
        if ends == (None, None) and row.elo is None:
            axes.text((low + high) / 2, place, "not bounded by the verdicts", size=7.6, color=theme.muted,
                      ha="center", va="center", style="italic")  # fmt: skip
            return
        start = low if ends[0] is None else ends[0]
        stop = high if ends[1] is None else ends[1]
        axes.plot([start, stop], [place, place], color=color, linewidth=1.9, solid_capstyle="round", zorder=3)
        for end, bound, arrow in ((start, ends[0], "<"), (stop, ends[1], ">")):
            if bound is None:
                axes.plot([end], [place], marker=arrow, color=color, markersize=6, clip_on=False, zorder=3)
            elif stop > start:
                axes.plot([end, end], [place - 0.17, place + 0.17], color=color, linewidth=1.9,
                          solid_capstyle="round", zorder=3)  # fmt: skip
        if row.elo is not None:
            axes.plot([row.elo], [place], marker="o", markersize=7.6, color=color,
                      markeredgecolor=theme.surface, markeredgewidth=1.5, zorder=4)  # fmt: skip

    def _left(
        self, axes: Axes, place: float, x: float, text: str, color: str, align: Literal["left", "right"],
        *, size: float = 9, weight: str = "normal",
    ) -> None:  # fmt: skip
        """Text in the margin: x counts in figure widths, the height in rows."""
        axes.annotate(
            text, (x, place), xycoords=("figure fraction", "data"), size=size, color=color, weight=weight,
            ha=align, va="center", annotation_clip=False,
        )  # fmt: skip

    def _heads(self, axes: Axes) -> None:
        for x, text, align in ((0.072, "Rank", "right"), (0.115, "Contestant", "left")):
            axes.annotate(
                text, (x, 1.0), (0, 4), xycoords=("figure fraction", "axes fraction"),
                textcoords="offset points", size=8, color=self.theme.muted, ha=align, annotation_clip=False,
            )  # fmt: skip
        axes.annotate(
            "Rating", (1.0, 1.0), (34, 4), xycoords="axes fraction", textcoords="offset points", size=8,
            color=self.theme.muted, ha="right", annotation_clip=False,
        )  # fmt: skip

    def _groups(self, axes: Axes, rows: Sequence[Standing]) -> None:
        """Brackets around runs of neighbours that cannot be told apart."""
        places = {row.name: place for place, row in enumerate(rows)}
        lanes: list[float] = []
        transform = axes.get_yaxis_transform()
        width = axes.get_position().width * _WIDTH * 72
        for group in self.table.groups:
            first, last = places[group[0]], places[group[-1]]
            lane = next((n for n, end in enumerate(lanes) if end < first - 0.3), len(lanes))
            if lane > 2:
                continue
            if lane == len(lanes):
                lanes.append(0.0)
            lanes[lane] = last + 0.3
            x, foot = 1.0 + (46 + 9 * lane) / width, 4 / width
            axes.plot([x - foot, x, x, x - foot], [first - 0.28, first - 0.28, last + 0.28, last + 0.28],
                      color=self.theme.warn, linewidth=1.3, transform=transform, clip_on=False)  # fmt: skip

    def _caption(self) -> str:
        table = self.table
        parts = [
            f"Bradley-Terry rating in Elo points with {self.ranking.level:.0%} intervals, "
            f"{_INTERVALS[self.ranking.interval]}",
            f"{table.comparisons:,} comparisons"
            + (f" on {table.prompts:,} prompts" if table.prompts else ""),
        ]
        if table.groups:
            parts.append("bracket: cannot be told apart")
        return " · ".join(parts)


def _limits(rows: Sequence[Standing], lines: Iterable[tuple[str, float]]) -> tuple[float, float]:
    """Ends of the scale: everything finite fits, with a margin for arrows."""
    values = [elo(x) for row in rows for x in (row.lo, row.rating, row.hi)]
    values += [elo(rating) for _, rating in lines]
    known = [value for value in values if value is not None and math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (900.0, 1100.0)
    margin = max(20.0, 0.06 * (high - low))
    return low - margin, high + margin


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "\u2026"


def _families() -> list[str]:
    """Inter where it is installed or shipped, else what matplotlib carries."""
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    if "Inter" not in known:
        try:
            for file in sorted(resource("fonts").rglob("Inter*.ttf")):
                font_manager.fontManager.addfont(str(file))
        except (ResourceError, OSError, RuntimeError):
            pass
        known = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in ("Inter", "DejaVu Sans") if name in known]
