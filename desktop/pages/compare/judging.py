"""The dialog in which missing answers are generated and judging is started, with what both cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFrame,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.language import tr
from desktop.pages.compare.judging_model import (
    REFERENCE,
    Candidate,
    Draft,
    JudgingModel,
    JudgingState,
    Outcome,
)
from desktop.pages.compare.strip import WorkStrip
from desktop.pages.compare.view_model import CompareModel, Work
from desktop.pages.compare.words import share, usd
from desktop.problem import Problem
from desktop.shell.context import Context
from desktop.theme.look import Look
from desktop.widgets.basics import Button, card, column, frame, heading, label, retone, row
from desktop.widgets.fields import form, later, line, spin
from desktop.widgets.goal import GoalPart
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
        foot = row(None, close, self._start, gap=8)
        foot.setContentsMargins(22, 10, 22, 16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(scroll, 1)
        layout.addLayout(foot)
        room = parent.window().height()
        self.resize(640, min(820, max(520, room - 40)))
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
        self._forecast.show_state(state, self.model.draft)
        self._work.show_items(state.work)
        busy = any(work.job.kind == "judge" for work in state.work)
        self._start.setEnabled(state.can_judge and not busy)
        self._note.setVisible(state.outcome is not None)
        if state.outcome is not None:
            self._ended.setText(_outcome_words(state.outcome))
            retone(self._note, tone="bad" if state.outcome.state == "failed" else "good")


class WhoPart(QFrame):
    """Who takes part, and on how many prompts."""

    def __init__(self, look: Look, model: JudgingModel) -> None:
        super().__init__()
        self._model = model
        self._rows: KeyedColumn[Candidate, CandidateRow] = KeyedColumn(
            lambda one: one.name, lambda _one: CandidateRow(model), CandidateRow.show_candidate, gap=2
        )
        inside = QWidget()
        inside.setObjectName("said")
        inside.setLayout(column(self._rows, None))
        self._scroll = QScrollArea()
        self._scroll.setProperty("inset", "true")
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(inside)
        self._scroll.setAccessibleName(tr("Contestants"))
        self._name = QComboBox()
        self._name.setEditable(True)
        self._name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._name.setAccessibleName(tr("Another contestant"))
        typed = self._name.lineEdit()
        typed.setPlaceholderText(tr("A model, untuned:BASE, dataset or ENDPOINT:MODEL"))
        typed.setAccessibleName(tr("Another contestant"))
        typed.returnPressed.connect(self._add)
        add = Button(look, tr("Add"), "plus", does=self._add)
        self._limit = spin(tr("Prompts at most"), 1_000_000, tr("all"), value=model.draft.limit)
        self._limit.valueChanged.connect(lambda number: model.change(limit=number))
        self._count = label("", "small")
        other = row(self._name, add, gap=8)
        other.setStretch(0, 1)
        inner = card(
            heading(tr("Who takes part"), self._count),
            self._scroll,
            other,
            row(label(tr("Prompts at most"), "muted"), self._limit, None, gap=8),
            gap=8,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(inner)

    def show_state(self, state: JudgingState) -> None:
        """Show who can take part."""
        self._rows.show_items(state.candidates)
        self._scroll.setFixedHeight(max(34, min(150, 28 * len(state.candidates) + 6)))
        taking = sum(one.taking_part for one in state.candidates)
        self._count.setText(
            tr("{count} contestants, {prompts} prompts", count=taking, prompts=f"{state.prompts:,}")
        )
        _offer(self._name, state.known)

    def _add(self) -> None:
        self._model.add(self._name.currentText())
        self._name.clearEditText()


class CandidateRow(QWidget):
    """One contestant: takes part or not."""

    def __init__(self, model: JudgingModel) -> None:
        super().__init__()
        self._name = ""
        self._box = QCheckBox()
        self._box.toggled.connect(lambda yes: model.take_part(self._name, yes))
        self._state = label("", "small")
        layout = row(self._box, None, self._state, gap=8)
        layout.setContentsMargins(2, 2, 8, 2)
        self.setLayout(layout)

    def show_candidate(self, one: Candidate) -> None:
        """Show a contestant."""
        self._name = one.name
        self._box.setText(one.name.replace("&", "&&"))
        with QSignalBlocker(self._box):
            self._box.setChecked(one.taking_part)
        if not one.answered:
            words = tr("has not answered yet")
        elif one.missing:
            words = tr("{count} answers are missing", count=f"{one.missing:,}")
        else:
            words = tr("has answered all")
        self._state.setText(words)
        retone(self._state, tone="warn" if one.missing else "good")
        self._box.setAccessibleName(f"{one.name}, {words}")


class AnswersPart(QFrame):
    """The answers that are missing, and what they cost."""

    def __init__(self, look: Look, model: JudgingModel) -> None:
        super().__init__()
        self._words = label("", wrap=True)
        self._budget = line(tr("Ceiling in USD for the answers"), tr("none"))
        later(self._budget, lambda text: model.change(answers_budget=text))
        self._ceiling = QWidget()
        self._ceiling.setLayout(row(label(tr("Ceiling in USD"), "muted"), self._budget, None, gap=8))
        self._problem = label("", "", "bad", wrap=True)
        self._go = Button(look, tr("Generate the missing answers"), "robot", does=model.generate)
        inner = card(
            heading(tr("Answers")), self._words, self._ceiling, self._problem, row(self._go, None), gap=8
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(inner)
        self.hide()

    def show_state(self, state: JudgingState) -> None:
        """Show what is missing; nothing where nothing is."""
        busy = any(work.job.kind == "generate" for work in state.work)
        self.setVisible(state.missing > 0)
        words = tr("{count} answers are missing.", count=f"{state.missing:,}")
        if state.answers is not None and state.answers.calls:
            money = tr(
                "The paid ones cost about {expected}, at most {most}.",
                expected=usd(state.answers.expected_usd),
                most=usd(state.answers.most_usd),
            )
            words = f"{words} {money}"
        self._words.setText(words)
        paid = (state.answers is not None and state.answers.most_usd > 0) or bool(self._budget.text())
        self._ceiling.setVisible(paid)
        _show_problem(self._problem, state.answers_problem)
        self._go.setEnabled(state.can_generate and not busy)


class JudgingPart(QFrame):
    """Who judges, what for, and how much it may cost."""

    def __init__(self, look: Look, model: JudgingModel) -> None:
        super().__init__()
        self._model = model
        self._judge = QComboBox()
        self._judge.setEditable(True)
        self._judge.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._judge.setAccessibleName(tr("Judge"))
        self._judge.lineEdit().setAccessibleName(tr("Judge"))
        self._judge.setToolTip(tr("reference, ENDPOINT:MODEL such as openai:gpt-4o, or local:MODEL"))
        self._judge.setEditText(REFERENCE)
        later(self._judge.lineEdit(), lambda text: model.change(judge=text))
        self._goal = GoalPart()
        self._goal.changed.connect(lambda goal: model.change(goal=goal))
        self._most = spin(tr("Comparisons at most"), 10_000_000, tr("as many as needed"))
        self._most.valueChanged.connect(lambda number: model.change(comparisons=number))
        self._budget = line(tr("Ceiling in USD for the judging"), tr("none"))
        later(self._budget, lambda text: model.change(budget=text))
        self._expected = QCheckBox(tr("Show the judge the dataset's answer"))
        self._expected.toggled.connect(lambda yes: model.change(show_expected=yes))
        self._more = Button(look, tr("More settings"), "caret-down", "ghost", self._show_more)
        self._rest = self._settings()
        self._rest.hide()
        fields = form(
            (tr("Judge"), self._judge),
            (tr("Goal"), self._goal),
            (tr("Ceiling in USD"), self._budget),
            (tr("Comparisons at most"), self._most),
            ("", self._expected),
        )
        inner = card(heading(tr("Judging")), fields, row(self._more, None), self._rest, gap=8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(inner)

    def show_state(self, state: JudgingState) -> None:
        """Show who can judge and who can be beaten."""
        _offer(self._judge, state.judges)
        self._goal.offer([one.name for one in state.candidates if one.taking_part])

    def _settings(self) -> QWidget:
        """What is rarely changed."""
        model = self._model
        metric = QComboBox()
        metric.setAccessibleName(tr("Metric of the reference judge"))
        for words, value in (
            (tr("the one that fits"), ""),
            (tr("labels"), "label"),
            (tr("JSON fields"), "json_fields"),
            (tr("ROUGE-L"), "rouge_l"),
        ):
            metric.addItem(words, value)
        metric.activated.connect(lambda at: model.change(metric=metric.itemData(at)))
        margin = line(tr("Tie margin"), tr("the metric's own"))
        later(margin, lambda text: model.change(margin=text))
        parallel = spin(tr("Calls at one time"), 64, least=1, value=model.draft.parallel)
        parallel.valueChanged.connect(lambda number: model.change(parallel=number))
        seed = spin(tr("Seed"), 2_000_000_000)
        seed.valueChanged.connect(lambda number: model.change(seed=number))
        made = QWidget()
        made.setLayout(
            form(
                (tr("Metric"), metric),
                (tr("Tie margin"), margin),
                (tr("Calls at one time"), parallel),
                (tr("Seed"), seed),
            )
        )
        return made

    def _show_more(self) -> None:
        self._rest.setVisible(self._rest.isHidden())
        self._more.show_icon("caret-down" if self._rest.isHidden() else "caret-up")


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

    def show_state(self, state: JudgingState, draft: Draft) -> None:
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
                pairs=f"{plan.comparisons:,}",
                calls=f"{plan.calls:,}",
                cached=f"{plan.cached:,}",
                identical=f"{plan.identical:,}",
            )
            fix = _ceiling_words(draft, plan.expected_usd)
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
    from desktop.pages.compare.judging_model import amount
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
        error = outcome.error or {}
        return f"{error.get('message', '')}\n{error.get('fix', '')}".strip()
    if outcome.state in ("stopped", "paused"):
        return tr("Stopped. What was paid for is kept, and starting again goes on with it.")
    summary = outcome.summary
    if outcome.kind == "generate":
        return tr("The answers are there.")
    parts = [
        tr(
            "{pairs} comparisons, {ties} of them ties.",
            pairs=f"{summary.get('comparisons', 0):,}",
            ties=f"{summary.get('ties', 0):,}",
        )
    ]
    if summary.get("failed"):
        parts.append(tr("{count} brought no usable verdict.", count=f"{summary['failed']:,}"))
    if summary.get("swap_consistency") is not None:
        parts.append(tr("Both orders agree in {share}.", share=share(summary["swap_consistency"])))
    if summary.get("cost_usd"):
        parts.append(tr("It cost {amount}.", amount=usd(summary["cost_usd"])))
    if summary.get("stopped") == "budget":
        parts.append(tr("The ceiling ended it early."))
    return " ".join(parts)


def _show_problem(shown: QLabel, problem: Problem | None) -> None:
    shown.setVisible(problem is not None)
    if problem is not None:
        shown.setText(f"{problem.message} {problem.fix}".strip())


def _offer(combo: QComboBox, names: tuple[str, ...]) -> None:
    """Offer names below a line that keeps what is typed in it."""
    if [combo.itemText(at) for at in range(combo.count())] == list(names):
        return
    typed = combo.currentText()
    with QSignalBlocker(combo), QSignalBlocker(combo.lineEdit()):
        combo.clear()
        combo.addItems(list(names))
        combo.setCurrentIndex(combo.findText(typed))
        combo.setEditText(typed)
