"""The parts of the dialog that releases a model: what goes in, where it goes, what follows, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.language import numeral, tr
from desktop.release.planning import PROGRAMS, USUAL, Contents, Draft, Options
from desktop.release.view_model import ReleaseModel, ReleaseState
from desktop.theme.look import Look
from desktop.widgets.basics import (
    Button,
    IconLabel,
    bar,
    card,
    clear,
    column,
    heading,
    label,
    retone,
    row,
)
from desktop.widgets.fields import combo, fill, form, later, line, spin
from desktop.words import progress_words, size, state_words


class ContentsPart(QFrame):
    """What goes in."""

    def __init__(self, look: Look, model: ReleaseModel) -> None:
        super().__init__()
        self._model = model
        draft = model.draft
        self._ticks: dict[str, QCheckBox] = {}
        ticks = QGridLayout()
        ticks.setContentsMargins(0, 0, 0, 0)
        ticks.setHorizontalSpacing(16)
        ticks.setVerticalSpacing(4)
        for number, name in enumerate(USUAL):
            tick = QCheckBox(f"{name}: {_about(name)}")
            tick.setAccessibleName(tr("GGUF file, {quantisation}", quantisation=name))
            tick.setChecked(name in draft.quantisations)
            tick.toggled.connect(lambda _on: self._tell())
            ticks.addWidget(tick, number // 2, number % 2)
            self._ticks[name] = tick
        files = QWidget()
        files.setLayout(ticks)
        self._others = line(tr("Other quantisations"), "q3_k_m, iq4_xs")
        self._others.setText(draft.others)
        later(self._others, lambda text: model.change(others=text))
        self._whole = QCheckBox(tr("The whole model as safetensors, for transformers and vLLM"))
        self._whole.setChecked(draft.safetensors)
        self._whole.toggled.connect(lambda on: model.change(safetensors=on))
        self._adapter = label(
            tr("The adapter by itself goes along, and a Modelfile for Ollama where there is a GGUF file."),
            "small",
            wrap=True,
        )
        self._drift = QCheckBox(tr("Measure what quantising costs, against 16 bits"))
        self._drift.setChecked(draft.drift)
        self._drift.toggled.connect(lambda on: model.change(drift=on))
        self._dataset = combo(tr("Test prompts of"), 150)
        self._dataset.activated.connect(lambda at: model.change(dataset=str(self._dataset.itemData(at))))
        self._study = combo(tr("Ranking of"), 190)
        self._study.activated.connect(lambda at: model.change(study=str(self._study.itemData(at))))
        self._judge = line(tr("Which judge"), tr("the one asked last"))
        later(self._judge, lambda text: model.change(judge=text))
        threads = spin(tr("Threads"), 256, tr("one per core"))
        threads.valueChanged.connect(lambda number: model.change(threads=number))
        rest = QWidget()
        rest.setLayout(form((tr("Which judge"), self._judge), (tr("Threads"), threads)))
        rest.hide()
        self._rest = rest
        self._more = Button(look, tr("More settings"), "caret-down", "ghost", self._switch)
        inner = card(
            heading(tr("What goes in")),
            form(
                (tr("GGUF files"), files),
                (tr("Others"), self._others),
                (tr("Whole model"), self._whole),
                ("", self._adapter),
                (tr("Comparing"), self._drift),
                (tr("Test prompts of"), self._dataset),
                (tr("Ranking of"), self._study),
            ),
            row(self._more, None),
            rest,
            gap=8,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(inner)
        self.setFocusProxy(self._ticks[USUAL[0]])

    def show_options(self, options: Options, draft: Draft) -> None:
        """Show what can be chosen."""
        trained = tr("what it was trained on") if options.kind == "adapter" else tr("no dataset")
        fill(self._dataset, [(trained, ""), *((name, name) for name in options.datasets)], draft.dataset)
        self._dataset.setEnabled(draft.drift)
        newest = tr("the newest study that ranked it")
        fill(self._study, [(newest, ""), *((name, name) for name in options.studies)], draft.study)
        self._adapter.setText(
            tr("The adapter by itself goes along, and a Modelfile for Ollama where there is a GGUF file.")
            if options.kind == "adapter"
            else tr("A Modelfile for Ollama goes along where there is a GGUF file.")
        )

    def sync(self) -> None:
        """Tell what was typed in the last moment."""
        self._model.change(others=self._others.text(), judge=self._judge.text())

    def _tell(self) -> None:
        ticked = tuple(name for name, tick in self._ticks.items() if tick.isChecked())
        self._model.change(quantisations=ticked)

    def _switch(self) -> None:
        self._rest.setVisible(self._rest.isHidden())
        self._more.show_icon("caret-down" if self._rest.isHidden() else "caret-up")


class PlacePart(QFrame):
    """Where it goes, and what becomes of it."""

    def __init__(self, look: Look, model: ReleaseModel) -> None:
        super().__init__()
        self._model = model
        draft = model.draft
        self._folder = QLineEdit(draft.folder)
        self._folder.setAccessibleName(tr("Folder of the release"))
        later(self._folder, lambda text: model.change(folder=text))
        browse = Button(look, tr("Choose"), "folder-open", does=self._choose)
        where = QWidget()
        line_of = row(self._folder, browse, gap=8)
        line_of.setStretch(0, 1)
        where.setLayout(line_of)
        self._default = QCheckBox(tr("Train from it where no base is named"))
        self._default.toggled.connect(lambda on: model.change(default_base=on))
        self._programs: dict[str, QCheckBox] = {}
        for key, name in PROGRAMS:
            tick = QCheckBox(tr("Make it known to {program}", program=name))
            tick.setEnabled(False)
            tick.toggled.connect(lambda _on: self._tell())
            self._programs[key] = tick
        self._push = QCheckBox(tr("Push it to the Hugging Face Hub as"))
        self._push.toggled.connect(lambda on: model.change(push=on))
        self._repository = QLineEdit(placeholderText=tr("user/name"))
        self._repository.setAccessibleName(tr("Repository on the Hub"))
        later(self._repository, lambda text: model.change(repository=text))
        self._public = QCheckBox(tr("For everybody to see"))
        self._public.toggled.connect(lambda on: model.change(public=on))
        self._token = label("", "small", wrap=True)
        pushing = row(self._push, self._repository, gap=8)
        pushing.setStretch(1, 1)
        self._onward = column(
            self._default,
            *self._programs.values(),
            pushing,
            row(24, self._public, None, gap=0),
            row(24, self._token, gap=0),
            gap=6,
        )
        afterwards = QWidget()
        afterwards.setLayout(self._onward)
        inner = card(
            heading(tr("Where it goes")), form((tr("Folder"), where), (tr("Then"), afterwards)), gap=8
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(inner)

    def sync(self) -> None:
        """Tell what was typed in the last moment."""
        self._model.change(folder=self._folder.text(), repository=self._repository.text())

    def show_options(self, options: Options, draft: Draft) -> None:
        """Show what can be done with it."""
        self._default.setVisible(options.can_be_default)
        missing = dict(options.missing)
        for key, name in PROGRAMS:
            tick = self._programs[key]
            here = bool(options.kind) and key not in missing
            tick.setEnabled(here)
            words = tr("Make it known to {program}", program=name)
            tick.setText(words if here else tr("{what} (not found here)", what=words))
            tick.setToolTip(missing.get(key, ""))
        for widget in (self._repository, self._public):
            widget.setEnabled(draft.push)
        words = (
            tr("Otherwise for you alone. It takes the token {where}.", where=_token_words(options.token))
            if options.token
            else tr("There is no token for the Hub: store one under Settings, Endpoints and prices.")
        )
        self._token.setText(words)

    def _choose(self) -> None:
        above = str(Path(self._folder.text()).expanduser().parent)
        found = QFileDialog.getExistingDirectory(self, tr("In which folder"), above)
        if found:
            self._folder.setText(str(Path(found) / Path(self._folder.text()).name))

    def _tell(self) -> None:
        self._model.change(install=tuple(key for key, tick in self._programs.items() if tick.isChecked()))


class FindingsPart(QFrame):
    """What it would hold, what its licences say, and what stands against it."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._shown: tuple[Contents, bool] | None = None
        self._title = label("", "h2")
        self._sizes = label("", "strong", wrap=True)
        self._parts = label("", "small", wrap=True)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(6)
        inner = card(self._title, self._sizes, self._parts, self._lines, gap=8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(inner)

    def show_contents(self, contents: Contents, *, asking: bool) -> None:
        """Show what is known; once it is begun, without what only matters before."""
        if (contents, asking) == self._shown:
            return
        self._shown = contents, asking
        self._title.setText(tr("Before you start") if asking else tr("What it holds"))
        if contents.free is None:
            self._sizes.setText(tr("About {size} in all", size=size(contents.bytes)))
        else:
            words = tr(
                "About {size} in all; {free} are free there",
                size=size(contents.bytes),
                free=size(contents.free),
            )
            self._sizes.setText(words)
        self._sizes.setVisible(bool(contents.parts) and asking)
        listed = [f"{name}: {size(number)}" for name, number in contents.parts if number]
        small = [name for name, number in contents.parts if not number]
        self._parts.setText("\n".join([*listed, ", ".join(small)]))
        self._parts.setVisible(bool(contents.parts))
        clear(self._lines)
        if contents.problem is not None:
            self._line("warning-circle", "bad", f"{contents.problem.message} {contents.problem.fix}".strip())
        if contents.made:
            self._line("info", "accent", tr("The folder holds just this release: it is not made again."))
        for sentence in contents.conflicts:
            self._line("warning", "warn", sentence)
        for sentence in contents.follows:
            self._line("scales", "muted", sentence)
        for sentence in (contents.ranking, contents.drift):
            if sentence and asking:
                self._line("info", "muted", sentence)

    def _line(self, icon: str, tone: str, sentence: str) -> None:
        mark, words = IconLabel(self._look, icon, tone, 16), label(sentence, wrap=True)
        mark.setAccessibleName(
            {
                "warning-circle": tr("Problem"),
                "warning": tr("To be settled"),
                "scales": tr("Licence"),
                "info": tr("To know"),
            }[icon]
        )
        made = row(mark, words, gap=8)
        made.setStretch(1, 1)
        made.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
        self._lines.addLayout(made)


class ProgressPart(QFrame):
    """How far it is, and what came out.

    Args:
        open_job: Shows a job among the others.
    """

    def __init__(self, look: Look, open_job: Callable[[str], None]) -> None:
        super().__init__()
        self._open_job = open_job
        self._job, self._place = "", ""
        self.setProperty("role", "card")
        self._title = label("", "h2", wrap=True)
        self._words = label("", wrap=True)
        self._fix = label("", "muted", wrap=True)
        self._bar = bar(0.0, name=tr("Progress of the release"))
        self._in_jobs = Button(look, tr("Show in Jobs"), "queue", does=self._to_jobs)
        self._reveal = Button(look, tr("Show folder"), "folder-open", "primary", self._open_folder)
        layout = column(
            row(self._title, self._in_jobs, self._reveal, gap=8),
            self._bar,
            self._words,
            self._fix,
            gap=8,
        )
        layout.setContentsMargins(16, 12, 16, 14)
        self.setLayout(layout)
        self.hide()

    def show_state(self, state: ReleaseState) -> None:
        """Show what is being done, or was."""
        self.setVisible(state.stage != "asking")
        job = state.job
        self._job, self._place = job.id if job is not None else "", state.folder
        self._title.setText(_stage_words(state))
        self._bar.setVisible(state.busy)
        self._bar.setValue(round(1000 * ((job.share if job is not None else None) or 0.0)))
        words, fix = "", ""
        if state.problem is not None:
            words, fix = state.problem.message, state.problem.fix
        elif state.stage == "done":
            words = "\n".join([_summary_words(dict(state.summary)), *state.done])
        elif job is not None:
            at_work = job.state == "running"
            words = progress_words(job.progress) if at_work else state_words(job.state)[0]
            fix = tr("It goes on when this dialog is closed.")
        self._words.setText(words)
        self._words.setVisible(bool(words))
        self._fix.setText(fix)
        self._fix.setVisible(bool(fix))
        retone(self._words, tone="bad" if state.stage == "failed" else "")
        self._in_jobs.setVisible(bool(self._job) and state.stage != "done")
        self._reveal.setVisible(bool(self._place))

    def _to_jobs(self) -> None:
        self._open_job(self._job)

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(self._place))


