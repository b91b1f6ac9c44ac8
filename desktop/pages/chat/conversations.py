"""The dialog with all conversations that were kept: which one is gone on with, and what it may cost."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QDialog, QLineEdit, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.pages.chat.opening import Asked
from desktop.pages.chat.settings import number
from desktop.pages.chat.view_model import ChatState, Saved
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.fields import later
from desktop.widgets.table import Cell, Column, Rows, table
from desktop.words import moment


class Conversations(QDialog):
    """Lists conversations, newest first.

    Args:
        state: Which there are.
        begin: Called with the one that was chosen.
        parent: Behind it.
        chosen: The id of the one that is chosen at first.
        problem: Why it is asked again.
    """

    def __init__(
        self,
        look: Look,
        state: ChatState,
        begin: Callable[[Asked], None],
        parent: QWidget,
        chosen: str = "",
        problem: str = "",
    ) -> None:
        super().__init__(parent)
        self._begin = begin
        self._saved = {one.id: one for one in state.saved}
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Conversations"))
        self.resize(820, 520)
        columns = (
            Column(tr("First message"), 0),
            Column(tr("Models"), 250),
            Column(tr("Turns"), 70, right=True),
            Column(tr("Votes"), 70, right=True),
            Column(tr("Begun"), 100),
        )
        self._rows = Rows(look, columns)
        self._rows.set_rows([(one.id, _cells(one)) for one in state.saved])
        self._table = table(tr("Conversations"), self._rows, columns)
        search = QLineEdit(placeholderText=tr("Search in first messages and models"))
        search.setAccessibleName(tr("Search in first messages and models"))
        search.setClearButtonEnabled(True)
        self._budget_name = label(tr("Budget in USD"), "muted")
        self._budget = number(tr("Budget in USD"), 1000.0, 0.0, step=0.5)
        self._budget.setSpecialValueText(tr("only free ones"))
        self._budget.setFixedWidth(150)
        self._go_on = Button(look, tr("Go on"), "chats-circle", "primary", self._go)
        self._go_on.setDefault(True)
        cancel = Button(look, tr("Cancel"), does=self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(12)
        layout.addLayout(column(label(tr("Conversations"), "title"), search, gap=10))
        layout.addWidget(self._table, 1)
        if state.damaged:
            layout.addWidget(label("\n".join(state.damaged), "small", "warn", wrap=True))
        if problem:
            layout.addWidget(label(problem, "small", "bad", wrap=True))
        layout.addLayout(row(self._budget_name, self._budget, None, cancel, self._go_on, gap=10))
        later(search, self._search)
        self._table.doubleClicked.connect(lambda _index: self._go())
        self._table.selectionModel().selectionChanged.connect(lambda *_: self._show_chosen())
        self._choose(self._rows.row_of(chosen))
        self._show_chosen()
        if problem:
            self._budget.setFocus()
            self._budget.selectAll()
        else:
            self._table.setFocus()

    def _search(self, text: str) -> None:
        wanted = text.casefold()
        found = [
            one for one in self._saved.values() if wanted in f"{one.first} {' '.join(one.models)}".casefold()
        ]
        self._rows.set_rows([(one.id, _cells(one)) for one in found])
        self._choose(-1)
        self._show_chosen()

    def _choose(self, number: int) -> None:
        """Choose a conversation; the first in sight for -1."""
        at = self._rows.index(max(number, 0), 0)
        self._table.setCurrentIndex(at if at.isValid() else QModelIndex())

    def _chosen(self) -> Saved | None:
        at = self._table.currentIndex()
        return self._saved.get(self._rows.key(at.row())) if at.isValid() else None

    def _show_chosen(self) -> None:
        one = self._chosen()
        self._go_on.setEnabled(one is not None)
        for part in (self._budget, self._budget_name):
            part.setVisible(one is not None and one.paid)

    def _go(self) -> None:
        one = self._chosen()
        if one is None:
            return
        self.accept()
        budget = self._budget.value() if one.paid else 0.0
        self._begin(Asked(one.models, one.id, budget or None))


def _cells(one: Saved) -> list[str | Cell]:
    return [
        " ".join(one.first.split())[:200] or tr("(nothing asked yet)"),
        ", ".join(one.models),
        str(one.turns),
        str(one.votes),
        moment(one.created),
    ]
