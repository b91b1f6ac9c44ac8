"""The widgets of the Train page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Slot

from desktop.language import tr
from desktop.pages.train.recipe_card import RecipeCard
from desktop.pages.train.run_card import RunCard
from desktop.pages.train.view_model import TrainModel
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.widgets.basics import Button, row
from desktop.widgets.empty import Empty
from desktop.widgets.folding import Folding
from desktop.widgets.page import Page

_FORM = 336


def build(context: Context) -> Page:
    """Make the page."""
    return TrainPage(context, TrainModel(context.services))


class TrainPage(Page):
    """The course of the runs at the left, the form of the next one at the right."""

    model: TrainModel

    def __init__(self, context: Context, model: TrainModel) -> None:
        about = tr("Fine-tune a base on your examples, and watch it learn.")
        super().__init__(context, model, tr("Train"), about)
        look = context.look
        self._form = RecipeCard(look, model)
        self._form.setFixedWidth(_FORM)
        self._form.replaced.connect(self._offer_typed)
        self._run = RunCard(look, model)
        self._content = Folding(self._run, self._form)
        self._empty = Empty(
            look,
            "chart-line",
            tr("Nothing to train yet"),
            tr("Training takes a base model and a dataset. Add both, then come back."),
            row(
                Button(look, tr("Add a base"), "cube", does=lambda: context.go("models", None)),
                Button(
                    look, tr("Add a dataset"), "database", "primary", lambda: context.go("datasets", None)
                ),
                gap=8,
            ),
        )
        self.body.addWidget(self._empty, 1)
        self.body.addWidget(self._content, 1)
        self._content.hide()

    @Slot(object)
    def _offer_typed(self, typed: Mapping[str, str]) -> None:
        self.context.offer_undo(
            tr("The settings that were typed are replaced."), lambda: self._form.fill(typed)
        )

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        useful = bool(state.bases and state.datasets) or bool(state.runs)
        self._empty.setVisible(not useful)
        self._content.setVisible(useful)
        self._form.show_state(state)
        self._run.show_state(state)

    def open(self, target: Any) -> None:
        """Show a run (its job's id), or pick what to train: ``{"base": ..., "dataset": ...}``."""
        if isinstance(target, dict):
            self._form.choose(target.get("base", ""), target.get("dataset", ""))
        elif isinstance(target, str):
            self.model.choose((target,))

    @property
    def busy(self) -> bool:
        """See `Page`."""
        return self.model.draft.state == "asking"

    def commands(self) -> list[Command]:
        """See `Page`."""
        return [
            Command(tr("Open the settings of a training from a file"), "file-text", self._form.ask_open),
            Command(tr("Save the settings of a training in a file"), "floppy-disk", self._form.ask_save),
        ]
