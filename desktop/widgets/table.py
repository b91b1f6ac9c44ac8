"""Tables: rows of equal height over a model that may have millions, and a model for a few rows at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView

from desktop.theme.fonts import font
from desktop.theme.look import Look
from desktop.theme.tokens import ROW, Tone

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        title: In the window's language.
        width: Pixels; the first column with 0 takes what is left.
        right: Numbers stand at the right.
    """

    title: str
    width: int = 120
    right: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell with a tone, or with a value to sort by that is not its words."""

    text: str
    tone: Tone = ""
    sort: Any = None


class Rows(QAbstractTableModel):
    """Rows at hand, each with a key.

    Args:
        look: Tones follow the scheme.
        columns: See `Column`.
    """

    def __init__(self, look: Look, columns: Sequence[Column]) -> None:
        super().__init__()
        self._look = look
        self._columns = list(columns)
        self._rows: list[tuple[str, tuple[str | Cell, ...]]] = []
        look.changed.connect(self._repaint)

    def set_rows(self, rows: Sequence[tuple[str, Sequence[str | Cell]]]) -> None:
        """Show these; where only words differ, the selection stays."""
        fresh = [(key, tuple(cells)) for key, cells in rows]
        if [key for key, _ in fresh] == [key for key, _ in self._rows]:
            for number, (old, new) in enumerate(zip(self._rows, fresh, strict=True)):
                if old != new:
                    self._rows[number] = new
                    self.dataChanged.emit(self.index(number, 0), self.index(number, len(self._columns) - 1))
            return
        self.beginResetModel()
        self._rows = fresh
        self.endResetModel()

    def key(self, row: int) -> str:
        """The key of a row."""
        return self._rows[row][0]

    def row_of(self, key: str) -> int:
        """The row with a key; -1 where there is none."""
        return next((number for number, (one, _) in enumerate(self._rows) if one == key), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """See Qt."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """See Qt."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """See Qt."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self._columns[section].title
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return self._alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """See Qt."""
        cell = self._rows[index.row()][1][index.column()]
        text, tone = (cell.text, cell.tone) if isinstance(cell, Cell) else (cell, "")
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return text
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(index.column())
        if role == Qt.ItemDataRole.ForegroundRole and tone:
            return QColor(self._look.tokens.words(tone))
        if role == Qt.ItemDataRole.FontRole and index.column() == 0:
            return font(13, 500)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """See Qt; numbers by their values where cells give them."""

        def value(row: tuple[str, tuple[str | Cell, ...]]) -> Any:
            cell = row[1][column]
            if isinstance(cell, Cell):
                return (0, cell.sort, "") if cell.sort is not None else (1, 0, cell.text.casefold())
            return (1, 0, cell.casefold())

        self.layoutAboutToBeChanged.emit()
        self._rows.sort(key=value, reverse=order == Qt.SortOrder.DescendingOrder)
        self.layoutChanged.emit()

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if self._columns[column].right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter

    def _repaint(self) -> None:
        if self._rows:
            last = self.index(len(self._rows) - 1, len(self._columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)


def table(
    name: str, model: QAbstractTableModel, columns: Sequence[Column], *, flat: bool = False, row: int = ROW
) -> QTableView:
    """A table over a model.

    Args:
        name: For screen readers.
        model: Shown lazily.
        columns: Their widths.
        flat: Without a border, inside a card.
        row: Height of a row.
    """
    made = QTableView()
    made.setModel(model)
    model.setParent(made)
    made.setAccessibleName(name)
    made.setShowGrid(False)
    made.setWordWrap(False)
    made.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
    made.setTabKeyNavigation(False)
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.setProperty("flat", "true" if flat else "false")
    made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    made.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    made.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    heights = made.verticalHeader()
    heights.hide()
    heights.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    heights.setDefaultSectionSize(row)
    header = made.horizontalHeader()
    header.setHighlightSections(False)
    stretched = False
    for number, column in enumerate(columns):
        if column.width:
            made.setColumnWidth(number, column.width)
        elif not stretched:
            stretched = True
            header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
    return made


def spare(shown: QTableView, column: int, width: int) -> None:
    """Hide a column as long as the table is not so many pixels wide: the others need the room more."""
    shown.installEventFilter(_Spare(shown, column, width))


class _Spare(QObject):
    def __init__(self, shown: QTableView, column: int, width: int) -> None:
        super().__init__(shown)
        self._shown, self._column, self._width = shown, column, width

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See Qt."""
        if event.type() == QEvent.Type.Resize:
            self._shown.setColumnHidden(self._column, self._shown.width() < self._width)
        return False
