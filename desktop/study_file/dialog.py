"""The dialog that shows what a study would do here, and starts it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QLabel, QVBoxLayout, QWidget

from desktop.amounts import usd
from desktop.language import numeral, tr
from desktop.problem import Problem
from desktop.references.dialog import CostPart
from desktop.references.view_model import Draft
from desktop.shell.context import Context
from desktop.shell.dialogs import ask
from desktop.study_file.planning import ENDINGS, FileStudy
from desktop.study_file.view_model import StudyFileModel
from desktop.theme.look import Look
from desktop.widgets.basics import Button, card, clear, column, label, row
from desktop.widgets.fields import form, later, line
from desktop.widgets.inset import inset
from desktop.widgets.table import Column, Rows, table
from desktop.words import count, duration

if TYPE_CHECKING:
    from engine.studies.spec import StudySpec

#: Pixels of height that what can be chosen needs.
_ASKED: Final = 150


def choose_study_file(context: Context, parent: QWidget) -> None:
    """Let a study's file be chosen, and show what it would do."""
    dialog = QFileDialog(parent, tr("Open a study's file"))
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    endings = " ".join(f"*{ending}" for ending in ENDINGS)
    dialog.setNameFilter(tr("Studies ({endings});;All files (*)", endings=endings))
    dialog.fileSelected.connect(lambda file: StudyFileDialog(context, Path(file), parent).open())
    dialog.open()


class StudyDialog(QDialog):
    """What a study has, its jobs with their time, its cost, and Start.

    Args:
        title: Of the dialog.
        name: Of the study, as long as it was not read.
        make: Reads what the study is, in another thread.
        asked: Stands above all: what can be chosen of it.
    """

    def __init__(
        self,
        context: Context,
        title: str,
        name: str,
        make: Callable[[], StudySpec],
        parent: QWidget,
        *asked: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(640)
        look = context.look
        self._context = context
        self.model = StudyFileModel(context.services, make, self)
        self.model.failed.connect(self._fail)
        self.model.changed.connect(self._show)
        self.model.started.connect(self._started)
        self._title = label(name, "title", wrap=True)
        self._about = label(tr("Reading..."), "muted", wrap=True)
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(16)
        self._facts.setVerticalSpacing(5)
        self._facts.setColumnStretch(1, 1)
        self._jobs = JobsPart(look)
        self._sum = label("", "strong", wrap=True)
        self._budget = line(tr("Ceiling in USD"), tr("none"))
        later(self._budget, self.model.change_budget)
        self._cost = CostPart()
        self._there = label("", "muted", wrap=True)
        self._start = Button(look, tr("Start"), "play-fill", "primary", self._ask_or_start)
        self._start.setEnabled(False)
        self._start.setDefault(True)
        self._content = card(self._facts, padding=14)
        self._parts = [
            self._content,
            self._jobs,
            card(self._sum, form((tr("Ceiling in USD"), self._budget)), gap=8),
            self._cost,
        ]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 16)
        layout.setSpacing(12)
        layout.addLayout(column(self._title, self._about, gap=4))
        inside = column(*asked, *self._parts[:2], gap=12)
        inside.setStretch(len(asked) + self._parts.index(self._jobs), 1)
        for part in self._parts:
            part.hide()
        layout.addWidget(inset(inside), 1)  # what it costs, and Start, stay in sight
        for part in self._parts[2:]:
            layout.addWidget(part)
        foot = row(self._there, Button(look, tr("Cancel"), does=self.reject), self._start, gap=8)
        foot.setStretch(0, 1)
        layout.addLayout(foot)
        self.resize(700, min(680 + _ASKED * len(asked), max(480, parent.window().height() - 40)))
        self.model.show()

    def done(self, result: int) -> None:
        """See Qt; reads no more."""
        self.model.hide()
        super().done(result)

    def _show(self) -> None:
        study = self.model.state.study
        self._start.setEnabled(self.model.ready)
        if study is None:
            return
        self._title.setText(study.name)
        self._about.setText(tr(study.about))
        self._about.setVisible(bool(study.about))
        self._show_facts(study)
        self._jobs.show_study(study)
        self._sum.setText(_in_a_sentence(study))
        if self.model.state.budget is None and study.ceiling_usd is not None and not self._budget.text():
            with QSignalBlocker(self._budget):
                self._budget.setText(numeral(study.ceiling_usd, ".2f"))
        self._cost.show_cost(study.cost, Draft(budget=self._budget.text()))
        self._there.setText(_there_words(study))
        # Last: what is added to a part that is seen is itself seen one turn of the event loop later.
        for part in self._parts:
            part.show()

    def _show_facts(self, study: FileStudy) -> None:
        clear(self._facts)
        for place, (name, words) in enumerate(study.facts):
            said = QLabel(words)
            said.setTextFormat(Qt.TextFormat.PlainText)
            said.setWordWrap(True)
            self._facts.addWidget(label(name, "muted"), place, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(said, place, 1)

    def _ask_or_start(self) -> None:
        """Start; where somebody is asked over the network, only after a question."""
        study = self.model.state.study
        if study is None or not study.cost.paid:
            self.model.start()
            return
        models = ", ".join(study.cost.paid)
        sentence = tr("Your prompts are sent to {models}. It costs nothing.", models=models)
        if study.cost.usd:
            cost = tr("about {expected}", expected=usd(study.cost.usd))
            sentence = tr("Your prompts are sent to {models}. It costs {cost}.", models=models, cost=cost)
        title = tr("Start and ask over the network?")
        ask(self._context.look, title, sentence, tr("Start"), self.model.start, self)

    def _started(self, name: str) -> None:
        self.accept()
        self._context.tell(tr("The study {name} has started.", name=name))
        self._context.go("study", name)

    def _fail(self, problem: Problem) -> None:
        """Tell of a failure; a file that cannot be read at all leaves nothing to look at."""
        self._context.show_problem(problem)
        if self.model.state.study is None:
            self.reject()


class StudyFileDialog(StudyDialog):
    """A study as its file describes it."""

    def __init__(self, context: Context, file: Path, parent: QWidget) -> None:
        title = tr("A study from {file}", file=file.name)
        super().__init__(context, title, file.name, partial(_read, file), parent)


class JobsPart(QWidget):
    """The jobs of a plan with their time and price."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        columns = (
            Column(tr("Job"), 0),
            Column(tr("Time"), 110, right=True),
            Column(tr("Cost"), 90, right=True),
        )
        self._rows = Rows(look, columns)
        shown = table(tr("Jobs of this study"), self._rows, columns)
        shown.setMinimumHeight(150)
        self.setLayout(column(shown))

    def show_study(self, study: FileStudy) -> None:
        """Show its jobs."""
        self._rows.set_rows(
            [
                (str(at), (one.title, duration(one.seconds), usd(one.usd) if one.usd else ""))
                for at, one in enumerate(study.lines)
            ]
        )


def _read(file: Path) -> StudySpec:
    from engine.studies.reading import load_study

    return load_study(file)


def _in_a_sentence(study: FileStudy) -> str:
    return tr(
        "{jobs}, {runs} of them fine-tunes, {comparisons} comparisons, about {time} on this machine.",
        jobs=count(len(study.lines), tr("{count} job"), tr("{count} jobs")),
        runs=study.runs,
        comparisons=numeral(study.comparisons),
        time=duration(study.seconds),
    )


def _there_words(study: FileStudy) -> str:
    """What becomes of a study of the same name."""
    if not study.there:
        return ""
    if study.there == "done":
        return tr("There is a finished study of this name. What is the same in both is not done again.")
    return tr("There is a study of this name already: it goes on as the file says now.")
