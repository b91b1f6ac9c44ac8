"""The dialog that shows the trash: things are brought back one by one, or gone for good together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from desktop.language import numeral, tr
from desktop.pages.settings.trash_model import TrashModel
from desktop.pages.settings.view_model import SettingsModel
from desktop.shell.context import Context
from desktop.shell.dialogs import ask
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.empty import Empty
from desktop.widgets.table import Cell, Column, Rows, table
from desktop.words import moment, size

if TYPE_CHECKING:
    from engine.datasets.managing import RemovedDataset
    from engine.models.managing import Removed


class TrashDialog(QDialog):
    """A table of removed models and datasets, with a way back."""

    def __init__(self, context: Context, settings: SettingsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Trash"))
        look = context.look
        self._look = look
        self._settings = settings
        self.model = TrashModel(context.services, self)
        self.model.failed.connect(context.show_problem)
        self.model.told.connect(context.tell)
        self.model.changed.connect(self._show)
        columns = (
            Column(tr("Name"), 0),
            Column(tr("What it is"), 220),
            Column(tr("Removed"), 110),
            Column(tr("Size"), 90, right=True),
        )
        self._rows = Rows(look, columns)
        self._table = table(tr("What lies in the trash"), self._rows, columns)
        self._table.selectionModel().selectionChanged.connect(lambda *_: self._check())
        self._table.activated.connect(lambda _at: self._restore())
        self._empty = Empty(
            look,
            "trash",
            tr("The trash is empty"),
            tr("Models and datasets that are removed lie here until it is emptied."),
        )
        self._back = Button(look, tr("Bring back"), "arrow-counter-clockwise", "primary", self._restore)
        self._clear = Button(look, tr("Empty the trash"), "trash", "danger", self._ask_empty)
        self._sum = label("", "muted")
        foot = row(
            self._clear, self._sum, None, Button(look, tr("Close"), does=self.accept), self._back, gap=8
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 16)
        layout.setSpacing(12)
        layout.addLayout(
            column(
                label(tr("Trash"), "title"),
                label(
                    tr("What is brought back has everything that it had: GGUF files, answers, verdicts."),
                    "muted",
                    wrap=True,
                ),
                gap=4,
            )
        )
        layout.addWidget(self._table, 1)
        layout.addWidget(self._empty, 1)
        layout.addLayout(foot)
        self._empty.hide()
        self._check()
        self.resize(720, 440)
        self.model.show()

    def done(self, result: int) -> None:
        """See Qt; reads no more."""
        self.model.hide()
        super().done(result)

    def _show(self) -> None:
        things = self.model.state.things
        self._rows.set_rows(
            [
                (
                    one.folder.name,
                    (one.name, _words(one), Cell(moment(at), sort=at), Cell(size(one.bytes), sort=one.bytes)),
                )
                for at, one in things
            ]
        )
        self._sum.setText(tr("{size} in all", size=size(self.model.state.bytes)))
        self._table.setVisible(bool(things))
        self._empty.setVisible(not things)
        if things and self._chosen() is None:
            self._table.selectRow(0)
        self._check()

    def _check(self) -> None:
        self._back.setEnabled(self._chosen() is not None)
        self._clear.setEnabled(self.model.state.bytes > 0)

    def _chosen(self) -> Removed | RemovedDataset | None:
        picked = self._table.selectionModel().selectedRows()
        if not picked:
            return None
        key = self._rows.key(picked[0].row())
        return next((one for _, one in self.model.state.things if one.folder.name == key), None)

    def _restore(self) -> None:
        thing = self._chosen()
        if thing is not None:
            self.model.restore(thing)

    def _ask_empty(self) -> None:
        ask(
            self._look,
            tr("Empty the trash?"),
            tr(
                "What lies in it, models and datasets with their answers and verdicts, is gone for good then."
            ),
            tr("Empty the trash"),
            self._empty_it,
            self,
        )

    def _empty_it(self) -> None:
        self._settings.empty_trash()
        self.accept()


def _words(thing: Removed | RemovedDataset) -> str:
    from engine.datasets.managing import RemovedDataset

    if not isinstance(thing, RemovedDataset):
        return tr("model")
    return tr(
        "dataset: {answers} sets of answers, {verdicts} verdicts",
        answers=thing.answers,
        verdicts=numeral(thing.verdicts),
    )
