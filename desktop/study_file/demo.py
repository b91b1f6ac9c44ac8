"""The dialog of the demo: a whole small bake-off that ships with Bakeoff, on its sample tasks or on public data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QFileDialog, QWidget

from desktop.language import tr
from desktop.references.planning import REFERENCE, Offers, offers
from desktop.shell.context import Context
from desktop.study_file.dialog import StudyDialog
from desktop.widgets.basics import Button, card, column, label, row
from desktop.widgets.fields import Suggested, form, later
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.studies.spec import StudySpec


class DemoDialog(StudyDialog):
    """What can be chosen of the demo, as ``bakeoff demo`` has it, above what it would do."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        self._folder: Path | None = None
        self._full = QCheckBox(tr("All tasks and labels, 300 prompts each"))
        self._qlora = QCheckBox(tr("The base in 4 bits while training"))
        self._fresh = QCheckBox(tr("Once more, beside an earlier one"))
        self._data = label(tr("the sample tasks"), wrap=True)
        self._choose = Button(context.look, tr("Public data..."), "folder-open", does=self._ask_folder)
        self._choose.setAccessibleDescription(
            tr("A folder with banking77, snips, scitldr and nlupp as they are published")
        )
        self._samples = Button(
            context.look, tr("Sample tasks"), "arrow-counter-clockwise", does=lambda: self.take_folder(None)
        )
        self._samples.hide()
        self._judge = Suggested(tr("Which judge"))
        self._judge.setToolTip(tr("reference, ENDPOINT:MODEL such as openai:gpt-4o, or local:MODEL"))
        self._judge.setEditText(REFERENCE)
        data = row(self._data, self._samples, self._choose, gap=8)
        data.setStretch(0, 1)
        tasks = QWidget()
        tasks.setLayout(data)
        chosen = card(
            form((tr("Tasks"), tasks), (tr("Which judge"), self._judge)),
            column(self._full, self._qlora, self._fresh, gap=8),
            gap=8,
            padding=14,
        )
        workspace = context.services.workspace
        super().__init__(context, tr("The demo"), tr("The demo"), partial(_demo, workspace), parent, chosen)
        for box in (self._full, self._qlora, self._fresh):
            box.toggled.connect(self._change)
        later(self._judge.line, lambda _text: self._change())
        self._full.setFocus()
        context.services.background.run(self, lambda: offers(workspace), self._offer, context.show_problem)

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("A folder with public data"))
        if folder:
            self.take_folder(Path(folder))

    def take_folder(self, folder: Path | None) -> None:
        """Take the tasks from a folder with public data; None: the sample tasks."""
        self._folder = folder
        self._data.setText(str(folder) if folder is not None else tr("the sample tasks"))
        self._samples.setVisible(folder is not None)
        self._change()

    def _offer(self, found: Offers) -> None:
        self._judge.offer(found.judges)

    def _change(self) -> None:
        make = partial(
            _demo,
            self._context.services.workspace,
            data=self._folder,
            judge=self._judge.currentText().strip() or REFERENCE,
            full=self._full.isChecked(),
            qlora=self._qlora.isChecked(),
            fresh=self._fresh.isChecked(),
        )
        self.model.change_study(make)


def _demo(
    workspace: Workspace,
    *,
    data: Path | None = None,
    judge: str = REFERENCE,
    full: bool = False,
    qlora: bool = False,
    fresh: bool = False,
) -> StudySpec:
    from engine.studies.demo import DemoWish, demo_here

    return demo_here(workspace, DemoWish(data, judge, None, full, qlora), fresh=fresh)
