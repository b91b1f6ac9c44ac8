"""The dialog that asks whom to talk with, and the card of settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFrame,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.language import tr
from desktop.pages.chat.talk import Wish
from desktop.pages.chat.view_model import ChatState
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.fields import combo, form, spin

#: Panes at most that the dialog offers; a conversation may have any number.
_MOST: Final = 6


class NewChat(QDialog):
    """Asks for models and, where some are paid, for a budget.

    Args:
        begin: Called with their names and the budget in USD.
        chosen: Names that are there at first.
    """

    def __init__(
        self,
        look: Look,
        state: ChatState,
        begin: Callable[[tuple[str, ...], float | None], None],
        parent: QWidget,
        chosen: Sequence[str] = (),
    ) -> None:
        super().__init__(parent)
        self._look, self._state, self._begin = look, state, begin
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("New chat"))
        self.setMinimumWidth(520)
        self._names: list[QComboBox] = []
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        self._budget = QLineEdit(placeholderText=tr("needed for paid models, for example 1.00"))
        self._budget.setAccessibleName(tr("Budget in USD"))
        self._problem = label("", "small", "bad", wrap=True)
        self._more = Button(look, tr("One more"), "plus", "ghost", lambda: self._add(""))
        go = Button(look, tr("Begin"), "chats-circle", "primary", self._go)
        go.setDefault(True)
        cancel = Button(look, tr("Cancel"), does=self.reject)
        about = tr(
            "Each model answers in a pane of its own. A model's GGUF file speaks for it; one behind an endpoint is "
            "written as ENDPOINT:MODEL."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(14)
        layout.addLayout(column(label(tr("New chat"), "title"), label(about, "muted", wrap=True), gap=6))
        layout.addLayout(self._lines)
        layout.addLayout(row(self._more, None))
        layout.addLayout(column(label(tr("Budget in USD"), "strong"), self._budget, gap=6))
        layout.addWidget(self._problem)
        layout.addLayout(row(None, cancel, go))
        names = [name for name, _ in state.models]
        for name in list(chosen) or names[:2] or [""]:
            self._add(name)
        self._names[0].setFocus()

    def _add(self, name: str) -> None:
        choice = combo(tr("Model {number}", number=len(self._names) + 1), 300)
        choice.setEditable(True)
        editor = choice.lineEdit()
        if editor is not None:
            editor.setAccessibleName(choice.accessibleName())
        for model, quantisations in self._state.models:
            choice.addItem(model)
            for quantisation in quantisations:
                choice.addItem(f"{model}@{quantisation}")
        for endpoint in self._state.endpoints:
            choice.addItem(f"{endpoint}:")
        choice.setEditText(name)
        self._names.append(choice)
        self._lines.addWidget(choice)
        self._more.setEnabled(len(self._names) < _MOST)

    def _go(self) -> None:
        names = tuple(text for choice in self._names if (text := choice.currentText().strip()))
        if not names:
            self._problem.setText(tr("Choose a model, or write the name of one."))
            return
        typed = self._budget.text().strip()
        try:
            budget = float(typed) if typed else None
        except ValueError:
            self._problem.setText(tr("The budget is an amount in USD, for example 1.00."))
            return
        self.accept()
        self._begin(names, budget)


class SettingsCard(QFrame):
    """System message, sampling and length.

    Args:
        changed: Called when something was changed.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._system = QPlainTextEdit(placeholderText=tr("What the models are told before everything else"))
        self._system.setAccessibleName(tr("System message"))
        self._system.setTabChangesFocus(True)
        self._system.setFixedHeight(70)
        self._temperature = _number(tr("Temperature"), 5.0, 0.7)
        self._top_p = _number(tr("Top p"), 1.0, 0.95)
        self._top_k = spin(tr("Top k"), 100_000, tr("from all"), value=40)
        self._seed = spin(tr("Seed"), 2**31 - 1, tr("drawn"), least=-1, value=-1)
        self._most = spin(tr("Tokens at most"), 100_000, tr("no limit"))
        left = form(
            (tr("Temperature"), self._temperature), (tr("Top p"), self._top_p), (tr("Top k"), self._top_k)
        )
        right = form((tr("Seed"), self._seed), (tr("Tokens at most"), self._most))
        system = column(label(tr("System message"), "muted"), self._system, gap=6)
        layout = row(system, column(left, None), column(right, None), gap=20, top=True)
        layout.setStretch(0, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)
        self._system.textChanged.connect(changed)
        for widget in (self._temperature, self._top_p):
            widget.valueChanged.connect(lambda _value: changed())
        for box in (self._top_k, self._seed, self._most):
            box.valueChanged.connect(lambda _value: changed())

    def wish(self) -> Wish:
        """What was chosen."""
        seed = self._seed.value()
        return Wish(
            self._system.toPlainText().strip(),
            self._temperature.value(),
            max(0.01, self._top_p.value()),
            self._top_k.value(),
            None if seed < 0 else seed,
            self._most.value() or None,
        )

    def show_wish(self, wish: Wish) -> None:
        """Show what a conversation has, without telling anybody."""
        boxes = (self._system, self._temperature, self._top_p, self._top_k, self._seed, self._most)
        for widget in boxes:
            widget.blockSignals(True)
        if self._system.toPlainText().strip() != wish.system:
            self._system.setPlainText(wish.system)
        self._temperature.setValue(wish.temperature or 0.0)
        self._top_p.setValue(wish.top_p if wish.top_p is not None else 1.0)
        self._top_k.setValue(wish.top_k or 0)
        self._seed.setValue(-1 if wish.seed is None else min(wish.seed, 2**31 - 1))
        self._most.setValue(wish.most or 0)
        for widget in boxes:
            widget.blockSignals(False)


def _number(name: str, most: float, value: float) -> QDoubleSpinBox:
    made = QDoubleSpinBox(minimum=0.0, maximum=most, singleStep=0.05, decimals=2)
    made.setValue(value)
    made.setAccessibleName(name)
    made.setFixedWidth(120)
    return made
