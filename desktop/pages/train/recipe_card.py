"""The form of a training run: base, dataset, and a field per setting of the recipe, with the plan below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QLineEdit,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from desktop.language import numeral, tr
from desktop.pages.train.form import FIELDS, SIMPLE, choices, default_text, is_switch, texts
from desktop.pages.train.view_model import Draft, TrainModel, TrainState
from desktop.problem import problem_of_record
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, frame, heading, label, retone, row
from desktop.widgets.fields import Choice
from desktop.widgets.inset import inset
from desktop.widgets.saving import ask_where_to_save
from desktop.widgets.segments import Segments
from desktop.words import count, duration, size
from engine.training.spec import TrainRecipe

_WORDS = 128
#: Pixels of height that the simple settings need.
_SETTINGS = 200


class Setting(QWidget):
    """One setting: its name, where it is typed or chosen, and what is wrong with it."""

    #: Something else is typed.
    changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        about = TrainRecipe.model_fields[name]
        title, help_text = tr(about.title or name), tr(about.description or "")
        self._wrong = label("", "small", "bad", wrap=True)
        self._wrong.hide()
        self._editor: QComboBox | QCheckBox | QLineEdit
        if choices(name):
            self._editor = Choice()
            self._editor.addItems(choices(name))
            self._editor.setCurrentText(default_text(name))
            self._editor.currentTextChanged.connect(self.changed)
        elif is_switch(name):
            self._editor = QCheckBox(tr("On"))
            self._editor.setChecked(default_text(name) == "True")
            self._editor.toggled.connect(self.changed)
        else:
            self._editor = QLineEdit(default_text(name))
            self._editor.setPlaceholderText(tr("all") if name == "limit" else tr("chosen from the data"))
            self._editor.textChanged.connect(self.changed)
        self._editor.setAccessibleName(title)
        self._editor.setAccessibleDescription(help_text)
        self._editor.setMinimumWidth(110)
        self.setToolTip(help_text)
        words = label(title, "muted")
        words.setFixedWidth(_WORDS)
        line = row(words, self._editor, gap=8)
        line.setStretch(1, 1)
        self.setLayout(column(line, self._wrong, gap=2))

    def fill(self, text: str) -> None:
        """Show another value, without telling anybody."""
        with QSignalBlocker(self._editor):
            if isinstance(self._editor, QComboBox):
                self._editor.setCurrentText(text)
            elif isinstance(self._editor, QCheckBox):
                self._editor.setChecked(text == "True")
            else:
                self._editor.setText(text)

    @property
    def text(self) -> str:
        """What is typed."""
        if isinstance(self._editor, QComboBox):
            return self._editor.currentText()
        return str(self._editor.isChecked()) if isinstance(self._editor, QCheckBox) else self._editor.text()

    def show_wrong(self, words: str) -> None:
        """Say what is wrong; nothing where it is right."""
        self._wrong.setText(words)
        self._wrong.setVisible(bool(words))
        retone(self._editor, state="bad" if words else "")


class RecipeCard(QFrame):
    """The form."""

    #: Settings that were typed are replaced; carries them.
    replaced = Signal(object)

    def __init__(self, look: Look, model: TrainModel) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._model = model
        self._offered: tuple[object, ...] = ()
        self._base = self._picker(tr("Base"))
        self._dataset = self._picker(tr("Dataset"))
        self._name = QLineEdit()
        self._name.setAccessibleName(tr("Name of the result"))
        self._name.textEdited.connect(lambda text: model.change(name=text.strip()))
        self._depth = Segments(tr("Which settings"), [("simple", tr("Simple")), ("advanced", tr("Advanced"))])
        self._depth.chosen.connect(self._show_depth)
        self._depth.choose("simple")
        self._settings = {name: Setting(name) for name in FIELDS}
        self._fit = label("", wrap=True)
        self._plan = label("", "small", wrap=True)
        self._note = frame("note", self._fit, self._plan, padding=12, gap=4)
        self._start = Button(look, tr("Start"), "play", "primary", model.start)
        self._start.setEnabled(False)
        self._files = Button(look, tr("Settings"), "file-text")
        self._files.setAccessibleDescription(tr("Open, save, or take over the settings of a run"))
        self._files.setMenu(self._file_menu())
        layout = column(
            heading(tr("New run"), self._depth),
            self._line(tr("Base"), self._base),
            self._line(tr("Dataset"), self._dataset),
            self._line(tr("Name"), self._name),
            gap=8,
        )
        for setting in self._settings.values():
            setting.changed.connect(self._typed)
        # What it will take, and Start, stay in sight however many settings there are.
        scroll = inset(column(*self._settings.values(), None, gap=8))
        scroll.setMinimumHeight(_SETTINGS)
        layout.addWidget(scroll, 1)
        layout.addWidget(self._note)
        layout.addLayout(row(self._files, None, self._start))
        layout.setContentsMargins(16, 12, 16, 16)
        self.setLayout(layout)
        self._show_depth("simple")
        model.drafted.connect(self.show_draft)
        model.opened.connect(self._fill)

    def show_state(self, state: TrainState) -> None:
        """Offer the bases and datasets that there are."""
        offered = state.bases, state.datasets
        if offered == self._offered:
            return
        self._offered = offered
        fresh = self._base.count() == 0
        _offer(self._base, [(name, name) for name in state.bases])
        _offer(
            self._dataset,
            [
                (name, tr("{name} ({count})", name=name, count=numeral(number)))
                for name, number in state.datasets
            ],
        )
        if fresh and state.default:
            self._base.setCurrentIndex(max(0, self._base.findData(state.default)))
        self._picked()

    def choose(self, base: str = "", dataset: str = "") -> None:
        """Pick a base or a dataset."""
        for box, wanted in ((self._base, base), (self._dataset, dataset)):
            if wanted and box.findData(wanted) >= 0:
                box.setCurrentIndex(box.findData(wanted))
        self._picked()

    def show_draft(self) -> None:
        """Show the plan, and what is wrong with the form."""
        draft = self._model.draft
        for name, setting in self._settings.items():
            setting.show_wrong(draft.wrong.get(name, ""))
            if name in draft.wrong:
                setting.show()
        self._name.setPlaceholderText(self._model.suggestion)
        self._start.setEnabled(
            bool(draft.base and draft.dataset) and not draft.wrong and draft.state != "refused"
        )
        fit, plan, tone = plan_words(draft)
        self._fit.setText(fit)
        self._plan.setText(plan)
        self._plan.setVisible(bool(plan))
        retone(self._note, tone=tone)
        retone(self._fit, tone=tone)

    def ask_open(self) -> None:
        """Ask for a file with settings, and fill the form with them."""
        file, _ = QFileDialog.getOpenFileName(
            self, tr("Settings of a training"), filter="YAML (*.yml *.yaml)"
        )
        if file:
            self._model.open_recipe(Path(file))

    def ask_save(self) -> None:
        """Ask for a file, and write the form's settings there."""
        if self._model.draft.wrong:
            self._model.told.emit(tr("Correct what is marked, then the settings can be saved."))
            return
        name = self._model.draft.name or self._model.suggestion or "recipe"
        ask_where_to_save(self, tr("Save the settings"), f"{name}.yml", "yml", self._model.save_recipe)

    def _file_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(tr("Open from a file..."), self.ask_open)
        save = menu.addAction(tr("Save in a file..."), self.ask_save)
        again = menu.addAction(tr("Those of the run that is shown"), self._model.take_over)
        menu.addAction(tr("The usual ones"), lambda: self._fill(TrainRecipe()))

        def show() -> None:
            save.setEnabled(not self._model.draft.wrong)
            again.setEnabled(bool(self._model.state.shown))

        menu.aboutToShow.connect(show)
        return menu

    @Slot(object)
    def _fill(self, recipe: TrainRecipe) -> None:
        """Show a recipe."""
        before = {name: setting.text for name, setting in self._settings.items()}
        self.fill(texts(recipe))
        if before not in (texts(recipe), texts(TrainRecipe())):
            self.replaced.emit(before)

    def fill(self, typed: Mapping[str, str]) -> None:
        """Show settings as they were typed."""
        for name, text in typed.items():
            self._settings[name].fill(text)
        self._typed()
        self._show_depth(self._depth.chosen_key)

    def _picker(self, name: str) -> QComboBox:
        made = Choice()
        made.setAccessibleName(name)
        made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        made.setMinimumContentsLength(14)
        made.activated.connect(self._picked)
        return made

    def _line(self, name: str, editor: QWidget) -> QVBoxLayout:
        words = label(name, "muted")
        words.setFixedWidth(_WORDS)
        line = row(words, editor, gap=8)
        line.setStretch(1, 1)
        return column(line)

    def _picked(self) -> None:
        self._model.change(base=self._base.currentData() or "", dataset=self._dataset.currentData() or "")

    def _typed(self) -> None:
        self._model.change(typed={name: setting.text for name, setting in self._settings.items()})

    def _show_depth(self, depth: str) -> None:
        """Show the simple settings or all; those that are wrong, or not the usual ones, always."""
        for name, setting in self._settings.items():
            unusual = name in self._model.draft.wrong or setting.text != default_text(name)
            setting.setVisible(depth == "advanced" or name in SIMPLE or unusual)


