"""The widgets of the Compare page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QWidget

from desktop.language import numeral, tr
from desktop.pages.compare.choices import Choices, ProblemNote
from desktop.pages.compare.detail import DetailCard
from desktop.pages.compare.grid_view import GridView
from desktop.pages.compare.judging import JudgingDialog
from desktop.pages.compare.state import Work
from desktop.pages.compare.strip import WorkStrip
from desktop.pages.compare.view_model import CompareModel
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.widgets.basics import Button, column, row
from desktop.widgets.empty import Empty
from desktop.widgets.keyed import KeyedColumn
from desktop.widgets.page import Page
from desktop.widgets.saving import ask_where_to_save


def build(context: Context) -> Page:
    """Make the page."""
    return ComparePage(context, CompareModel(context.services))


class ComparePage(Page):
    """All answers to a dataset's prompts beside each other, and what was said about them."""

    model: CompareModel

    def __init__(self, context: Context, model: CompareModel) -> None:
        look = context.look
        self._vote = Button(look, tr("Vote yourself"), "thumbs-up", does=self._go_vote)
        self._export = Button(look, tr("Export"), "export")
        self._judge = Button(look, tr("Answer and judge"), "scales", "primary", self.open_judging)
        super().__init__(
            context,
            model,
            tr("Compare"),
            tr("Who answers what, who wins where, and why the judge says so."),
            self._vote,
            self._export,
            self._judge,
        )
        menu = QMenu(self)
        menu.addAction(tr("Answers as CSV..."), lambda: self.ask_where("csv"))
        menu.addAction(tr("Answers as JSONL..."), lambda: self.ask_where("jsonl"))
        self._export.setMenu(menu)
        self._export.setToolTip(tr("The answers that are shown, with scores and verdicts"))
        model.exported.connect(self._tell_exported)
        self._put_away = False
        #: The dataset for which judging is to be started as soon as it is shown.
        self._to_judge = ""
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
        self._answer = Button(look, tr("Let models answer"), "robot", "primary", self.open_judging)
        self._empty = Empty(
            look,
            "scales",
            tr("Nothing to compare yet"),
            tr(
                "Contestants answer the prompts of a dataset first. Then a judge, or you, compares the answers."
            ),
            row(
                Button(look, tr("Bring a dataset"), "database", does=lambda: context.go("datasets", None)),
                self._answer,
                gap=8,
            ),
        )
        self._content = QWidget()
        inside = column(self._choices, self._work, self._grid, self._nothing_left, self._detail, gap=12)
        inside.setStretch(2, 1)
        inside.setStretch(3, 1)
        self._content.setLayout(inside)
        for part in (self._empty, self._content):
            self.body.addWidget(part, 1)
            part.hide()
        self._problem = ProblemNote(look)
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
        self._export.setEnabled(bool(state.rows) and bool(state.shown))
        self._judge.setEnabled(bool(state.dataset) and state.problem is None)
        self._answer.setVisible(bool(state.dataset))
        self._choices.show_state(state)
        self._work.show_items(state.work)
        self._problem.show_problem(state.problem)
        self._grid.show_state()
        self._grid.setVisible(bool(state.rows))
        self._nothing_left.setVisible(state.grid is not None and not state.rows)
        if state.detail is not None:
            self._detail.show_detail(state.detail)
        self._detail.setVisible(state.detail is not None and not self._put_away)
        if self._to_judge and self._to_judge == state.dataset and state.grid is not None:
            self._to_judge = ""
            self.open_judging()

    @property
    def place(self) -> str:
        """See `Page`."""
        return self.model.state.dataset

    def open(self, target: Any) -> None:
        """Show a dataset (its name), or ``{"dataset", "split", "judge", "contestants", "prompt", "contestant"}``.

        With ``judging``, the dialog that starts judging is opened once the answers are there.
        """
        if isinstance(target, str):
            self.model.choose(dataset=target)
        elif isinstance(target, dict):
            self._to_judge = str(target["dataset"]) if target.get("judging") else ""
            self.model.choose(
                str(target.get("dataset", "")), str(target.get("split", "")), str(target.get("judge", ""))
            )
            if target.get("contestants"):
                self.model.show_columns(tuple(target["contestants"]))
            if target.get("prompt"):
                self.model.select(str(target["prompt"]), str(target.get("contestant", "")))

    def leave(self) -> None:
        """See `Page`."""
        self._to_judge = ""
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
        found = (
            [Command(tr("Answer and judge"), "scales", self.open_judging)] if self.model.state.dataset else []
        )
        if not self.model.state.shown:
            return found
        return [
            *found,
            Command(tr("Show where they differ"), "funnel", lambda: self.model.narrow("differ")),
            Command(tr("Vote yourself"), "thumbs-up", self._go_vote),
            Command(tr("Export the answers that are shown"), "export", lambda: self.ask_where("csv")),
        ]

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

    def ask_where(self, form: Literal["csv", "jsonl"]) -> None:
        """Ask for a file, and write what is shown there."""
        state = self.model.state
        if not state.rows or not state.shown:
            return
        proposal = f"{state.dataset}-{state.split}.{form}"
        ask_where_to_save(self, tr("Export the answers"), proposal, form, self.model.export)

    @Slot(object, int)
    def _tell_exported(self, file: Path, count: int) -> None:
        self.context.tell(tr("{count} answers are in {file}.", count=numeral(count), file=file.name))

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
