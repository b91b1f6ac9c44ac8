"""The dialog in which files become a dataset: what they are taken for, on their first rows, and correcting it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from desktop.background import while_there
from desktop.language import filled, numeral, tr
from desktop.pages.datasets.view_model import DatasetsModel
from desktop.problem import Problem
from desktop.theme.look import Look
from desktop.widgets.basics import Button, chip, column, label, retone, row
from desktop.widgets.fields import Decimal, combo, fill, form, later, spin
from desktop.widgets.inset import inset
from desktop.widgets.segments import Segments
from desktop.widgets.table import Cell, Column, Rows, table
from desktop.words import told
from engine.datasets.columns import columns_of, likely_columns
from engine.datasets.glance import ImportPreview
from engine.datasets.options import CONTAINERS, FORMS, ImportOptions, split_named
from engine.workspace.naming import slug

#: Roles that a column can be given, in the order of the form.
_ROLES: Final = ("prompt", "completion", "system", "messages", "split")
_AUTO: Final = ""


class ImportDialog(QDialog):
    """Shows how the files will be read, lets that be corrected, and imports them.

    Args:
        files: All of one dataset.
    """

    def __init__(self, look: Look, model: DatasetsModel, files: Sequence[Path], parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._files = [
            (path, split_named(path.name.removesuffix(".gz").partition(".")[0]) or "") for path in files
        ]
        self._number = 0
        #: Whether columns were chosen by their names once; what the user empties stays empty.
        self._guessed = False
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Import examples"))
        self.resize(900, min(680, max(480, parent.window().height() - 40)))
        self._name = QLineEdit(_name_of(files))
        self._name.setAccessibleName(tr("What to call it"))
        self._which = combo(tr("Which file"), 260)
        for at, (path, _) in enumerate(self._files):
            self._which.addItem(path.name, at)
        self._which.activated.connect(lambda _at: self._look())
        self._which.setVisible(len(files) > 1)
        self._split = _choice(tr("What this file is for"), _splits())
        self._split.activated.connect(lambda _at: self._set_split())
        self._taken = chip("")
        self._problem = label("", wrap=True)
        self._notes = label("", "small", wrap=True)
        columns = [
            Column(tr("Row"), 60, right=True),
            Column(tr("Prompt"), 0),
            Column(tr("Answer"), 260),
            Column(tr("Instruction"), 200),
        ]
        self._rows = Rows(look, columns)
        shown = table(tr("The first rows, as they will be read"), self._rows, columns, row=28)
        shown.setMinimumHeight(150)
        self._format = _choice(
            tr("Format"),
            [(tr("told from the content"), _AUTO), *((name, name) for name in (*CONTAINERS, *FORMS))],
        )
        self._format.activated.connect(lambda _at: self._look())
        self._roles: dict[str, QComboBox] = {}
        for role, words in _role_words().items():
            choice = combo(words, 200)
            choice.setEditable(True)
            editor = choice.lineEdit()
            if editor is not None:
                editor.setAccessibleName(words)
                later(editor, lambda _text: self._look())
            self._roles[role] = choice
        self._system = QLineEdit(placeholderText=tr("for rows that have none"))
        self._system.setAccessibleName(tr("Instruction"))
        later(self._system, lambda _text: self._look())
        self._test, self._dev = _share(tr("Share for ranking"), 0.2), _share(tr("Share for choosing"), 0.1)
        self._seed = spin(tr("Seed"), 10_000)
        self._sealed = QCheckBox(tr("Sealed: nobody looks at it before a study validates its winner there"))
        self._go = Button(look, tr("Import"), "plus", "primary", self._import)
        self._go.setDefault(True)
        cancel = Button(look, tr("Cancel"), does=self.reject)
        self._forms = Segments(
            tr("Simple or advanced"), [("simple", tr("Simple")), ("advanced", tr("Correct it"))]
        )
        self._advanced = QWidget()
        self._advanced.setLayout(
            row(
                column(
                    form(
                        (tr("Format"), self._format),
                        *((words, self._roles[role]) for role, words in _role_words().items()),
                    ),
                    None,
                ),
                column(
                    form(
                        (tr("Instruction"), self._system),
                        (tr("For ranking"), self._test),
                        (tr("For choosing"), self._dev),
                        (tr("Seed"), self._seed),
                    ),
                    None,
                ),
                gap=24,
                top=True,
            )
        )
        self._advanced.hide()
        self._forms.choose("simple")
        self._forms.chosen.connect(lambda key: self._advanced.setVisible(key == "advanced"))
        head = row(label(tr("Name"), "muted"), self._name, self._which, self._split, gap=10)
        head.setStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(12)
        layout.addLayout(row(label(tr("Import examples"), "title"), None, self._forms))
        layout.addLayout(head)
        layout.addLayout(row(self._taken, self._problem, gap=10))
        layout.addWidget(inset(column(shown, self._notes, self._advanced, self._sealed, gap=12)), 1)
        layout.addLayout(row(None, cancel, self._go))
        self._name.setFocus()
        self._look()

    def options(self) -> ImportOptions:
        """What was chosen."""
        mapping = {role: choice.currentText().strip() for role, choice in self._roles.items()}
        return ImportOptions(
            name=self._name.text().strip(),
            format=self._format.currentData() or None,
            mapping={role: text for role, text in mapping.items() if text},
            system=self._system.text().strip() or None,
            test_share=self._test.value(),
            dev_share=self._dev.value(),
            seed=self._seed.value(),
            sealed=self._sealed.isChecked(),
        )

    def _set_split(self) -> None:
        at = self._which.currentIndex()
        self._files[at] = self._files[at][0], self._split.currentData()

    def _look(self) -> None:
        """Read the chosen file's first rows as they would be imported."""
        self._number += 1
        number = self._number
        path, split = self._files[max(0, self._which.currentIndex())]
        self._split.setCurrentIndex(self._split.findData(split))

        def done(preview: ImportPreview) -> None:
            if number == self._number:
                self._show(preview)

        def failed(problem: Problem) -> None:
            if number == self._number:
                self._rows.set_rows([])
                self._refuse(problem.message, problem.fix)

        self._model.preview(path, self.options(), while_there(self, done), while_there(self, failed))

    def _show(self, preview: ImportPreview) -> None:
        for role, choice in self._roles.items():
            typed = choice.currentText()
            names = [(one, one) for one in ("", *preview.columns)]
            fill(choice, names, typed)
            choice.setEditText(typed)
            choice.setProperty("role", role)
        self._show_taken(preview)
        self._rows.set_rows(
            [
                (
                    str(one.row),
                    (
                        numeral(one.row),
                        Cell(tr("left out: {reason}", reason=told(one.reason)), "warn")
                        if one.reason
                        else _line(one.raw or one.prompt),
                        _line(one.answer),
                        _line(one.system),
                    ),
                )
                for one in preview.rows
            ]
        )
        self._notes.setText(" ".join(map(told, preview.notes)))
        if preview.error is not None:
            message, _ = preview.error.told(tr, filled)
            self._refuse(message, tr("Choose below which column holds the prompt, and which the answer."))
            return
        self._taken.setText(f"{preview.container} · {preview.form}" if preview.form else preview.container)
        retone(self._taken, tone="info")
        good = preview.examples == preview.looked_at and preview.examples > 0
        self._problem.setText(
            tr("All of the first {count} rows can be read.", count=preview.looked_at)
            if good
            else tr(
                "{good} of the first {count} rows can be read; the others are left out.",
                good=preview.examples,
                count=preview.looked_at,
            )
        )
        self._go.setEnabled(preview.examples > 0)

    def _show_taken(self, preview: ImportPreview) -> None:
        """What each part is taken from: in the empty boxes; where that cannot be told, what its name makes likely."""
        found = columns_of(preview.form, preview.columns)
        for role, choice in self._roles.items():
            editor = choice.lineEdit()
            if editor is not None:
                editor.setPlaceholderText(found.get(role, ""))
        untouched = not any(choice.currentText() for choice in self._roles.values())
        if preview.error is not None and untouched and not self._guessed:
            self._guessed = True
            for role, column in likely_columns(preview.columns).items():
                self._roles[role].setEditText(column)

    def _refuse(self, message: str, fix: str) -> None:
        self._taken.setText(tr("cannot be read"))
        retone(self._taken, tone="bad")
        self._problem.setText(f"{message} {fix}".strip())
        self._go.setEnabled(False)
        self._forms.choose("advanced")
        self._advanced.show()

    def _import(self) -> None:
        self._go.setEnabled(False)

        def failed(problem: Problem) -> None:
            self._go.setEnabled(True)
            self._problem.setText(f"{problem.message} {problem.fix}".strip())

        self._model.import_files(
            self._files,
            self.options(),
            lambda: self.accept() if isValid(self) else None,
            while_there(self, failed, self._model.failed.emit),
        )


def _role_words() -> dict[str, str]:
    words = {
        "prompt": tr("Prompt from"),
        "completion": tr("Answer from"),
        "system": tr("Instruction from"),
        "messages": tr("Conversation from"),
        "split": tr("Split from"),
    }
    return {role: words[role] for role in _ROLES}


def _splits() -> list[tuple[str, str]]:
    return [
        (tr("split by chance"), ""),
        (tr("all for training"), "train"),
        (tr("all for choosing"), "dev"),
        (tr("all for ranking"), "test"),
    ]


def _choice(name: str, items: list[tuple[str, str]]) -> QComboBox:
    made = combo(name, 170)
    for words, value in items:
        made.addItem(words, value)
    return made


def _share(name: str, value: float) -> Decimal:
    made = Decimal(minimum=0.0, maximum=0.9, singleStep=0.05, decimals=2)
    made.setValue(value)
    made.setAccessibleName(name)
    made.setFixedWidth(120)
    return made


def _line(text: str) -> str:
    return " ".join(text[:300].split())


def _name_of(files: Sequence[Path]) -> str:
    """The file's name, or that of the folder of several."""
    if len(files) == 1:
        return slug(files[0].name.removesuffix(".gz").partition(".")[0])
    return slug(files[0].parent.name)
