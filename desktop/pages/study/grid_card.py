"""Who stands how on which task: the study's grid, as a picture or as a table."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QFrame, QTableView

from desktop.language import tr
from desktop.pages.study.matrix import Matrix, fill_table, study_table
from desktop.pages.study.view_model import in_words
from desktop.theme.look import Look
from desktop.widgets.basics import column, label, row
from desktop.widgets.segments import Segments
from engine.studies.picture import StudyPicture


class GridCard(QFrame):
    """Entrants by tasks, as a picture or as a table."""

    def __init__(self, look: Look, open_job: Any) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._look = look
        self._open_job = open_job
        self._jobs: dict[str, str] = {}
        self._columns: tuple[str, ...] = ()
        self._title = label("", "h2")
        self._how = Segments(tr("Shown as"), [("picture", tr("Picture")), ("table", tr("Table"))])
        self._how.choose("picture")
        self._how.chosen.connect(self._show_as)
        self._matrix = Matrix(look, open_job)
        self._table: QTableView | None = None
        self._inside = column(row(self._title, None, self._how), self._matrix, gap=6)
        self._inside.setContentsMargins(16, 12, 16, 12)
        self.setLayout(self._inside)
        self._as_table = False

    def show_picture(self, picture: StudyPicture) -> None:
        """Show a study."""
        self._title.setText(
            tr("Points won against all others, in % (a tie counts half)")
            if picture.result is not None
            else tr("Who, on which tasks, how far")
        )
        self._matrix.show_picture(picture, in_words(picture))
        columns = tuple(task.name for task in picture.tasks)
        if self._table is None or columns != self._columns:
            if self._table is not None:
                self._inside.removeWidget(self._table)
                self._table.deleteLater()
            self._columns = columns
            self._table = study_table(self._look, picture)
            self._table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self._table.activated.connect(self._activated)
            self._inside.addWidget(self._table)
        fill_table(self._table, picture)
        self._table.setFixedHeight(40 + 36 * len(picture.entrants) + 14)
        self._jobs = {
            f"{row},{number + 2}": cell.job
            for row, entrant in enumerate(picture.entrants)
            for number, cell in enumerate(entrant.cells)
        }
        self._show_as("table" if self._as_table else "picture")

    def _show_as(self, how: str) -> None:
        self._as_table = how == "table"
        self._matrix.setVisible(not self._as_table)
        if self._table is not None:
            self._table.setVisible(self._as_table)

    def _activated(self, index: QModelIndex) -> None:
        """Return on a cell shows its job."""
        job = self._jobs.get(f"{index.row()},{index.column()}", "")
        if job:
            self._open_job(job)
