"""The widgets of the Compare page."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QBoxLayout, QCheckBox, QLineEdit, QMenu, QWidget, QWidgetAction

from desktop.language import tr
from desktop.pages.compare.detail import DetailCard
from desktop.pages.compare.filters import Filter
from desktop.pages.compare.grid_view import GridView
from desktop.pages.compare.judging import JudgingDialog
from desktop.pages.compare.strip import WorkStrip
from desktop.pages.compare.view_model import CompareModel, CompareState, Work
from desktop.pages.compare.words import judge_words, usd
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.empty import Empty
from desktop.widgets.fields import combo, fill
from desktop.widgets.keyed import KeyedColumn
from desktop.widgets.page import Page
from desktop.widgets.segments import Segments

#: Milliseconds after the last key before words are looked for.
_TYPED: Final = 250
#: Pixels of a page below which the filters need a line for themselves.
_NARROW: Final = 1040
#: Filters that are offered also where they leave nothing.
_ALWAYS: Final = ("all", "differ", "loses")


def build(context: Context) -> Page:
    """Make the page."""
    return ComparePage(context, CompareModel(context.services))


class ComparePage(Page):
    """All answers to a dataset's prompts beside each other, and what was said about them."""

    model: CompareModel

    def __init__(self, context: Context, model: CompareModel) -> None:
        look = context.look
        self._vote = Button(look, tr("Vote yourself"), "thumbs-up", does=self._go_vote)
        self._judge = Button(look, tr("Answer and judge"), "scales", "primary", self.open_judging)
        super().__init__(
            context,
            model,
            tr("Compare"),
            tr("Who answers what, who wins where, and why the judge says so."),
            self._vote,
            self._judge,
        )
        self._put_away = False
        self._dialog: JudgingDialog | None = None
        self._choices = Choices(look, model)
        self._work: KeyedColumn[Work, WorkStrip] = KeyedColumn(
            lambda work: work.job.id, lambda _work: WorkStrip(look, model.stop), WorkStrip.show_work, gap=8
        )
        self._grid = GridView(look, model)
        self._grid.opened.connect(self._bring_back)
        self._detail = DetailCard(look, model)
        self._detail.closed.connect(self._close_detail)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self._close_detail)
        self._nothing_left = Empty(
            look,
            "funnel",
            tr("No prompt is left"),
            tr("Nothing fits this filter and these words. Choose another filter, or clear the search."),
            Button(look, tr("Show all prompts"), does=self._show_all),
        )
        self._empty = Empty(
            look,
            "scales",
            tr("Nothing to compare yet"),
            tr(
                "Contestants answer the prompts of a dataset first. Then a judge, or you, compares the answers."
            ),
            row(
                Button(look, tr("Bring a dataset"), "database", does=lambda: context.go("datasets", None)),
                Button(look, tr("Let models answer"), "robot", "primary", self.open_judging),
                gap=8,
            ),
        )
        self._refused = Empty(look, "lock", "", "")
        self._content = QWidget()
        inside = column(self._choices, self._work, self._grid, self._nothing_left, self._detail, gap=12)
        inside.setStretch(2, 1)
        inside.setStretch(3, 1)
        self._content.setLayout(inside)
        for part in (self._empty, self._content):
            self.body.addWidget(part, 1)
            part.hide()
        self._problem = label("", wrap=True)
        self._problem.hide()
        inside.insertWidget(1, self._problem)
        for hidden in (self._work, self._grid, self._nothing_left, self._detail):
            hidden.hide()

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        useful = state.problem is not None or (state.grid is not None and bool(state.grid.answerers))
        self._empty.setVisible(not useful)
        self._content.setVisible(useful)
        self._vote.setEnabled(state.grid is not None and len(state.grid.answerers) > 1)
        self._judge.setEnabled(bool(state.dataset))
        self._choices.show_state(state)
        self._work.show_items(state.work)
        self._problem.setVisible(state.problem is not None)
        if state.problem is not None:
            self._problem.setText(f"{state.problem.title}\n{state.problem.message}\n{state.problem.fix}")
        self._grid.show_state()
        self._grid.setVisible(bool(state.rows))
        self._nothing_left.setVisible(state.grid is not None and not state.rows)
        if state.detail is not None:
            self._detail.show_detail(state.detail)
        self._detail.setVisible(state.detail is not None and not self._put_away)

    def open(self, target: Any) -> None:
        """Show a dataset (its name), or ``{"dataset", "split", "judge", "contestants", "prompt", "contestant"}``."""
        if isinstance(target, str):
            self.model.choose(dataset=target)
        elif isinstance(target, dict):
            self.model.choose(
                str(target.get("dataset", "")), str(target.get("split", "")), str(target.get("judge", ""))
            )
            if target.get("contestants"):
                self.model.show_columns(tuple(target["contestants"]))
            if target.get("prompt"):
                self.model.select(str(target["prompt"]), str(target.get("contestant", "")))

    def leave(self) -> None:
        """See `Page`."""
        if self._dialog is not None:
            self._dialog.close()
        super().leave()

    def close_page(self) -> None:
        """See `Page`."""
        if self._dialog is not None:
            self._dialog.close()
        super().close_page()

    def commands(self) -> list[Command]:
        """See `Page`."""
        return [
            Command(tr("Answer and judge"), "scales", self.open_judging),
            Command(tr("Show where they differ"), "funnel", lambda: self.model.narrow("differ")),
            Command(tr("Vote yourself"), "thumbs-up", self._go_vote),
        ]

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """See Qt."""
        self._choices.set_narrow(event.size().width() < _NARROW)
        super().resizeEvent(event)

    def first_control(self) -> QWidget | None:
        """See `Page`."""
        return self._grid.answers if self._grid.isVisible() else super().first_control()

    def open_judging(self) -> None:
        """Open the dialog in which answers are generated and judging is started."""
        state = self.model.state
        if self._dialog is not None or not state.dataset:
            return
        names = tuple(one.name for one in state.shown)
        self._dialog = JudgingDialog(self.context, self.model, state.dataset, state.split, names, self)
        self._dialog.finished.connect(self._dialog_closed)
        self._dialog.open()

    def _dialog_closed(self) -> None:
        self._dialog = None

    def _go_vote(self) -> None:
        state = self.model.state
        names = [one.name for one in state.shown]
        self.context.go("vote", {"dataset": state.dataset, "split": state.split, "contestants": names})

    def _show_all(self) -> None:
        self._choices.clear_search()
        self.model.search("")
        self.model.narrow("all")

    def _close_detail(self) -> None:
        if self._detail.isVisible():
            self._put_away = True
            self._detail.hide()
            self._grid.answers.setFocus()

    def _bring_back(self) -> None:
        self._put_away = False
        self._detail.setVisible(self.model.state.detail is not None)


