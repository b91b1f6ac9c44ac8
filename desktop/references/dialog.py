"""The dialog that asks who is ranked beside the bases, who judges, and how much that may cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFrame, QVBoxLayout, QWidget

from desktop.amounts import usd
from desktop.language import tr
from desktop.references.planning import REFERENCE, Cost, Offers
from desktop.references.view_model import Draft, ExtrasModel
from desktop.shell.context import Context
from desktop.widgets.basics import Button, IconLabel, card, column, heading, label, retone, row
from desktop.widgets.fields import Suggested, form, later, line
from desktop.widgets.keyed import KeyedColumn

if TYPE_CHECKING:
    from engine.studies.quick import Extras
    from engine.studies.spec import StudySpec

#: Lines of the forecast that are shown; the others are gathered.
_SHOWN = 5


class ExtrasDialog(QDialog):
    """References, judge, ceiling, and the forecast; what is taken is handed over, and nothing is started here.

    Args:
        about: What is asked for.
        action: The word on the button.
        make: Makes the study of what is typed, in another thread.
        draft: To begin with.
        take: Gets what is taken.
        judge: Whether the judge can be chosen.
    """

    def __init__(
        self,
        context: Context,
        title: str,
        about: str,
        action: str,
        make: Callable[[Extras], StudySpec],
        draft: Draft,
        take: Callable[[Draft], None],
        parent: QWidget,
        *,
        judge: bool = True,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(600)
        look = context.look
        self._context = context
        self._take = take
        self._needs_names = not judge
        self.model = ExtrasModel(context.services, make, draft, self)
        self.model.failed.connect(context.show_problem)
        self.model.changed.connect(self._show)
        self._rows: KeyedColumn[str, _Reference] = KeyedColumn(
            lambda name: name,
            lambda name: _Reference(context, name, self.model.drop),
            lambda _row, _name: None,
            gap=2,
        )
        self._name = Suggested(tr("Another reference"), "openai:gpt-4o")
        self._name.setToolTip(tr("ENDPOINT:MODEL, such as openai:gpt-4o"))
        later(self._name.line, lambda text: self.model.change(typed=text))
        self._name.line.returnPressed.connect(self._add)
        self._judge = Suggested(tr("Which judge"))
        self._judge.setToolTip(tr("reference, ENDPOINT:MODEL such as openai:gpt-4o, or local:MODEL"))
        self._judge.setEditText(draft.judge)
        later(self._judge.line, lambda text: self.model.change(judge=text))
        self._about_judge = label("", "small", wrap=True)
        self._budget = line(tr("Ceiling in USD"), tr("none"))
        self._budget.setText(draft.budget)
        later(self._budget, lambda text: self.model.change(budget=text))
        self._keys = Button(look, tr("Endpoints and keys"), "key", "ghost", self._to_settings)
        self._without = label("", "small", wrap=True)
        self._cost = CostPart()
        self._go = Button(look, action, kind="primary", does=self._finish)
        add = Button(look, tr("Add"), "plus", does=self._add)
        other = row(self._name, add, gap=8)
        other.setStretch(0, 1)
        without = row(self._without, self._keys, gap=8)
        without.setStretch(0, 1)
        who = card(heading(tr("References")), self._rows, other, without, gap=8)
        judging = QWidget(self)
        judging.setVisible(judge)
        judging.setLayout(column(self._judge, self._about_judge, gap=5))
        lines = [(tr("Which judge"), judging)] if judge else []
        fields = card(form(*lines, (tr("Ceiling in USD"), self._budget)), gap=8)
        self._content = layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 16)
        layout.setSpacing(12)
        layout.addLayout(column(label(title, "title"), label(about, "muted", wrap=True), gap=4))
        for part in (who, fields, self._cost):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addLayout(row(None, Button(look, tr("Cancel"), does=self.reject), self._go, gap=8))
        self._go.setEnabled(False)
        self._go.setDefault(True)
        self._name.setFocus()
        self.model.show()

    def done(self, result: int) -> None:
        """See Qt; reads no more."""
        self.model.hide()
        super().done(result)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """See Qt; Return adds the reference that is being typed, and elsewhere takes what is shown."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._name.line.hasFocus():
            event.accept()  # the line has told of it
            return
        super().keyPressEvent(event)

    def _show(self) -> None:
        state, draft = self.model.state, self.model.draft
        self._rows.show_items(draft.references)
        self._rows.setVisible(bool(draft.references))
        self._name.offer([name for name in state.offers.models if name not in draft.references])
        self._judge.offer(state.offers.judges)
        self._about_judge.setText(_judge_words(draft.judge.strip()))
        self._without.setText(_offer_words(state.offers))
        self._cost.show_cost(state.cost, draft)
        enough = bool(draft.names) or not self._needs_names
        self._go.setEnabled(self.model.reckoned and state.cost.problem is None and enough)
        self._grow()

    def _grow(self) -> None:
        """Be as high as what is shown needs."""
        self._content.activate()
        needed = self._content.totalHeightForWidth(self.width())
        if needed > self.height():
            self.resize(self.width(), needed)

    def _add(self) -> None:
        """Take what is typed into the list, and empty the field."""
        self.model.change(typed=self._name.currentText())
        with QSignalBlocker(self._name.line):
            self._name.clearEditText()
        self.model.add()

    def _finish(self) -> None:
        """Hand over what is typed; what was typed in the last moment has its cost shown first."""
        self.model.change(
            typed=self._name.currentText(), judge=self._judge.currentText(), budget=self._budget.text()
        )
        if self.model.reckoned:
            draft = self.model.draft
            self._take(Draft(draft.names, "", draft.judge.strip() or REFERENCE, draft.budget.strip()))
            self.accept()

    def _to_settings(self) -> None:
        self.reject()
        self._context.go("settings", "endpoints")


