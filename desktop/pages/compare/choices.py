"""What the Compare page shows: dataset, split, judge, contestants, and which prompts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QMenu, QWidget

from desktop.language import numeral, tr
from desktop.pages.compare.filters import Filter
from desktop.pages.compare.state import CompareState
from desktop.pages.compare.view_model import CompareModel
from desktop.pages.compare.words import judge_words, usd
from desktop.problem import Problem
from desktop.theme.look import Look
from desktop.widgets.basics import Button, IconLabel, column, holder, label, row
from desktop.widgets.fields import combo, fill
from desktop.widgets.folding import Folding
from desktop.widgets.segments import Segments

#: Milliseconds after the last key before words are looked for.
_TYPED: Final = 250
#: Filters that are offered also where they leave nothing.
_ALWAYS: Final = ("all", "differ", "loses")


class Choices(QWidget):
    """What is shown: dataset, split, judge, contestants, and which prompts."""

    def __init__(self, look: Look, model: CompareModel) -> None:
        super().__init__()
        self._model = model
        self._dataset = combo(tr("Dataset"), 172)
        self._dataset.activated.connect(lambda _at: model.choose(dataset=self._dataset.currentText()))
        self._split = Segments(tr("Split"), (("test", tr("Test")), ("dev", tr("Dev"))))
        self._split.chosen.connect(lambda split: model.choose(split=split))
        self._judge = combo(tr("Which judge"), 120)
        self._judge.activated.connect(lambda at: model.choose(judge=self._judge.itemData(at)))
        self._columns = Button(look, tr("Contestants"))
        self._menu = TickMenu(self._chosen)
        self._menu.setAccessibleName(tr("Contestants"))
        self._columns.setMenu(self._menu)
        self._x = combo(tr("X is"), 190)
        self._x.activated.connect(lambda at: model.look_at(self._x.itemData(at)))
        self._search = QLineEdit(placeholderText=tr("Find in prompts and answers"))
        self._search.setAccessibleName(tr("Find in prompts and answers"))
        self._search.setClearButtonEnabled(True)
        self._search.setMinimumWidth(150)
        self._filters = Segments(tr("Which prompts"))
        self._filters.chosen.connect(model.narrow)
        self._spent = label("", "small")
        self._typing = QTimer(self, singleShot=True, interval=_TYPED)
        self._typing.timeout.connect(lambda: model.search(self._search.text()))
        self._search.textChanged.connect(lambda _text: self._typing.start())
        judged = holder(
            row(self._dataset, self._split, label(tr("judged by"), "muted"), self._judge, None, gap=8)
        )
        shown = holder(row(self._columns, None, self._spent, gap=8))
        find = row(label(tr("X is"), "muted"), self._x, self._search, gap=8)
        find.setStretch(2, 1)
        first = Folding(judged, shown, stretches=(0, 1), gap=8)
        second = Folding(self._filters, holder(find), stretches=(0, 1), gap=10)
        self.setLayout(column(first, second, gap=10))

    def show_state(self, state: CompareState) -> None:
        """Show what is chosen."""
        fill(self._dataset, [(name, name) for name in state.datasets], state.dataset)
        self._split.choose(state.split)
        grid = state.grid
        judges = grid.judges if grid is not None else ()
        fill(self._judge, [(judge_words(name), name) for name, _ in judges], grid.judge if grid else "")
        self._judge.setEnabled(bool(judges))
        fill(self._x, [(one.name, one.id) for one in state.shown], state.x)
        self._filters.set_choices(
            [
                (name, _filter_words(name, number))
                for name, number in state.counts
                if number or name in (*_ALWAYS, state.filter)
            ]
        )
        self._filters.choose(state.filter)
        self._show_columns(state)
        spent = grid.spent_usd if grid is not None else 0.0
        self._spent.setText(tr("{amount} spent here", amount=usd(spent)) if spent else "")

    def clear_search(self) -> None:
        """Look for nothing."""
        with QSignalBlocker(self._search):
            self._search.clear()

    def _show_columns(self, state: CompareState) -> None:
        every = state.grid.answerers if state.grid is not None else ()
        shown = {one.name for one in state.shown}
        names = [one.name for one in every]
        words = tr("{shown} of {all} contestants", shown=len(shown), all=len(names))
        self._columns.setText(words)
        self._columns.setAccessibleName(words)
        self._columns.setEnabled(bool(names))
        self._menu.show_names(names, shown)

    def _chosen(self, names: tuple[str, ...]) -> None:
        if names:
            self._model.show_columns(names)
        else:
            self._show_columns(self._model.state)


class TickMenu(QMenu):
    """Names with ticks; it stays open while they are set, by the mouse or by the keyboard.

    Args:
        chosen: Gets the ticked names.
    """

    def __init__(self, chosen: Callable[[tuple[str, ...]], None]) -> None:
        super().__init__()
        self._chosen = chosen

    @property
    def ticked(self) -> tuple[str, ...]:
        """Names with a tick."""
        return tuple(str(action.data()) for action in self.actions() if action.isChecked())

    def show_names(self, names: Sequence[str], ticked: Collection[str]) -> None:
        """Offer these."""
        if [str(action.data()) for action in self.actions()] != list(names):
            self.clear()
            for name in names:
                action = self.addAction(name.replace("&", "&&"))
                action.setData(name)
                action.setCheckable(True)
        for action in self.actions():
            action.setChecked(str(action.data()) in ticked)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click ticks."""
        self._tick(self.actionAt(event.position().toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Space and Enter tick."""
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._tick(self.activeAction())
        else:
            super().keyPressEvent(event)

    def _tick(self, action: QAction | None) -> None:
        if action is not None:
            action.toggle()
            self._chosen(self.ticked)


class ProblemNote(QFrame):
    """Why nothing can be shown, and what to do."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setProperty("role", "note")
        self.setProperty("tone", "warn")
        self._title = label("", "strong")
        self._words = label("", wrap=True)
        words = column(self._title, self._words, gap=4)
        inside = row(IconLabel(look, "lock", "warn", 22), words, gap=14)
        inside.setStretch(1, 1)
        inside.setContentsMargins(16, 12, 16, 12)
        self.setLayout(inside)
        self.hide()

    def show_problem(self, problem: Problem | None) -> None:
        """Show a problem, or nothing."""
        self.setVisible(problem is not None)
        if problem is not None:
            self._title.setText(problem.title)
            self._words.setText(f"{problem.message} {problem.fix}".strip())


def _filter_words(name: Filter, number: int) -> str:
    shown = numeral(number)
    return {
        "all": tr("Answered {count}", count=shown),
        "differ": tr("They differ {count}", count=shown),
        "loses": tr("X loses {count}", count=shown),
        "cut": tr("Cut off {count}", count=shown),
        "disagree": tr("Orders disagree {count}", count=shown),
        "missing": tr("No answer {count}", count=shown),
    }[name]