def plan_words(draft: Draft) -> tuple[str, str, Any]:
    """Whether a run fits, what it takes, and the tone of that."""
    plan = draft.plan
    if draft.wrong:
        return tr("Correct what is marked to see whether it fits."), "", "warn"
    if draft.state == "refused":
        problem = problem_of_record(plan)
        return problem.message or tr("The estimate could not be made."), problem.fix, "bad"
    if draft.state == "nothing":
        return tr("Choose a base and a dataset."), "", ""
    if not plan:
        return tr("Working out whether it fits…"), "", ""
    memory, there = size(plan["memory_mb"] * 1e6), size(plan["memory_available_mb"] * 1e6)
    if plan["fits"]:
        fit, tone = tr("Fits: about {memory} of {free}.", memory=memory, free=there), "good"
    else:
        fit, tone = tr("Does not fit: about {memory}, and {free} are free.", memory=memory, free=there), "bad"
    words = tr(
        "About {time}: {examples} examples, {epochs}, {steps} steps, {tokens} tokens.",
        time=duration(plan["seconds"]),
        examples=numeral(plan["examples"]),
        epochs=count(plan["epochs"], tr("{count} epoch"), tr("{count} epochs")),
        steps=numeral(plan["steps"]),
        tokens=numeral(plan["tokens"]),
    )
    return fit, words, tone


def _offer(box: QComboBox, entries: Sequence[tuple[str, str]]) -> None:
    """Offer these; what was picked stays picked where it is still there."""
    picked = box.currentData()
    box.clear()
    for key, words in entries:
        box.addItem(words, key)
    box.setCurrentIndex(max(0, box.findData(picked)) if entries else -1)
