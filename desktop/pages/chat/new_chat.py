"""The dialog that asks whom to talk with."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.pages.chat.opening import CONTEXT, Asked
from desktop.pages.chat.settings import number
from desktop.pages.chat.view_model import ChatState
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.fields import Suggested, form, spin

#: Panes at most that the dialog offers; a conversation may have any number.
_MOST: Final = 8
#: Tokens of a conversation.
_LEAST_CONTEXT, _MOST_CONTEXT = 16, 1_000_000


class NewChat(QDialog):
    """Asks for models and, where some are paid, for a budget.

    Args:
        state: Who there is.
        begin: Called with who was chosen.
        parent: Behind it.
        asked: What is there at first.
        problem: Why it is asked again.
    """

    def __init__(
        self,
        look: Look,
        state: ChatState,
        begin: Callable[[Asked], None],
        parent: QWidget,
        asked: Asked,
        problem: str = "",
    ) -> None:
        super().__init__(parent)
        self._look, self._state, self._begin = look, state, begin
        self._asked = asked
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("New chat"))
        self.setMinimumWidth(540)
        self._names: list[Suggested] = []
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        self._budget = number(tr("Budget in USD"), 1000.0, asked.budget_usd or 0.0, step=0.5)
        self._budget.setSpecialValueText(tr("only free ones"))
        self._context = spin(
            tr("Tokens of context"), _MOST_CONTEXT, least=_LEAST_CONTEXT, value=asked.context
        )
        self._hidden = QCheckBox(tr("Hide the names, in a random order"))
        self._hidden.setChecked(asked.hidden)
        self._problem = label(problem, "small", "bad", wrap=True)
        self._more = Button(look, tr("One more"), "plus", "ghost", lambda: self._add("").setFocus())
        go = Button(look, tr("Begin"), "chats-circle", "primary", self._go)
        go.setDefault(True)
        cancel = Button(look, tr("Cancel"), does=self.reject)
        about = tr(
            "Each model answers in a pane of its own. A model's GGUF file speaks for it, and is made where there is "
            "none yet; one behind an endpoint is written as ENDPOINT:MODEL."
        )
        for box in (self._budget, self._context):
            box.setFixedWidth(170)
        fields = form((tr("Budget in USD"), self._budget), (tr("Tokens of context"), self._context))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(14)
        layout.addLayout(column(label(tr("New chat"), "title"), label(about, "muted", wrap=True), gap=6))
        layout.addLayout(self._lines)
        layout.addLayout(row(self._more, None))
        layout.addLayout(fields)
        layout.addWidget(self._hidden)
        layout.addWidget(self._problem)
        layout.addLayout(row(None, cancel, go))
        self._problem.setVisible(bool(problem))
        with_files = [model.name for model in state.models if model.quantisations]
        offered = with_files or [model.name for model in state.models]
        for name in asked.names or tuple(offered[:2]) or ("",):
            self._add(name)
        self._names[0].setFocus()
        if problem:
            self._budget.setFocus()
            self._budget.selectAll()

    def _add(self, name: str) -> Suggested:
        choice = Suggested(tr("Model {number}", number=len(self._names) + 1), tr("MODEL or ENDPOINT:MODEL"))
        offered: list[str] = []
        for model in self._state.models:
            offered += model.names
        choice.offer([*offered, *(f"{endpoint}:" for endpoint in self._state.endpoints)])
        choice.setEditText(name)
        self._lines.addWidget(choice)
        if self._names:
            QWidget.setTabOrder(self._names[-1], choice)
        QWidget.setTabOrder(choice, self._more)
        self._names.append(choice)
        self._more.setEnabled(len(self._names) < _MOST)
        return choice

    def _go(self) -> None:
        names = [text for choice in self._names if (text := choice.currentText().strip())]
        if not names:
            self._problem.setText(tr("Choose a model, or write the name of one."))
            self._problem.show()
            return
        hidden = self._hidden.isChecked()
        if hidden:
            random.shuffle(names)
        self.accept()
        self._begin(
            replace(
                self._asked,
                names=tuple(names),
                conversation=None,
                budget_usd=self._budget.value() or None,
                context=self._context.value() or CONTEXT,
                hidden=hidden,
            )
        )
