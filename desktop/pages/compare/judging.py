"""The dialog in which missing answers are generated and judging is started, with what both cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.language import numeral, tr
from desktop.pages.compare.judging_model import JudgingModel
from desktop.pages.compare.judging_parts import AnswersPart, JudgingPart, WhoPart
from desktop.pages.compare.planning import Draft, JudgingState, Outcome
from desktop.pages.compare.state import Work
from desktop.pages.compare.strip import WorkStrip
from desktop.pages.compare.view_model import CompareModel
from desktop.pages.compare.words import share, usd
from desktop.problem import problem_of_record
from desktop.shell.context import Context
from desktop.widgets.basics import Button, column, frame, label, retone, row
from desktop.widgets.keyed import KeyedColumn

if TYPE_CHECKING:
    from engine.datasets.options import Split


class JudgingDialog(QDialog):
    """Answers, a judge, a goal, the forecast, the ceiling; and what is being spent."""

    def __init__(
        self,
        context: Context,
        compare: CompareModel,
        dataset: str,
        split: Split,
        names: tuple[str, ...],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Answer and judge"))
        look = context.look
        self.model = JudgingModel(context.services, compare, dataset, split, names, self)
        self.model.failed.connect(context.show_problem)
        self.model.changed.connect(self._show)
        self._who = WhoPart(look, self.model)
        self._answers = AnswersPart(look, self.model)
        self._judging = JudgingPart(look, self.model)
        self._forecast = ForecastPart()
        self._work: KeyedColumn[Work, WorkStrip] = KeyedColumn(
            lambda work: work.job.id, lambda _work: WorkStrip(look, compare.stop), WorkStrip.show_work, gap=8
        )
        self._ended = label("", wrap=True)
        self._note = frame("note", self._ended, padding=(14, 10, 14, 10))
        self._note.hide()
        inside = QWidget()
        inside.setObjectName("page")
        parts = column(
            self._who, self._answers, self._judging, self._forecast, self._work, self._note, None, gap=12
        )
        parts.setContentsMargins(22, 4, 22, 4)
        inside.setLayout(parts)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self._start = Button(look, tr("Start judging"), "play-fill", "primary", self.model.judge)
        close = Button(look, tr("Close"), does=self.reject)
        of_split = (
            tr("the test split of {dataset}", dataset=dataset)
            if split == "test"
            else tr("the dev split of {dataset}", dataset=dataset)
        )
        head = column(
            label(tr("Answer and judge"), "title"),
            label(tr("On {what}. Jobs go on when this window is closed.", what=of_split), "muted"),
            gap=3,
        )
        head.setContentsMargins(22, 18, 22, 8)
        self._why = label("", "small", wrap=True)
        foot = row(self._why, close, self._start, gap=8)
        foot.setStretch(0, 1)
        foot.setContentsMargins(22, 10, 22, 16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(scroll, 1)
        layout.addLayout(foot)
        room = parent.window().height()
        self.resize(664, min(820, max(520, room - 40)))
        self._start.setEnabled(False)
        self.model.show()

    def done(self, result: int) -> None:
        """See Qt; reads no more."""
        self.model.hide()
        super().done(result)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """See Qt; reads no more."""
        self.model.hide()
        super().closeEvent(event)

    def _show(self) -> None:
        state = self.model.state
        self._who.show_state(state)
        self._answers.show_state(state)
        self._judging.show_state(state)
        self._forecast.show_state(state)
        self._work.show_items(state.work)
        busy = any(work.job.kind == "judge" for work in state.work)
        self._start.setEnabled(state.can_judge and not busy)
        # The forecast that says the same may be scrolled out of sight.
        self._why.setText(state.problem.fix or state.problem.message if state.problem is not None else "")
        self._note.setVisible(state.outcome is not None)
        if state.outcome is not None:
            self._ended.setText(_outcome_words(state.outcome))
            retone(self._note, tone="bad" if state.outcome.state == "failed" else "good")


class ForecastPart(QFrame):
    """What judging will take, or why it cannot start."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "note")
        self._words = label("", wrap=True)
        self._money = label("", "strong", wrap=True)
        self._fix = label("", "muted", wrap=True)
        layout = column(self._money, self._words, self._fix, gap=4)
        layout.setContentsMargins(14, 10, 14, 10)
        self.setLayout(layout)
        self.hide()

    def show_state(self, state: JudgingState) -> None:
        """Show the forecast."""
        plan, problem = state.plan, state.problem
        self.setVisible(plan is not None or problem is not None)
        money, words, fix = "", "", ""
        if plan is not None:
            money = (
                tr(
                    "About {expected}, at most {most}",
                    expected=usd(plan.expected_usd),
                    most=usd(plan.most_usd),
                )
                if plan.most_usd
                else tr("Costs nothing")
            )
            words = tr(
                "Up to {pairs} comparisons: {calls} questions to ask, {cached} known already, {identical} with "
                "identical answers.",
                pairs=numeral(plan.comparisons),
                calls=numeral(plan.calls),
                cached=numeral(plan.cached),
                identical=numeral(plan.identical),
            )
            fix = _ceiling_words(state.draft, plan.expected_usd)
        if problem is not None:
            words = f"{words}\n{problem.message}".strip()
            fix = problem.fix
        self._money.setText(money)
        self._money.setVisible(bool(money))
        self._words.setText(words)
        self._fix.setText(fix)
        self._fix.setVisible(bool(fix))
        retone(self, tone="warn" if problem is not None else "")


def _ceiling_words(draft: Draft, expected: float) -> str:
    """What the ceiling means for this."""
    from desktop.pages.compare.planning import amount
    from engine.errors import BakeoffError

    try:
        ceiling = amount(draft.budget, "")
    except BakeoffError:
        return ""
    if ceiling is None or not expected:
        return ""
    if ceiling < expected:
        return tr("The ceiling is below that: judging stops when it is reached, and keeps what was paid for.")
    return tr("Stops before the ceiling, never after.")


def _outcome_words(outcome: Outcome) -> str:
    """How a job has ended, in a sentence or two."""
    if outcome.state == "failed":
        problem = problem_of_record(outcome.error)
        return f"{problem.message}\n{problem.fix}".strip()
    if outcome.state in ("stopped", "paused"):
        return tr("Stopped. What was paid for is kept, and starting again goes on with it.")
    summary = outcome.summary
    if outcome.kind == "generate":
        return tr("The answers are there.")
    parts = [
        tr(
            "Comparisons: {pairs}, of them ties: {ties}.",
            pairs=numeral(summary.get("comparisons", 0)),
            ties=numeral(summary.get("ties", 0)),
        )
    ]
    if summary.get("failed"):
        parts.append(tr("{count} brought no usable verdict.", count=numeral(summary["failed"])))
    if summary.get("swap_consistency") is not None:
        parts.append(tr("Both orders agree in {share}.", share=share(summary["swap_consistency"])))
    if summary.get("cost_usd"):
        parts.append(tr("It cost {amount}.", amount=usd(summary["cost_usd"])))
    if summary.get("stopped") == "budget":
        parts.append(tr("The ceiling ended it early."))
    return " ".join(parts)
