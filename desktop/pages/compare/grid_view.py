"""The grid on the screen: the prompts stay where they are while the contestants' columns scroll beside them."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QItemSelectionModel, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHBoxLayout, QHeaderView, QSpacerItem, QTableView

from desktop.language import tr
from desktop.pages.compare.cells import ROW_HEIGHT, AnswersTable, CellPainter, Heads
from desktop.pages.compare.view_model import CompareModel
from desktop.theme.look import Look
from desktop.widgets.basics import column

_PROMPTS: Final = 218
_LEAST: Final = 206


class GridView(QFrame):
    """Prompts and answers; a cell is chosen by the mouse or the arrow keys."""

    #: A cell was opened, by Enter or a double click.
    opened = Signal()

    def __init__(self, look: Look, model: CompareModel) -> None:
        super().__init__()
        self._model = model
        self._look = look
        self.setProperty("role", "card")
        self.table = AnswersTable(model)
        self._prompts = QTableView()
        self.answers = QTableView()
        self._painter = CellPainter(look)
        look.changed.connect(self.table.repaint_all)
        for view, name in ((self._prompts, tr("Prompts")), (self.answers, tr("Answers"))):
            self._prepare(view, name)
        self._prompts.setFixedWidth(_PROMPTS)
        self._prompts.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._prompts.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._prompts.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._prompts.setColumnWidth(0, _PROMPTS)
        self._prompts.setSelectionModel(self.answers.selectionModel())
        for one, other in ((self._prompts, self.answers), (self.answers, self._prompts)):
            one.verticalScrollBar().valueChanged.connect(other.verticalScrollBar().setValue)
        self.answers.horizontalScrollBar().rangeChanged.connect(self._align)
        self.answers.selectionModel().currentChanged.connect(self._moved)
        self.answers.doubleClicked.connect(self.opened)
        self.answers.installEventFilter(self)
        self.answers.viewport().installEventFilter(self)
        self._room = QSpacerItem(0, 0)
        self._left = column(self._prompts, gap=0)
        self._left.addSpacerItem(self._room)
        layout = QHBoxLayout(self)
        layout.setSpacing(0)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addLayout(self._left)
        layout.addWidget(self.answers, 1)
        self.setMinimumHeight(ROW_HEIGHT * 2 + 54)
        self._quiet = False

    def show_state(self) -> None:
        """Show the model's state; place and selection stay where they can."""
        across, down = self.answers.horizontalScrollBar().value(), self.answers.verticalScrollBar().value()
        self._quiet = True
        others = self.table.show_state()
        if others:
            self._hide_columns()
            self._fit()
            self.answers.horizontalScrollBar().setValue(across)
            self.answers.verticalScrollBar().setValue(down)
        if others or not self.answers.currentIndex().isValid():
            # What was chosen last: the state may be of the moment before.
            cell = self.table.cell_of(*self._model.chosen)
            if not cell.isValid():
                cell = self.table.cell_of(*self._model.state.selected)
            if cell.isValid():
                flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
                self.answers.selectionModel().setCurrentIndex(cell, flags)
        self._quiet = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Enter opens a cell; columns share the width where they can."""
        if watched is self.answers and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.opened.emit()
                return True
        elif event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """See Qt."""
        super().resizeEvent(event)
        self._fit()

    def _prepare(self, view: QTableView, name: str) -> None:
        view.setHorizontalHeader(Heads(self._look, self.table))
        view.setModel(self.table)
        view.setItemDelegate(self._painter)
        view.setAccessibleName(name)
        view.setProperty("flat", "true")
        view.setProperty("grid", "true")
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.verticalHeader().hide()
        view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        view.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        view.horizontalHeader().setHighlightSections(False)

    def _hide_columns(self) -> None:
        count = self.table.columnCount()
        for at in range(count):
            self._prompts.setColumnHidden(at, at != 0)
            self.answers.setColumnHidden(at, at == 0)
        self._prompts.setColumnWidth(0, _PROMPTS)

    def _fit(self) -> None:
        """Columns share the width, and scroll where it is too little for them."""
        count = self.table.columnCount() - 1
        if count <= 0:
            return
        width = self.answers.viewport().width()
        each = max(_LEAST, width // count)
        for at in range(1, count + 1):
            if self.answers.columnWidth(at) != each:
                self.answers.setColumnWidth(at, each)

    @Slot()
    def _align(self) -> None:
        """Where the columns scroll, the prompts leave room for their bar, so that rows stay side by side."""
        bar = self.answers.horizontalScrollBar()
        self._room.changeSize(0, bar.sizeHint().height() if bar.maximum() > 0 else 0)
        self._left.invalidate()

    @Slot()
    def _moved(self) -> None:
        index = self.answers.currentIndex()
        if not self._quiet and index.isValid():
            prompt, who = self.table.key(index)
            self._model.select(prompt, who or self._model.state.selected[1])
