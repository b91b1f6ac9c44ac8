"""The fields of the dialog that starts judging: who takes part, which answers are missing, who judges."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.language import numeral, tr
from desktop.pages.compare.judging_model import JudgingModel
from desktop.pages.compare.planning import REFERENCE, Candidate, JudgingState
from desktop.pages.compare.words import missing_words, usd
from desktop.problem import Problem
from desktop.theme.look import Look
from desktop.widgets.basics import Button, card, column, heading, label, retone, row
from desktop.widgets.fields import Choice, Suggested, combo, form, later, line, spin
from desktop.widgets.goal import GoalPart
from desktop.widgets.inset import inset
from desktop.widgets.keyed import KeyedColumn

#: Stands for a file that is still to be chosen.
_FILE: Final = "file"


class WhoPart(QFrame):
    """Who takes part, and on how many prompts."""

    def __init__(self, look: Look, model: JudgingModel) -> None:
        super().__init__()
        self._model = model
        self._rows: KeyedColumn[Candidate, CandidateRow] = KeyedColumn(
            lambda one: one.name, lambda _one: CandidateRow(model), CandidateRow.show_candidate, gap=2
        )
        self._scroll = inset(column(self._rows, None), tr("Contestants"))
        self._name = Suggested(
            tr("Another contestant"), tr("A model, untuned:BASE, dataset or ENDPOINT:MODEL")
        )
        self._name.line.returnPressed.connect(self._add)
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
            tr("Contestants: {count}, prompts: {prompts}", count=taking, prompts=numeral(state.prompts))
        )
        self._name.offer(state.known)

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
            words = missing_words(one.missing)
        else:
            words = tr("has answered all")
        self._state.setText(words)
        retone(self._state, tone="warn" if one.missing else "good")
        self._box.setAccessibleName(f"{one.name}, {words}")


class More(QWidget):
    """What is rarely changed, shown when it is asked for."""

    def __init__(self, look: Look, words: str, rest: QWidget) -> None:
        super().__init__()
        self._rest = rest
        self._button = Button(look, words, "caret-down", "ghost", self._switch)
        rest.hide()
        self.setLayout(column(row(self._button, None), rest, gap=8))

    def _switch(self) -> None:
        self._rest.setVisible(self._rest.isHidden())
        self._button.show_icon("caret-down" if self._rest.isHidden() else "caret-up")


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
        self._more = More(look, tr("More about answers"), self._settings(model))
        inner = card(
            heading(tr("Answers")),
            self._words,
            self._ceiling,
            self._problem,
            self._more,
            row(self._go, None),
            gap=8,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(inner)
        self.hide()

    def _settings(self, model: JudgingModel) -> QWidget:
        """What is rarely changed."""
        longest = spin(tr("Longest answer"), 8192, tr("as training suggests"))
        longest.valueChanged.connect(lambda number: model.change(longest=number))
        longest.setToolTip(tr("In tokens"))
        batch = spin(tr("Prompts at one time"), 512, tr("as usual"))
        batch.valueChanged.connect(lambda number: model.change(batch=number))
        stops = QPlainTextEdit(placeholderText=tr("one per line; \\n is a line break"))
        stops.setAccessibleName(tr("Stop texts"))
        stops.setToolTip(tr("Texts before which an answer ends"))
        stops.setTabChangesFocus(True)
        stops.setFixedHeight(48)
        stops.textChanged.connect(lambda: model.change(stops=stops.toPlainText()))
        held = combo(tr("Held to"), 170)
        for words, value in (
            (tr("nothing"), ""),
            (tr("one of the answers of the train split"), "choices"),
            (tr("any JSON"), "json"),
            (tr("a JSON schema or grammar"), _FILE),
        ):
            held.addItem(words, value)
        held.activated.connect(lambda at: self._hold(model, held, str(held.itemData(at))))
        held.setToolTip(tr("For GGUF files only"))
        made = QWidget()
        made.setLayout(
            form(
                (tr("Longest answer"), longest),
                (tr("Prompts at one time"), batch),
                (tr("Stop texts"), stops),
                (tr("Held to"), held),
            )
        )
        return made

    def _hold(self, model: JudgingModel, held: QComboBox, value: str) -> None:
        if value == _FILE:
            words = tr("JSON schema or grammar (*.json *.gbnf);;All files (*)")
            value, _ = QFileDialog.getOpenFileName(self, tr("A JSON schema or grammar"), "", words)
            held.setItemText(held.count() - 1, Path(value).name or tr("a JSON schema or grammar"))
            if not value:
                held.setCurrentIndex(0)
        model.change(held_to=value)

    def show_state(self, state: JudgingState) -> None:
        """Show what is missing; nothing where nothing is."""
        busy = any(work.job.kind == "generate" for work in state.work)
        self.setVisible(state.missing > 0)
        words = f"{missing_words(state.missing)}."
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
        self._judge = Suggested(tr("Which judge"))
        self._judge.setToolTip(tr("reference, ENDPOINT:MODEL such as openai:gpt-4o, or local:MODEL"))
        self._judge.setEditText(REFERENCE)
        later(self._judge.line, lambda text: model.change(judge=text))
        self._goal = GoalPart()
        self._goal.changed.connect(lambda goal: model.change(goal=goal))
        self._most = spin(tr("Comparisons at most"), 10_000_000, tr("as many as needed"))
        self._most.valueChanged.connect(lambda number: model.change(comparisons=number))
        self._budget = line(tr("Ceiling in USD for the judging"), tr("none"))
        later(self._budget, lambda text: model.change(budget=text))
        self._expected = QCheckBox(tr("Show the judge the dataset's answer"))
        self._expected.toggled.connect(lambda yes: model.change(show_expected=yes))
        self._together = QCheckBox(tr("Ask in batches: answered within a day, with OpenAI at half the price"))
        self._together.toggled.connect(lambda yes: model.change(together=yes))
        self._together.hide()
        self._more = More(look, tr("More settings"), self._settings())
        fields = form(
            (tr("Which judge"), self._judge),
            (tr("Goal"), self._goal),
            (tr("Ceiling in USD"), self._budget),
            (tr("Comparisons at most"), self._most),
            ("", self._expected),
            ("", self._together),
        )
        inner = card(heading(tr("Judging")), fields, self._more, gap=8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(inner)

    def show_state(self, state: JudgingState) -> None:
        """Show who can judge and who can be beaten."""
        self._judge.offer(state.judges)
        self._together.setVisible(state.draft.asks_endpoint)
        self._goal.offer([one.name for one in state.candidates if one.taking_part])

    def _settings(self) -> QWidget:
        """What is rarely changed."""
        model = self._model
        metric = Choice()
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


def _show_problem(shown: QLabel, problem: Problem | None) -> None:
    shown.setVisible(problem is not None)
    if problem is not None:
        shown.setText(f"{problem.message} {problem.fix}".strip())
