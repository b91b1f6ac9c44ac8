"""The Merge page: models and a method, what the method needs, the recipe as text, and what stands in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFileDialog, QMenu, QWidget

from desktop.export.dialog import ask_to_export
from desktop.language import tr
from desktop.pages.merge.findings import FactsCard, FindingsCard
from desktop.pages.merge.models_card import ModelsCard
from desktop.pages.merge.recipe_card import RecipeCard
from desktop.pages.merge.recipe_form import Form
from desktop.pages.merge.values_card import ValuesCard
from desktop.pages.merge.view_model import MergeModel
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, column, row
from desktop.widgets.empty import Empty
from desktop.widgets.page import Page
from desktop.widgets.saving import ask_where_to_save

#: Pixels of the page below which models, values and recipe stand below each other.
_NARROW: Final = 1040


def build(context: Context) -> Page:
    """Make the page."""
    return MergePage(context, MergeModel(context.services))


class MergePage(Page):
    """Models and a method at the left, their gradient in the middle, the recipe at the right, findings below."""

    model: MergeModel

    def __init__(self, context: Context, model: MergeModel) -> None:
        look = context.look
        self._files = Button(look, tr("Recipe"), "file-text")
        self._start = Button(look, tr("Start merging"), "git-merge", "primary", self.start)
        super().__init__(
            context,
            model,
            tr("Merge"),
            tr("Blend the strongest models into one, layer by layer. No training, no data, no GPU needed."),
            self._files,
            self._start,
        )
        self._files.setMenu(self._file_menu())
        self._models = ModelsCard(model)
        self._values = ValuesCard(look, model)
        self._recipe = RecipeCard(look, model)
        self._findings = FindingsCard(look, self._mend)
        self._facts = FactsCard(model, lambda job: context.go("jobs", job))
        self._recipe.typed.connect(lambda: self._start.setEnabled(False))
        self._recipe.read.connect(self._show_draft)
        self._empty = Empty(
            look,
            "git-merge",
            tr("Nothing to merge yet"),
            tr("A merge needs two models of the same shape: fine-tunes of one base, or its siblings."),
            Button(look, tr("Go to Models"), "cube", "primary", lambda: context.go("models", None)),
        )
        self._beside = row(self._values, self._recipe, gap=GAP)
        self._beside.setStretch(0, 43)
        self._beside.setStretch(1, 30)
        above = self._above = row(self._models, self._beside, gap=GAP)
        above.setStretch(0, 27)
        above.setStretch(1, 73)
        below = row(self._findings, self._facts, gap=GAP)
        below.setStretch(0, 70)
        below.setStretch(1, 30)
        self._content = QWidget()
        parts = column(above, below, gap=GAP)
        parts.setStretch(0, 3)
        parts.setStretch(1, 2)
        self._content.setLayout(parts)
        self.body.addWidget(self._content, 1)
        self.body.addWidget(self._empty, 1)
        self._content.hide()
        self._empty.hide()
        self._layers = 0
        #: Whether something was chosen already; what the user takes away stays away.
        self._begun = False
        model.drafted.connect(self._show_draft)
        model.replaced.connect(self._offer_typed)

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        enough = len(state.models) > 1
        self._empty.setVisible(not enough)
        self._content.setVisible(enough)
        self._models.show_models(state.models, state.presets)
        self._facts.show_jobs(state.jobs)
        if state.pair and not self._begun:
            self.open(state.pair)  # as the seed story merged them
        self._show_draft()

    def open(self, target: Any) -> None:
        """Merge these models: a list of names."""
        names = tuple(map(str, target)) if isinstance(target, list | tuple) else ()
        if len(names) > 1:
            self._begun = True
            self.model.use_form(Form().with_models(names))
            self.model.use_preset("slerp" if len(names) == 2 else "ties")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The recipe goes below the values, and these below the models, where there is no room beside them."""
        directions = QBoxLayout.Direction
        narrow = event.size().width() < _NARROW
        for layout in (self._above, self._beside):
            layout.setDirection(directions.TopToBottom if narrow else directions.LeftToRight)
        super().resizeEvent(event)

    @property
    def busy(self) -> bool:
        """See `Page`."""
        return self.model.looking or self._recipe.waiting

    def commands(self) -> list[Command]:
        """See `Page`."""
        found = [Command(tr("Load a merge recipe"), "folder-open", self.ask_for_recipe)]
        if not self.model.text:
            return found
        return [
            *found,
            Command(tr("Save the merge recipe"), "floppy-disk", self.ask_to_save),
            Command(tr("Write the merge straight to a GGUF file"), "export", self.ask_to_export),
        ]

    def ask_for_recipe(self) -> None:
        """Ask for a recipe's file."""
        file, _ = QFileDialog.getOpenFileName(self, tr("A merge recipe"), filter="YAML (*.yml *.yaml)")
        if file:
            self.model.load(Path(file))

    def ask_to_save(self) -> None:
        """Ask for a file, and write the recipe there as it stands."""
        if not self.model.text:
            return
        title = tr("Save the merge recipe")
        ask_where_to_save(self, title, f"{self._called}.yml", "yml", self.model.save)

    def ask_to_export(self) -> None:
        """Ask where the GGUF file of the result goes, without the merged model being written."""
        if self.model.text and self.model.fault is None:
            ask_to_export(self.context, self._called, self, recipe=self.model.text, seed=self._facts.seed())

    @property
    def _called(self) -> str:
        """What the result is called."""
        form = self.model.form
        return self._facts.name() or (f"{form.method}-merge" if form is not None else "merge")

    def _file_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(tr("Load from a file..."), self.ask_for_recipe)
        save = menu.addAction(tr("Save in a file..."), self.ask_to_save)
        menu.addSeparator()
        export = menu.addAction(tr("Straight to a GGUF file..."), self.ask_to_export)

        def show() -> None:
            save.setEnabled(bool(self.model.text))
            export.setEnabled(bool(self.model.text) and self.model.fault is None)

        menu.aboutToShow.connect(show)
        return menu

    def start(self) -> None:
        """Put the merge into the queue."""
        self.model.start(self._facts.name(), self._facts.seed())

    @Slot(str)
    def _offer_typed(self, typed: str) -> None:
        self.context.offer_undo(
            tr("The recipe that was typed is replaced."), lambda: self.model.use_text(typed)
        )

    def _mend(self, words: str, text: str) -> None:
        """Change the recipe as a finding offers it."""
        before = self.model.mend(text)
        self.context.offer_undo(
            tr("The recipe is changed: {what}.", what=words), lambda: self.model.use_text(before)
        )

    @Slot()
    def _show_draft(self) -> None:
        model = self.model
        self._models.show_form(model.form)
        if model.checked is not None:  # while it is looked at anew, the number stays
            self._layers = int(model.checked.facts.get("layers") or 0)
        self._values.show_form(model.form, self._layers)
        fault = model.fault
        said = "" if fault is None else f"{fault.message} {fault.fix}".strip()
        self._recipe.show_text(model.text, said, model.fault_line)
        self._findings.show_checked(model.checked, written=bool(model.text) and model.fault is None)
        self._facts.show_checked(model.checked, model.form)
        ready = model.fault is None and model.checked is not None and model.checked.ok
        self._start.setEnabled(ready and not self._recipe.waiting)
        blocked = len(model.checked.errors) if model.checked is not None else 0
        words = tr("Start merging")
        if model.fault is not None:
            words = tr("Mend the recipe to start")
        elif blocked:
            words = tr("Mend {count} to start", count=blocked)
        self._start.setText(f" {words}")
        self._start.setAccessibleName(words)
