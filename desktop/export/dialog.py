"""The dialog that brings a model out in one form."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import QCheckBox, QDialog, QFileDialog, QFrame, QLineEdit, QVBoxLayout, QWidget

from desktop.export.planning import Draft, result_lines
from desktop.export.view_model import ExportModel, ExportState
from desktop.language import numeral, tr
from desktop.shell.context import Context
from desktop.theme.look import Look
from desktop.widgets.basics import Button, bar, column, frame, label, retone, row
from desktop.widgets.fields import combo, fill, form, later, spin
from desktop.widgets.inset import inset
from desktop.widgets.segments import Segments
from desktop.widgets.table import Cell, Column, Rows, table
from desktop.words import progress_words, size, state_words
from engine.exporting.quantisations import QUANTISATIONS

#: Where the last export went.
_PLACE: Final = "export folder"


def ask_to_export(context: Context, model: str, parent: QWidget, *, recipe: str = "", seed: int = 42) -> None:
    """Open the dialog for a model, or for what a merge recipe makes (see `Draft`)."""
    services = context.services

    def opened(usual: str) -> None:
        draft = Draft(model, quantisation=usual, recipe=recipe, seed=seed)
        ExportDialog(context, ExportModel(services, draft, parent), parent).open()

    services.usual_quantisation(parent, opened, context.show_problem)


class ExportDialog(QDialog):
    """Plans an export, starts it, and shows what came of it; it goes on when the dialog is closed."""

    def __init__(self, context: Context, model: ExportModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Export {name}", name=model.draft.model))
        self._context = context
        self.model = model
        look = context.look
        self._asked = AskPart(look, context, model)
        self._plan = label("", "muted", wrap=True)
        self._plan_card = frame("note", self._plan, padding=(12, 8, 12, 8))
        self._progress = ResultPart(look, self._to_jobs)
        self._start = Button(look, tr("Export"), "export", "primary", self._begin)
        close = Button(look, tr("Close"), does=self.reject)
        head = column(
            label(tr("Export {name}", name=model.draft.model), "title"),
            label(
                tr("The recipe's result, straight to a file.")
                if model.draft.recipe
                else tr("In one form, where you want it."),
                "muted",
            ),
            gap=3,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(inset(column(self._progress, self._asked, self._plan_card, None, gap=12)), 1)
        layout.addLayout(row(None, close, self._start, gap=8))
        self.resize(660, min(680, max(480, parent.window().height() - 40)))
        self._start.setEnabled(False)
        model.changed.connect(self._show)
        model.failed.connect(context.show_problem)
        model.show()

    def done(self, result: int) -> None:
        """See Qt; what was begun goes on."""
        self._leave()
        super().done(result)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """See Qt; what was begun goes on."""
        self._leave()
        super().closeEvent(event)

    def _leave(self) -> None:
        model = self.model
        if not model.shown:
            return
        model.hide()
        model.changed.disconnect(self._show)
        if model.state.busy:
            show_problem = self._context.show_problem
            model.rested.connect(lambda: show_problem(model.state.problem) if model.state.problem else None)
            model.rested.connect(model.deleteLater)
        else:
            model.deleteLater()

    def _show(self) -> None:
        model, state = self.model, self.model.state
        asking = not state.busy and state.stage != "done"
        self._asked.show_state(state, model.draft)
        self._asked.setVisible(asking)
        self._progress.show_state(state)
        problem = state.contents.problem
        words = list(state.contents.lines) if model.reckoned else [tr("Working out what it will hold...")]
        if problem is not None:
            words = [problem.message, problem.fix]
        self._plan.setText("\n".join(word for word in words if word))
        self._plan_card.setVisible(asking and any(words))
        retone(self._plan_card, tone="bad" if problem is not None else "")
        retone(self._plan, tone="bad" if problem is not None else "")
        if model.reckoned or state.busy:
            self._start.setEnabled(model.can_start)
        self._start.setVisible(state.stage != "done")

    def _begin(self) -> None:
        self._asked.sync()
        if self.model.can_start:
            place = self.model.draft.place
            if place:
                self._context.remember(_PLACE, str(Path(place).expanduser().parent))
            self.model.start()

    def _to_jobs(self, job: str) -> None:
        """Show the job; the dialog would stand in the way there, and nothing needs it."""
        self.reject()
        self._context.go("jobs", job)


class AskPart(QFrame):
    """In which form, how quantised, where to, and what is checked."""

    def __init__(self, look: Look, context: Context, model: ExportModel) -> None:
        super().__init__()
        self._context, self._model = context, model
        draft = model.draft
        self._forms = Segments(tr("In which form"), _forms(draft, adapter=False))
        self._forms.choose(draft.form)
        self._forms.chosen.connect(lambda key: model.change(form=key))
        self._kind = combo(tr("Quantisation"), 150)
        for name in QUANTISATIONS:
            self._kind.addItem(name, name)
        self._kind.setCurrentText(draft.quantisation)
        self._kind.activated.connect(lambda at: model.change(quantisation=str(self._kind.itemData(at))))
        self._place = _line(tr("Where it goes"), tr("kept in the workspace"))
        later(self._place, lambda text: model.change(place=text))
        browse = Button(look, tr("Browse..."), "folder-open", does=self._browse)
        self._dataset = combo(tr("Compared on"), 200)
        self._dataset.activated.connect(lambda at: model.change(dataset=str(self._dataset.itemData(at))))
        self._importance = QCheckBox(tr("Measure which weights matter, on its training text"))
        self._importance.toggled.connect(lambda on: model.change(importance=on))
        self._drift = QCheckBox(tr("Measure what quantising costs, against 16 bits"))
        self._drift.setChecked(draft.drift)
        self._drift.toggled.connect(lambda on: model.change(drift=on))
        self._threads = spin(tr("Threads"), 256, tr("one per core"))
        self._threads.valueChanged.connect(lambda number: model.change(threads=number))
        self._converted = _line(tr("A file that is there already"), tr("none: it is made here"))
        self._converted.setToolTip(
            tr("What a converter of llama.cpp made of this model, for models that cannot be exported here")
        )
        later(self._converted, lambda text: model.change(converted=text))
        place = QWidget()
        place.setLayout(row(self._place, browse, gap=8))
        self._of_gguf = QWidget()
        self._of_gguf.setLayout(
            form(
                (tr("Quantisation"), self._kind),
                (tr("Compared on"), self._dataset),
                ("", self._drift),
                ("", self._importance),
                (tr("Threads"), self._threads),
            )
        )
        self._of_file = QWidget()
        self._of_file.setLayout(form((tr("Made elsewhere"), self._converted)))
        for part in (place, self._of_gguf, self._of_file):
            inside = part.layout()
            if inside is not None:
                inside.setContentsMargins(0, 0, 0, 0)
        layout = column(
            form((tr("Form"), self._forms), (tr("Where it goes"), place)), self._of_gguf, self._of_file, gap=8
        )
        self.setLayout(layout)

    def show_state(self, state: ExportState, draft: Draft) -> None:
        """Show what can be chosen, and what is."""
        self._forms.set_choices(_forms(draft, adapter=state.options.adapter))
        self._forms.choose(draft.form)
        self._of_gguf.setVisible(draft.with_gguf)
        self._of_file.setVisible(draft.form == "gguf" and not draft.recipe)
        self._importance.setVisible(not draft.recipe)
        trained = state.options.trained
        usual = tr("what it was trained on: {name}", name=trained) if trained else tr("no dataset")
        fill(self._dataset, [(usual, ""), *((name, name) for name in state.options.datasets)], draft.dataset)
        nothing = tr("kept in the workspace") if draft.form == "gguf" else tr("a new folder")
        self._place.setPlaceholderText(tr("a new file") if draft.recipe else nothing)

    def sync(self) -> None:
        """Tell what was typed in the last moment."""
        self._model.change(place=self._place.text(), converted=self._converted.text())

    def _browse(self) -> None:
        draft = self._model.draft
        above = Path(str(self._context.recall(_PLACE) or Path.home()))
        name = f"{draft.model}-{draft.quantisation}.gguf" if draft.form == "gguf" else draft.model
        title = tr("Export {name}", name=draft.model)
        endings = "*.gguf" if draft.form == "gguf" else ""
        file, _ = QFileDialog.getSaveFileName(self, title, str(above / name), endings)
        if file:
            self._place.setText(file)
            self.sync()


class ResultPart(QFrame):
    """How far it is, and what came out.

    Args:
        open_job: Shows a job among the others.
    """

    def __init__(self, look: Look, open_job: Any) -> None:
        super().__init__()
        self._job, self._file = "", ""
        self.setProperty("role", "card")
        self._title = label("", "h2", wrap=True)
        self._words = label("", wrap=True)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._bar = bar(0.0, name=tr("Progress of the export"))
        self._in_jobs = Button(look, tr("Show in Jobs"), "queue", does=lambda: open_job(self._job))
        self._reveal = Button(look, tr("Show folder"), "folder-open", does=self._open_folder)
        columns = [
            Column(tr("Quantisation"), 0),
            Column(tr("Size"), 80, right=True),
            Column(tr("Metric"), 80, right=True),
            Column(tr("Same answers"), 144, right=True),
            Column(tr("Answers/s"), 116, right=True),
        ]
        self._rows = Rows(look, columns)
        self._drift = table(tr("What quantising costs"), self._rows, columns, flat=True, row=28)
        self._drift.setMinimumHeight(110)
        self._about = label("", "muted", wrap=True)
        layout = column(
            row(self._title, self._in_jobs, self._reveal, gap=8),
            self._bar,
            self._words,
            self._about,
            self._drift,
            gap=8,
        )
        layout.setContentsMargins(16, 12, 16, 14)
        self.setLayout(layout)
        self.hide()

    def show_state(self, state: ExportState) -> None:
        """Show what is being done, or was."""
        self.setVisible(state.stage != "asking")
        job, summary = state.job, dict(state.summary)
        self._job = job.id if job is not None else ""
        self._file = str(summary.get("file", ""))
        self._bar.setVisible(state.busy)
        self._bar.setValue(round(1000 * ((job.share if job is not None else None) or 0.0)))
        self._title.setText(
            state.problem.title
            if state.problem is not None and state.problem.title
            else {
                "failed": tr("The export was not made"),
                "done": tr("The export is there"),
            }.get(state.stage, tr("The export is being made"))
        )
        words = ""
        if state.problem is not None:
            words = f"{state.problem.message} {state.problem.fix}".strip()
        elif summary:
            words = "\n".join(result_lines(summary))
        elif job is not None:
            words = progress_words(job.progress) if job.state == "running" else state_words(job.state)[0]
        self._words.setText(words)
        retone(self._words, tone="bad" if state.stage == "failed" else "")
        self._in_jobs.setVisible(bool(self._job) and state.stage != "done")
        self._reveal.setVisible(bool(self._file))
        self._show_drift(summary.get("drift"))

    def _show_drift(self, drift: dict[str, Any] | None) -> None:
        for part in (self._drift, self._about):
            part.setVisible(drift is not None)
        if drift is None:
            return
        self._about.setText(
            tr(
                "On {prompts} test prompts of {dataset}, by {metric}:",
                prompts=numeral(drift["prompts"]),
                dataset=drift["dataset"],
                metric=drift["metric"],
            )
        )
        self._rows.set_rows(
            [
                (
                    one["quantisation"],
                    (
                        one["quantisation"],
                        Cell(size(one["bytes"])),
                        Cell(numeral(one["metric"], ".3f")),
                        Cell(numeral(one["agreement"], ".0%")),
                        Cell(numeral(one["answers_per_second"], ".1f")),
                    ),
                )
                for one in drift["files"]
            ]
        )

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._file).parent)))


def _forms(draft: Draft, *, adapter: bool) -> list[tuple[str, str]]:
    """Forms and what they are called."""
    if draft.recipe:
        return [("gguf", "GGUF")]
    found = [("gguf", "GGUF"), ("ollama", "Ollama"), ("merged", tr("Folder"))]
    return [*found, ("adapter", tr("Adapter"))] if adapter else found


def _line(name: str, nothing: str) -> QLineEdit:
    made = QLineEdit(placeholderText=nothing)
    made.setAccessibleName(name)
    return made
