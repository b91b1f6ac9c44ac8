"""The grid as a table: a model over the answers, and what paints a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPixmap, QTextLayout, QTextOption
from PySide6.QtWidgets import QHeaderView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.language import numeral, tr
from desktop.pages.compare.filters import asked
from desktop.pages.compare.view_model import CompareModel
from desktop.pages.compare.words import share, stop_words, tally_words, won
from desktop.theme.fonts import font
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens, Tone
from desktop.widgets.canvas import Pen, text_width
from desktop.widgets.table import Index
from desktop.words import count

if TYPE_CHECKING:
    from engine.judging.grid import Answerer, Grid

#: Height of a row, and what fits into it.
ROW_HEIGHT: Final = 104
_LINE: Final = 17.0
#: Height of the heads of the columns.
_HEAD: Final = 46
#: Letters of an answer that are laid out: more than fit.
_MOST: Final = 600
#: Cells whose pictures are kept: all that a large window shows, 20 MB.
_KEPT: Final = 200
_CELL: Final = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class Shown:
    """What a cell shows.

    Attributes:
        chips: Words and tone of each, left to right; the last one stands at the right.
    """

    title: str
    text: str
    chips: tuple[tuple[str, Tone], ...] = ()
    faint: bool = False


class AnswersTable(QAbstractTableModel):
    """Prompts in rows; in columns the prompt itself, then the contestants that are shown."""

    def __init__(self, model: CompareModel) -> None:
        super().__init__()
        self._model = model
        self._grid: Grid | None = None
        self._rows: tuple[int, ...] = ()
        self._columns: tuple[Answerer, ...] = ()
        model.measures.changed.connect(self.repaint_all)

    def show_state(self) -> bool:
        """Show the model's state; returns whether rows or columns are others."""
        state = self._model.state
        ids = [one.id for one in state.shown]
        old = [one.id for one in self._columns]
        same_grid = self._grid is not None and state.grid is not None
        same = same_grid and self._grid.stamp[:2] == state.grid.stamp[:2]  # type: ignore[union-attr]
        if same and ids == old and state.rows == self._rows:
            fresh = self._grid is not state.grid
            self._grid, self._columns = state.grid, state.shown
            if fresh:
                self.repaint_all()
            return False
        self.beginResetModel()
        self._grid, self._rows, self._columns = state.grid, state.rows, state.shown
        self.endResetModel()
        return True

    def repaint_all(self) -> None:
        """Cells may say something else now."""
        if self._rows:
            last = self.index(len(self._rows) - 1, len(self._columns))
            self.dataChanged.emit(self.index(0, 0), last)
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self._columns))

    def key(self, index: Index) -> tuple[str, str]:
        """Prompt and contestant of a cell; no contestant for the prompt itself."""
        if self._grid is None:
            return "", ""
        prompt = self._grid.prompts[self._rows[index.row()]].id
        return prompt, self._columns[index.column() - 1].id if index.column() else ""

    def cell_of(self, prompt_id: str, contestant_id: str) -> QModelIndex:
        """Where a cell is; an invalid index where it is not shown."""
        if self._grid is None:
            return QModelIndex()
        column = next((at for at, one in enumerate(self._columns, 1) if one.id == contestant_id), 0)
        for at, place in enumerate(self._rows):
            if self._grid.prompts[place].id == prompt_id:
                return self.index(at, column)
        return QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """See Qt."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """See Qt."""
        return 0 if parent.isValid() or self._grid is None else len(self._columns) + 1

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """See Qt."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._heading(section, full=role == Qt.ItemDataRole.ToolTipRole)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """See Qt."""
        if role == _CELL:
            return self.shown(index)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            cell = self.shown(index)
            words = [cell.title, cell.text, *(text for text, _ in cell.chips)]
            return "\n".join(word for word in words if word)
        return None

    def shown(self, index: Index) -> Shown:
        """What a cell shows."""
        grid = self._grid
        if grid is None:
            return Shown("", "")
        place = self._rows[index.row()]
        prompt = grid.prompts[place]
        if index.column() == 0:
            return Shown(tr("Prompt {number}", number=grid.numbers[place]), asked(prompt)[:_MOST])
        one = self._columns[index.column() - 1]
        output = grid.outputs[one.id].get(prompt.id)
        if output is None:
            return Shown("", tr("No answer yet"), faint=True)
        score = self._model.measures.scores.get((prompt.id, one.id))
        measured = [(numeral(score, ".2f"), "")] if score is not None else []
        text = output.text.strip()
        return Shown(
            "",
            text[:_MOST] or tr("(an empty answer)"),
            (won(grid.tally(prompt.id, one.id)), *measured, stop_words(output)),  # type: ignore[arg-type]
            faint=not text,
        )

    def head(self, section: int) -> tuple[str, str]:
        """A column's title, and below it how the contestant fared."""
        if section == 0 or self._grid is None:
            return tr("Prompt"), ""
        one = self._columns[section - 1]
        mean, rate = self._model.measures.means.get(one.id), one.tally.rate
        parts = [tr("{share} won", share=share(rate))] if rate is not None else []
        if mean is not None:
            parts.append(f"{numeral(mean, '.2f')} {tr(self._grid.metric.title)}")
        return one.name, ", ".join(parts)

    def _heading(self, section: int, *, full: bool) -> str:
        if section == 0 or self._grid is None:
            return tr("Prompt")
        one = self._columns[section - 1]
        mean = self._model.measures.means.get(one.id)
        rate = one.tally.rate
        if not full:
            return "\n".join(word for word in self.head(section) if word)
        parts = [one.name, count(one.answered, tr("{count} answer"), tr("{count} answers"))]
        if rate is not None:
            parts.append(tally_words(one.tally))
        if mean is not None:
            parts.append(f"{tr(self._grid.metric.title)}: {numeral(mean, '.3f')}")
        return "\n".join(parts)


