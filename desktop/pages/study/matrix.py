"""The picture of a study: entrants by tasks, painted, and the same as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QTableView

from desktop.language import numeral, tr
from desktop.theme.look import Look
from desktop.theme.tokens import Tone, heat
from desktop.widgets.canvas import CENTRE, RIGHT, Canvas, Pen, text_width
from desktop.widgets.table import Cell as TableCell
from desktop.widgets.table import Column, Rows, table
from engine.studies.picture import Cell, Entrant, StudyPicture

_HEAD: Final = 30
_GROUP: Final = 24
_ROW: Final = 34
_GAP: Final = 6
#: Columns for names and places, and a cell: where there is room, and at least (places are then without their line).
_NAME: Final = 190
_RANK: Final = 140
_LEAST: Final = 96
_NAME_LEAST: Final = 140
_RANK_LEAST: Final = 76
_CELL_LEAST: Final = 72

#: Words and tone of what a cell is at.
_STATES: Final[dict[str, tuple[str, Tone]]] = {
    "waiting": ("later", ""),
    "queued": ("waits", ""),
    "training": ("training", "info"),
    "trained": ("tuned", "info"),
    "answering": ("answering", "info"),
    "answered": ("answered", "info"),
    "judging": ("judging", "good"),
    "judged": ("judged", "good"),
    "paused": ("on hold", "warn"),
    "failed": ("failed, see Jobs", "bad"),
    "sealed": ("sealed", "warn"),
    "none": ("not asked", ""),
}
_KINDS: Final = ("base", "merge", "reference")


class Matrix(Canvas):
    """Who, on which tasks, how far.

    Args:
        open_job: Shows the job behind a cell that was clicked.
    """

    def __init__(self, look: Look, open_job: Callable[[str], None]) -> None:
        super().__init__(look)
        self._open = open_job
        self._picture: StudyPicture | None = None
        self._places: list[tuple[QRectF, str]] = []
        self._name, self._rank = _NAME, _RANK
        self.setMouseTracking(True)
        self.setAccessibleName(tr("The study as a picture"))

    def show_picture(self, picture: StudyPicture, sentence: str) -> None:
        """Show a study; the sentence says it to those who do not see it."""
        self.setAccessibleDescription(sentence)
        if picture == self._picture:
            return
        self._picture = picture
        kinds = {one.kind for one in picture.entrants}
        self.setMinimumHeight(_HEAD + _GROUP * len(kinds) + (_ROW + 1) * len(picture.entrants) + 4)
        self.setMinimumWidth(_NAME_LEAST + _RANK_LEAST + (_CELL_LEAST + _GAP) * len(picture.tasks))
        self.update()

    def paint(self, pen: Pen, width: float, height: float) -> None:
        """See `Canvas`."""
        picture = self._picture
        self._places = []
        if picture is None or not picture.tasks:
            return
        tokens = pen.tokens
        wide = width >= _NAME + _RANK + (_LEAST + _GAP) * len(picture.tasks)
        self._name, self._rank = (_NAME, _RANK) if wide else (_NAME_LEAST, _RANK_LEAST)
        cell = (width - self._name - self._rank) / len(picture.tasks)
        for number, task in enumerate(picture.tasks):
            place = QRectF(self._name + number * cell, 0, cell - _GAP, _HEAD)
            left = place.left() + max(0.0, (place.width() - text_width(task.name, 12, 500) - 18) / 2)
            if task.sealed:
                lock = "lock" if self._is_closed(number) else "lock-open"
                pen.icon(lock, QRectF(left, 7, 14, 14), tokens.warn)
                words = QRectF(left + 18, 0, place.right() - left - 18, _HEAD)
                pen.text(words, task.name, tokens.muted, weight=500)
            else:
                pen.text(place, task.name, tokens.muted, weight=500, align=CENTRE)
        pen.text(
            QRectF(width - self._rank, 0, self._rank - 4, _HEAD),
            tr("Place"),
            tokens.muted,
            weight=500,
            align=RIGHT,
        )
        top = float(_HEAD)
        for kind, entrants in self._groups(picture):
            pen.text(QRectF(0, top, self._name, _GROUP), _kind_words(kind), tokens.faint, weight=500)
            line = top + _GROUP / 2
            begin = text_width(_kind_words(kind), 12, 500) + 12
            pen.line(QPointF(begin, line), QPointF(width, line), tokens.border)
            top += _GROUP
            for entrant in entrants:
                self._paint_row(pen, entrant, top, cell, width, picture)
                top += _ROW + 1
        self._paint_seal(pen, picture, cell, top)

    def _paint_row(
        self, pen: Pen, entrant: Entrant, top: float, cell: float, width: float, picture: StudyPicture
    ) -> None:
        tokens = pen.tokens
        colours = {"base": tokens.accent_fill, "merge": tokens.violet, "reference": tokens.line}
        pen.dot(QPointF(7, top + _ROW / 2), 4, colours[entrant.kind])
        winner = picture.result is not None and picture.result.winner == entrant.name
        pen.text(
            QRectF(20, top, self._name - 30, _ROW), entrant_words(entrant.name), weight=600 if winner else 500
        )
        for number, one in enumerate(entrant.cells):
            if one.state == "sealed":
                continue
            place = QRectF(self._name + number * cell, top + 1, cell - _GAP, _ROW - 3)
            self._paint_cell(pen, one, place)
            if one.job:
                self._places.append((place, one.job))
        if entrant.places is None:
            pen.text(
                QRectF(width - self._rank, top, self._rank - 4, _ROW),
                tr("not yet"),
                tokens.faint,
                align=RIGHT,
            )
            return
        pen.text(
            QRectF(width - self._rank, top, 62, _ROW), places_words(entrant.places), weight=600, align=RIGHT
        )
        if self._rank < _RANK:
            return
        ranked = max(1, len(picture.entrants) - 1)
        begin, length, middle = width - self._rank + 76, self._rank - 84, top + _ROW / 2
        pen.line(QPointF(begin, middle), QPointF(begin + length, middle), tokens.border, 3)
        low = begin + length * (entrant.places[0] - 1) / ranked
        high = begin + length * (entrant.places[1] - 1) / ranked
        pen.line(QPointF(low, middle), QPointF(high + 0.5, middle), colours[entrant.kind], 8)

    def _paint_cell(self, pen: Pen, cell: Cell, place: QRectF) -> None:
        tokens = pen.tokens
        if cell.points is not None:
            pen.box(place, heat(tokens, cell.points))
            pen.text(place, numeral(cell.points, ".0%"), weight=600, align=CENTRE)
            return
        words, tone = cell_words(cell), _STATES[cell.state][1]
        if cell.state in ("waiting", "none"):
            pen.box(place, border=tokens.border, dashed=True)
            pen.text(place, words, tokens.faint, align=CENTRE)
            return
        if cell.state == "failed":
            pen.box(place, tokens.bad_soft, border=tokens.bad)
            pen.text(place, words, tokens.bad, weight=600, align=CENTRE)
            return
        pen.box(place, tokens.raised, border=tokens.border)
        if cell.share is None:
            pen.text(place, words, tokens.muted if cell.state == "queued" else tokens.text, align=CENTRE)
            return
        inner = place.adjusted(12, 0, -12, 0)
        pen.text(inner, words, weight=500)
        pen.text(inner, numeral(cell.share, ".0%"), tokens.muted, align=RIGHT)
        begin, end = inner.left() + text_width(words, 12, 500) + 12, inner.right() - 42
        middle = place.center().y()
        if end - begin > 16:
            pen.line(QPointF(begin, middle), QPointF(end, middle), tokens.border_strong, 5)
            reached = begin + (end - begin) * cell.share
            pen.line(QPointF(begin, middle), QPointF(reached, middle), tokens.fill(tone), 5)

    def _paint_seal(self, pen: Pen, picture: StudyPicture, cell: float, bottom: float) -> None:
        tokens = pen.tokens
        for number in range(len(picture.tasks)):
            if not self._is_closed(number):
                continue
            place = QRectF(self._name + number * cell, _HEAD + 4, cell - _GAP, bottom - _HEAD - 6)
            pen.box(place, tokens.surface, 8, tokens.border_strong, dashed=True)
            middle = place.center()
            pen.dot(QPointF(middle.x(), middle.y() - 34), 20, tokens.warn_soft)
            pen.icon("lock", QRectF(middle.x() - 9, middle.y() - 43, 18, 18), tokens.warn)
            lines = (
                (tr("Sealed"), tokens.text, 600),
                (tr("Nobody looks before the end:"), tokens.muted, 400),
                (
                    tr("it opens once, when you say so.")
                    if picture.by_hand
                    else tr("it opens once, for the winner."),
                    tokens.muted,
                    400,
                ),
            )
            for line, (words, colour, weight) in enumerate(lines):
                where = QRectF(place.left() + 6, middle.y() - 6 + 19 * line, place.width() - 12, 19)
                pen.text(where, words, colour, weight=weight, align=CENTRE)

    def _is_closed(self, number: int) -> bool:
        picture = self._picture
        return picture is not None and any(one.cells[number].state == "sealed" for one in picture.entrants)

    @staticmethod
    def _groups(picture: StudyPicture) -> Iterator[tuple[str, list[Entrant]]]:
        for kind in _KINDS:
            found = [one for one in picture.entrants if one.kind == kind]
            if found:
                yield kind, found

    def _job_at(self, point: QPointF) -> str:
        return next((job for place, job in self._places if place.contains(point)), "")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A cell with a job can be clicked."""
        shape = (
            Qt.CursorShape.PointingHandCursor
            if self._job_at(event.position())
            else Qt.CursorShape.ArrowCursor
        )
        self.setCursor(shape)
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click shows the cell's job."""
        job = self._job_at(event.position())
        if job and event.button() == Qt.MouseButton.LeftButton:
            self._open(job)
        super().mouseReleaseEvent(event)


