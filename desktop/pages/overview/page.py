"""The widgets of the overview: one table per section, or a sentence while it is empty."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.pages.overview.view_model import OverviewModel, Section


class OverviewPage(QWidget):
    """Shows an `OverviewModel`; changes nothing."""

    def __init__(self, model: OverviewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._tabs = QTabWidget(self)
        self._views: list[_SectionView] = []
        self._problem = QLabel(self, wordWrap=True)
        self._problem.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(self._problem)
        layout.addWidget(self._tabs)
        model.changed.connect(self._show)

    @Slot()
    def _show(self) -> None:
        overview = self._model.overview
        self._problem.setText(overview.problem)
        self._problem.setVisible(bool(overview.problem))
        for position, section in enumerate(overview.sections):
            if position == len(self._views):
                self._views.append(_SectionView(section, self._tabs))
                self._tabs.addTab(self._views[position], section.title)
            self._views[position].show_section(section)
            self._tabs.setTabText(position, f"{section.title} ({len(section.rows)})")


class _SectionView(QWidget):
    """A section's table, or its sentence while there is nothing in it."""

    def __init__(self, section: Section, parent: QWidget) -> None:
        super().__init__(parent)
        self._empty = QLabel(section.empty, self, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._empty.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._table = QTableWidget(0, len(section.columns), self)
        self._table.setAccessibleName(section.title)
        self._table.setHorizontalHeaderLabels(list(section.columns))
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.verticalHeader().hide()
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        layout = QVBoxLayout(self)
        layout.addWidget(self._empty)
        layout.addWidget(self._table)

    def show_section(self, section: Section) -> None:
        """Show these rows; the selection and the place in the table stay."""
        self._empty.setVisible(not section.rows)
        self._table.setVisible(bool(section.rows))
        self._table.setRowCount(len(section.rows))
        for row, words in enumerate(section.rows):
            for column, word in enumerate(words):
                item = self._table.item(row, column)
                if item is None:
                    item = QTableWidgetItem()
                    self._table.setItem(row, column, item)
                if item.text() != word:
                    item.setText(word)
                    item.setToolTip(word)