class Heads(QHeaderView):
    """The heads of the columns: a name, and how it fared."""

    def __init__(self, look: Look, table: AnswersTable) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._look = look
        self._table = table
        self.setFixedHeight(_HEAD)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        look.changed.connect(self.viewport().update)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:  # noqa: N802
        """See Qt."""
        name, about = self._table.head(section)
        tokens, place = self._look.tokens, QRectF(rect)
        painter.save()
        pen = Pen(painter, tokens)
        pen.line(place.bottomLeft(), place.bottomRight(), tokens.border)
        inner = place.adjusted(14, 5, -10, -5)
        if section == 0:
            pen.text(inner, name, tokens.faint, weight=500)
        else:
            top = QRectF(inner.left(), inner.top(), inner.width(), inner.height() / 2)
            written = QFontMetricsF(font(13, 600))
            cut = written.elidedText(name, Qt.TextElideMode.ElideMiddle, inner.width())
            pen.text(top if about else inner, cut, tokens.text, pixels=13, weight=600)
            pen.text(top.translated(0, top.height()), about, tokens.muted)
        painter.restore()


class CellPainter(QStyledItemDelegate):
    """Paints an answer: its first lines, and below them how it fared.

    What was painted is kept: a frame while scrolling puts known pictures elsewhere, and paints those that come in.
    """

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._painted: dict[tuple[Any, ...], QPixmap] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """See Qt."""
        return QSize(240, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """See Qt."""
        cell: Shown = index.data(_CELL)
        place: QRect = option.rect
        ratio = painter.device().devicePixelRatioF()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        key = (
            cell,
            index.column() == 0,
            selected,
            place.width(),
            place.height(),
            ratio,
            self._look.tokens.name,
        )
        picture = self._painted.pop(key, None)
        if picture is None:
            picture = QPixmap(place.size() * ratio)
            picture.setDevicePixelRatio(ratio)
            picture.fill(QColor(self._look.tokens.surface))
            within = QPainter(picture)
            size = QRectF(0, 0, place.width(), place.height())
            self._paint(
                Pen(within, self._look.tokens), size, cell, prompt=index.column() == 0, selected=selected
            )
            within.end()
        self._painted[key] = picture  # the last one is the newest
        if len(self._painted) > _KEPT:
            del self._painted[next(iter(self._painted))]
        painter.drawPixmap(place.topLeft(), picture)

    def _paint(self, pen: Pen, place: QRectF, cell: Shown, *, prompt: bool, selected: bool) -> None:
        tokens = pen.tokens
        base = place.bottom() - 0.5
        pen.line(QPointF(place.left(), base), QPointF(place.right(), base), tokens.border)
        if prompt:
            self._prompt(pen, place.adjusted(14, 9, -8, -8), cell)
            return
        inner = place.adjusted(4, 5, -4, -6)
        fill = tokens.accent_soft if selected else tokens.raised
        pen.box(inner, fill, 8.0, tokens.accent_fill if selected else "")
        self._answer(pen, inner.adjusted(10, 8, -10, -8), cell)

    def _prompt(self, pen: Pen, place: QRectF, cell: Shown) -> None:
        pen.text(QRectF(place.left(), place.top(), place.width(), _LINE), cell.title, pixels=13, weight=600)
        clamp(pen, place.adjusted(0, _LINE + 3, 0, 0), cell.text, pen.tokens.muted)

    def _answer(self, pen: Pen, place: QRectF, cell: Shown) -> None:
        tokens = pen.tokens
        below = 24.0 if cell.chips else 0.0
        colour = tokens.faint if cell.faint else tokens.text
        clamp(pen, place.adjusted(0, 0, 0, -below), cell.text, colour)
        left, right = place.left(), place.right()
        widths = [text_width(text, 11, 600) + 18 for text, _ in cell.chips]
        gap = 6.0
        lacking = sum(widths) + gap * (len(widths) - 1) - place.width()
        if lacking > 0:  # all have to be seen: the widest gives way
            gap = 3.0
            lacking -= 3.0 * (len(widths) - 1)
            widest = widths.index(max(widths))
            widths[widest] -= max(0.0, lacking)
        for number, ((text, tone), wide) in enumerate(zip(cell.chips, widths, strict=True)):
            last = number == len(cell.chips) - 1
            at = QRectF(right - wide if last else left, place.bottom() - 19, wide, 19)
            fill, ink = _chip(tokens, tone)
            pen.box(at, fill, 9.5)
            edge = max(4.0, min(9.0, (wide - text_width(text, 11, 600)) / 2))
            pen.text(at.adjusted(edge, 0, 1 - edge, 0), text, ink, pixels=11, weight=600)
            left += wide + gap


def clamp(pen: Pen, place: QRectF, words: str, colour: str, pixels: int = 12) -> None:
    """As many lines as fit, the last one with an ellipsis where there are more."""
    written = font(pixels)
    lines = max(1, int(place.height() // _LINE))
    layout = QTextLayout(words.replace("\n", "\u2028"), written)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    pen.painter.setPen(QColor(colour))
    pen.painter.setFont(written)
    layout.beginLayout()
    for number in range(lines):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(place.width())
        top = place.top() + number * _LINE
        ends = line.textStart() + line.textLength() >= len(words)
        if number == lines - 1 and not ends:
            rest = words[line.textStart() :].replace("\n", " ")
            metrics = QFontMetricsF(written)
            cut = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, place.width())
            pen.painter.drawText(QPointF(place.left(), top + metrics.ascent()), cut)
        else:
            line.draw(pen.painter, QPointF(place.left(), top))
    layout.endLayout()


def _chip(tokens: Tokens, tone: Tone) -> tuple[str, str]:
    """Ground and words of a chip."""
    soft = {"good": tokens.good_soft, "warn": tokens.warn_soft, "bad": tokens.bad_soft}
    return soft.get(tone, tokens.border), tokens.words(tone)