def study_table(look: Look, picture: StudyPicture) -> QTableView:
    """The same as a table, empty at first; see `fill_table`."""
    columns = [
        Column(tr("Entrant"), 230),
        Column(tr("Kind"), 110),
        *(Column(task.name, 160) for task in picture.tasks),
        Column(tr("Place"), 0, right=True),
    ]
    return table(tr("The study as a table"), Rows(look, columns), columns, flat=True)


def fill_table(view: QTableView, picture: StudyPicture) -> None:
    """Show a study in its table."""
    model = view.model()
    assert isinstance(model, Rows)
    rows: list[tuple[str, list[str | TableCell]]] = []
    for entrant in picture.entrants:
        cells = [
            TableCell(_long_words(cell, task.metric), _tone(cell))
            for cell, task in zip(entrant.cells, picture.tasks, strict=True)
        ]
        place = places_words(entrant.places) if entrant.places else tr("not yet")
        rows.append((entrant.name, [entrant_words(entrant.name), _kind_word(entrant.kind), *cells, place]))
    model.set_rows(rows)


def cell_words(cell: Cell) -> str:
    """What a cell is at, in a word or two."""
    return tr(_STATES[cell.state][0])


def entrant_words(name: str) -> str:
    """An entrant as people call it."""
    kind, colon, base = name.partition(":")
    if colon and kind == "untuned":
        return tr("{base}, untuned", base=base)
    if colon and kind == "fewshot":
        return tr("{base}, solved examples", base=base)
    return name


def places_words(places: tuple[int, int]) -> str:
    """For example "1 to 3"."""
    best, worst = places
    return str(best) if best == worst else tr("{best} to {worst}", best=best, worst=worst)


def _long_words(cell: Cell, metric: str) -> str:
    if cell.points is None:
        words = cell_words(cell)
        return f"{words}, {numeral(cell.share, '.0%')}" if cell.share is not None else words
    points = numeral(cell.points, ".0%")
    if cell.metric is None or not metric:
        return points
    return tr("{points}, metric {metric}", points=points, metric=numeral(cell.metric, ".2f"))


def _tone(cell: Cell) -> Tone:
    return "" if cell.points is not None else _STATES[cell.state][1]


def _kind_words(kind: str) -> str:
    return {"base": tr("Tuned bases"), "merge": tr("Merges"), "reference": tr("References")}[kind]


def _kind_word(kind: str) -> str:
    return {"base": tr("base"), "merge": tr("merge"), "reference": tr("reference")}[kind]
