"""The rows of a dataset as a table of any length: what is on the screen is fetched, the rest only counted."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QColor

from desktop.language import numeral, tr
from desktop.pages.datasets.asking import DatasetAsker
from desktop.problem import Problem
from desktop.theme.fonts import font
from desktop.theme.look import Look
from desktop.widgets.table import Column, Index
from desktop.words import split_words

#: Rows that are fetched at a time, and so many times that are kept.
_PAGE: Final = 100
_KEPT: Final = 60
#: Pages that are asked for together: more rows than a screen has.
_AT_ONCE: Final = 4
#: Milliseconds between the first row that is missed and fetching.
_REST: Final = 25
#: What each column shows, and what it is sorted by.
KEYS: Final = ("row", "prompt", "answer", "length", "split")
#: Width of the column of answers, where there is room.
ANSWER: Final = 320


def columns() -> list[Column]:
    """The columns, in the window's language."""
    return [
        Column(tr("Row"), 80, right=True),
        Column(tr("Prompt"), 0),
        Column(tr("Answer"), ANSWER),
        Column(tr("Characters"), 100, right=True),
        Column(tr("Used for"), 126),
    ]


class DatasetRows(QAbstractTableModel):
    """Rows of the view that the process holds at the moment.

    Args:
        asker: Fetches them.
    """

    #: Something could not be fetched; carries a `Problem`.
    failed = Signal(object)
    #: The rows that are counted are others; carries their number.
    counted = Signal(int)

    def __init__(self, look: Look, asker: DatasetAsker) -> None:
        super().__init__()
        self._look = look
        self._asker = asker
        self._columns = columns()
        self._count = 0
        self._dataset = ""
        self._view: dict[str, Any] = {}
        self._pages: OrderedDict[int, list[dict[str, Any]]] = OrderedDict()
        self._wanted: dict[int, None] = {}
        self._asked: set[int] = set()
        self._generation = 0
        self._timer = QTimer(self, singleShot=True, interval=_REST)
        self._timer.timeout.connect(self._fetch)
        look.changed.connect(self._repaint)

    @property
    def waiting(self) -> bool:
        """Whether rows that are on the screen are still to be fetched."""
        return bool(self._wanted)

    def show_view(self, dataset: str, **view: Any) -> None:
        """Show other rows (see `engine.datasets.browsing.View`); those that are there stay until they are counted."""
        self._generation += 1
        generation = self._generation
        self._dataset, self._view = dataset, view

        def counted(answer: dict[str, Any]) -> None:
            if generation == self._generation:
                self._reset(int(answer["count"]))

        def refused(problem: Problem) -> None:
            if generation == self._generation:
                self._reset(0)
                self.failed.emit(problem)

        self._asker.ask("view", counted, refused, dataset=dataset, **view)

    def clear(self) -> None:
        """Show nothing."""
        self._generation += 1
        self._dataset = ""
        self._reset(0)

    def row_at(self, place: int) -> dict[str, Any] | None:
        """What is known of a row; None until it was fetched."""
        page = self._pages.get(place // _PAGE)
        if page is None:
            self._want(place // _PAGE)
            return None
        return page[place % _PAGE] if place % _PAGE < len(page) else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """See Qt."""
        return 0 if parent.isValid() else self._count

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
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            row = self.row_at(index.row())
            if row is None:
                return "…" if role == Qt.ItemDataRole.DisplayRole else None
            value = row[KEYS[index.column()]]
            if KEYS[index.column()] == "split":
                return split_words(value)
            if isinstance(value, int):
                return numeral(value)
            return " ".join(value[:300].split()) if role == Qt.ItemDataRole.DisplayRole else value[:800]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(index.column())
        if role == Qt.ItemDataRole.FontRole and index.column() == 1:
            return font(13, 500)
        if role == Qt.ItemDataRole.ForegroundRole and KEYS[index.column()] in ("row", "length"):
            return QColor(self._look.tokens.muted)
        return None

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if self._columns[column].right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter

    def _reset(self, count: int) -> None:
        self.beginResetModel()
        self._count = count
        self._pages.clear()
        self._wanted.clear()
        self._asked.clear()
        self.endResetModel()
        self.counted.emit(count)

    def _want(self, page: int) -> None:
        if page not in self._asked:
            self._wanted.pop(page, None)
            self._wanted[page] = None  # the last ones are those on the screen
            if not self._timer.isActive():
                self._timer.start()

    def _fetch(self) -> None:
        # What was scrolled past meanwhile is not fetched: only the last few pages that were asked for.
        wanted, self._wanted = list(self._wanted)[-_AT_ONCE:], {}
        for page in wanted:
            self._asked.add(page)
            self._ask(page, self._generation)

    def _ask(self, page: int, generation: int) -> None:
        def heard(rows: list[dict[str, Any]]) -> None:
            if generation != self._generation:
                return
            self._asked.discard(page)
            self._pages[page] = rows
            while len(self._pages) > _KEPT:
                self._pages.popitem(last=False)
            if rows:
                last = min(self._count, page * _PAGE + len(rows)) - 1
                self.dataChanged.emit(self.index(page * _PAGE, 0), self.index(last, len(self._columns) - 1))

        def refused(problem: Problem) -> None:
            if generation == self._generation:
                self._asked.discard(page)
                self.failed.emit(problem)

        self._asker.ask("page", heard, refused, dataset=self._dataset, offset=page * _PAGE, limit=_PAGE)

    def _repaint(self) -> None:
        if self._count:
            self.dataChanged.emit(self.index(0, 0), self.index(self._count - 1, len(self._columns) - 1))