def _about(quantisation: str) -> str:
    """What a usual quantisation is good for, in a word or two."""
    return {
        "q4_k_m": tr("small, the usual one"),
        "q5_k_m": tr("between 4 and 6 bits"),
        "q6_k": tr("close to 8 bits"),
        "q8_0": tr("hardly to be told from 16 bits"),
        "f16": tr("16 bits"),
    }[quantisation]


def _token_words(source: str) -> str:
    """Where the token for the Hub comes from."""
    known = {"keyring": tr("in the keyring"), "environment": tr("in the environment")}
    return known.get(source) or tr("of {source}", source=source)


def _stage_words(state: ReleaseState) -> str:
    return {
        "asking": "",
        "starting": tr("It is being started"),
        "making": tr("The release is being made"),
        "finishing": tr("The last steps"),
        "pushing": tr("It is being pushed"),
        "done": tr("The release is there"),
        "failed": state.problem.title if state.problem is not None else "",
    }[state.stage]


def _summary_words(summary: dict[str, Any]) -> str:
    """What was made, and what it costs to quantise."""
    words = tr(
        "{files} files, {size}, in {folder}.",
        files=len(summary["files"]),
        size=size(summary["bytes"]),
        folder=summary["folder"],
    )
    drift = summary.get("drift") or {}
    compared = [
        tr(
            "{quantisation}: {size}, same answers {share}, {metric} {value}",
            quantisation=one["quantisation"],
            size=size(one["bytes"]),
            share=numeral(one["agreement"], ".0%"),
            metric=drift["metric"],
            value=numeral(one["metric"], ".3f"),
        )
        for one in drift.get("files", ())
    ]
    return "\n".join([words, *compared])