class CostPart(QFrame):
    """What the calls cost, or why it cannot be done like this."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "note")
        self._money = label("", "strong", wrap=True)
        self._lines = label("", wrap=True)
        self._fix = label("", "muted", wrap=True)
        layout = column(self._money, self._lines, self._fix, gap=4)
        layout.setContentsMargins(14, 10, 14, 10)
        self.setLayout(layout)

    def show_cost(self, cost: Cost, draft: Draft) -> None:
        """Show the forecast."""
        problem = cost.problem
        lines = [f"{title}: {usd(amount)}" for title, amount in cost.lines[:_SHOWN]]
        rest = sum(amount for _, amount in cost.lines[_SHOWN:])
        if rest:
            lines.append(tr("and other calls: {amount}", amount=usd(rest)))
        if cost.usd:
            money = tr("About {expected}", expected=usd(cost.usd))
        else:
            money = tr("Costs nothing") if problem is None else ""
        if problem is not None:
            lines.append(problem.message)
        self._money.setText(money)
        self._money.setVisible(bool(money))
        self._lines.setText("\n".join(lines))
        self._lines.setVisible(bool(lines))
        fix = problem.fix if problem is not None else _ceiling_words(cost, draft)
        self._fix.setText(fix)
        self._fix.setVisible(bool(fix))
        retone(self, tone="warn" if problem is not None else "")


class _Reference(QWidget):
    """A reference that was added, and a way to leave it out."""

    def __init__(self, context: Context, name: str, drop: Callable[[str], None]) -> None:
        super().__init__()
        away = Button(context.look, tr("Leave out"), "x", "ghost", lambda: drop(name))
        away.setAccessibleName(tr("Leave out {name}", name=name))
        line = row(IconLabel(context.look, "globe", "muted", 16), label(name, "strong"), None, away, gap=8)
        line.setContentsMargins(2, 0, 0, 0)
        self.setLayout(line)


def _judge_words(judge: str) -> str:
    """What a judge does, and what follows from that."""
    if judge in ("", REFERENCE):
        return tr("Compares each answer with the dataset's own, by a metric. Free, and on this machine.")
    if judge.startswith("local:"):
        return tr("A model of this workspace reads both answers. Free, on this machine, and slower.")
    return tr("Reads both answers, in both orders, over the network. Costs money; prompts are sent there.")


def _offer_words(offers: Offers) -> str:
    if offers.models:
        return tr("Their answers are ranked in the same table. Prompts are sent to them over the network.")
    if offers.keyless:
        return tr("No endpoint has a key yet. With one, GPT-4 and others can be ranked beside your models.")
    return tr("There is no endpoint yet.")


def _ceiling_words(cost: Cost, draft: Draft) -> str:
    """What the ceiling means."""
    if not cost.paid or not draft.budget.strip():
        return ""
    if cost.notes:
        return cost.notes[0]
    return tr("It stops before the ceiling, never after.")
