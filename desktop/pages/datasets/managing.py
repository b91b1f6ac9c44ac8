"""What is done with a dataset as a whole: its export, its name, its removal, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu, QWidget

from desktop.language import tr
from desktop.pages.datasets.view_model import DatasetRow, DatasetsModel
from desktop.shell.context import Context
from engine.datasets.managing import RemovedDataset
from engine.datasets.options import Split


class ManageMenu(QMenu):
    """The menu of the dataset that is shown.

    Args:
        looked_at: Tells which part of it is looked at, and its words; None for all of it.
        go_to: Shows a row of the file.
        parent: The page; its keys work wherever the keyboard is while it is shown.
    """

    def __init__(
        self,
        context: Context,
        model: DatasetsModel,
        looked_at: Callable[[], tuple[Split | None, str]],
        go_to: Callable[[int], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._model = model
        self._looked_at = looked_at
        self._go_to = go_to
        shortcut = QShortcut(QKeySequence("Ctrl+G"), parent)
        shortcut.activated.connect(self.ask_row)
        keys = shortcut.key().toString(QKeySequence.SequenceFormat.NativeText)
        self._study = self.addAction(tr("Start a study with it"), self._start_study)
        self._row = self.addAction(f"{tr('Go to row...')}\t{keys}", self.ask_row)
        self.addAction(tr("Export..."), self._ask_export)
        self.addAction(tr("Rename..."), self._ask_name)
        self.addSeparator()
        self.addAction(tr("Remove"), self._remove)
        model.removed.connect(self._offer_undo)

    def show_dataset(self, shown: DatasetRow) -> None:
        """Offer what can be done with this one; nobody looks into a sealed one."""
        for action in (self._study, self._row):
            action.setEnabled(not shown.closed)

    def ask_row(self) -> None:
        """Ask which row of the file is to be shown."""
        shown = self._model.state.shown
        if shown is not None and not shown.closed:
            title, words = tr("Go to row"), tr("Row of the file, from 1")
            row, accepted = QInputDialog.getInt(self.parentWidget(), title, words, 1, 1, 2**31 - 1)
            if accepted:
                self._go_to(row)

    def _start_study(self) -> None:
        shown = self._model.state.shown
        if shown is not None:
            self._context.go("home", shown.name)

    def _ask_export(self) -> None:
        shown = self._model.state.shown
        if shown is not None:
            split, part = self._looked_at()
            name, words = shown.name, tr("Export {name}", name=shown.name)
            if split:  # what is looked at is what is exported
                name, words = f"{name}-{split}", f"{words} ({part})"
            file, _ = QFileDialog.getSaveFileName(
                self.parentWidget(), words, f"{name}.jsonl", "*.jsonl *.csv *.parquet"
            )
            if file:
                self._model.export(shown.name, Path(file), split)

    def _ask_name(self) -> None:
        shown = self._model.state.shown
        if shown is not None:
            name, accepted = QInputDialog.getText(
                self.parentWidget(), tr("Rename {name}", name=shown.name), tr("New name"), text=shown.name
            )
            if accepted and name.strip() and name.strip() != shown.name:
                self._model.rename(shown.name, name.strip())

    def _remove(self) -> None:
        shown = self._model.state.shown
        if shown is not None:
            self._model.remove(shown.name)

    @Slot(object)
    def _offer_undo(self, removed: RemovedDataset) -> None:
        sentence = tr(
            "{name} lies in the trash, with {answers} sets of answers and {verdicts} verdicts.",
            name=removed.name,
            answers=removed.answers,
            verdicts=removed.verdicts,
        )
        self._context.offer_undo(sentence, lambda: self._model.restore(removed))