class Choices(QWidget):
    """What is shown: dataset, split, judge, contestants, and which prompts."""

    def __init__(self, look: Look, model: CompareModel) -> None:
        super().__init__()
        self._model = model
        self._dataset = combo(tr("Dataset"), 150)
        self._dataset.activated.connect(lambda _at: model.choose(dataset=self._dataset.currentText()))
        self._split = Segments(tr("Split"), (("test", tr("Test")), ("dev", tr("Dev"))))
        self._split.chosen.connect(lambda split: model.choose(split=split))
        self._judge = combo(tr("Judge"), 120)
        self._judge.activated.connect(lambda at: model.choose(judge=self._judge.itemData(at)))
        self._columns = Button(look, tr("Contestants"))
        self._menu = QMenu(self)
        self._columns.setMenu(self._menu)
        self._boxes: dict[str, QCheckBox] = {}
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
        first = row(
            self._dataset,
            self._split,
            label(tr("judged by"), "muted"),
            self._judge,
            self._columns,
            None,
            self._spent,
            gap=8,
        )
        tail = row(label(tr("X is"), "muted"), self._x, self._search, gap=8)
        tail.setStretch(2, 1)
        self._second = row(self._filters, None, tail, gap=10)
        self.setLayout(column(first, self._second, gap=10))

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

    def set_narrow(self, narrow: bool) -> None:
        """Put what stands beside the filters below them, or back."""
        directions = QBoxLayout.Direction
        self._second.setDirection(directions.TopToBottom if narrow else directions.LeftToRight)

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
        if list(self._boxes) != names:
            self._menu.clear()
            self._boxes = {}
            for name in names:
                box = QCheckBox(name)
                box.setProperty("menu", "true")
                box.toggled.connect(self._chosen)
                action = QWidgetAction(self._menu)
                action.setDefaultWidget(box)
                self._menu.addAction(action)
                self._boxes[name] = box
        for name, box in self._boxes.items():
            with QSignalBlocker(box):
                box.setChecked(name in shown)

    def _chosen(self) -> None:
        names = tuple(name for name, box in self._boxes.items() if box.isChecked())
        if names:
            self._model.show_columns(names)
        else:
            self._show_columns(self._model.state)


def _filter_words(name: Filter, number: int) -> str:
    shown = f"{number:,}"
    return {
        "all": tr("All {count}", count=shown),
        "differ": tr("They differ {count}", count=shown),
        "loses": tr("X loses {count}", count=shown),
        "cut": tr("Cut off {count}", count=shown),
        "disagree": tr("Orders disagree {count}", count=shown),
        "missing": tr("No answer {count}", count=shown),
    }[name]
