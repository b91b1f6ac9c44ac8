"""The part of the Settings page about Bakeoff itself: this machine, the diagnostics, the licences."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import qVersion
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.pages.settings.part import Part
from desktop.pages.settings.state import SettingsState
from desktop.pages.settings.view_model import SettingsModel
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, IconLabel, card, clear, column, heading, label, row
from desktop.widgets.folding import Folding
from desktop.widgets.table import Column, Rows, table

#: Pixels that packages and their licences need, and the text of one.
_TABLE: Final = 400
_TEXT: Final = 480


class AboutPart(Part):
    """This machine, the diagnostics, and everything that Bakeoff is made with."""

    def __init__(self, context: Context, model: SettingsModel) -> None:
        super().__init__()
        self._context = context
        self._model = model
        self._able: tuple[tuple[bool, str], ...] = ()
        look = context.look
        self._machine = QVBoxLayout()
        self._machine.setSpacing(6)
        self._about = label("", "muted", wrap=True)
        self._rows = Rows(look, _columns())
        self._table = table(tr("Licences"), self._rows, _columns(), flat=True, row=28)
        self._table.setMinimumHeight(330)
        self._table.selectionModel().currentRowChanged.connect(lambda *_: self._read())
        self._whose = label(tr("Choose a package to read its licence."), "strong", wrap=True)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setProperty("role", "code")
        self._text.setAccessibleName(tr("Text of the licence"))
        self._text.setMinimumHeight(300)
        machine = card(heading(tr("This machine")), self._machine)
        diagnostics = card(
            heading(
                tr("Diagnostics"),
                Button(look, tr("Save the diagnostics"), "floppy-disk", does=self.ask_diagnostics),
            ),
            label(
                tr(
                    "A file to send along with a report: versions, this machine, the last jobs and the ends of their "
                    "logs. It holds no dataset, answer, verdict, weights or key; your name and folders are replaced."
                ),
                "muted",
                wrap=True,
            ),
        )
        texts = QWidget()
        texts.setLayout(column(self._whose, self._text, gap=8))
        # Beside each other while both can be read; a licence's lines have 80 letters.
        self._table.setMinimumWidth(_TABLE)
        texts.setMinimumWidth(_TEXT)
        beside = Folding(self._table, texts, stretches=(4, 6))
        about = card(heading(tr("About and licences")), self._about, beside)
        both = self.put(column(machine, None), column(diagnostics, None), (1, 1))
        self.setLayout(column(both, about, gap=GAP))
        model.licence_read.connect(self._show_text)

    def show_state(self, state: SettingsState) -> None:
        """Show what was read."""
        if state.able != self._able:
            self._able = state.able
            clear(self._machine)
            for can, sentence in state.able:
                icon, tone = ("check-circle", "good") if can else ("x-circle", "warn")
                mark = IconLabel(self._context.look, icon, tone, 16)
                mark.setAccessibleName(tr("can") if can else tr("cannot"))
                line = row(mark, label(sentence, wrap=True), gap=8, top=True)
                line.setStretch(1, 1)
                self._machine.addLayout(line)
        self._about.setText(
            tr(
                "Bakeoff {version}, under the Apache License 2.0. The window is made with Qt {qt} (PySide6), which "
                "is under the LGPL 3: it is used as a library, and you may replace it by your own.",
                version=state.version,
                qt=qVersion(),
            )
        )
        unnamed = tr("see its text")
        self._rows.set_rows(
            [(one.name, (one.name, one.version, one.licence or unnamed)) for one in state.licences]
        )

    def ask_diagnostics(self) -> None:
        """Ask where the diagnostics go."""
        file, _ = QFileDialog.getSaveFileName(
            self, tr("Save the diagnostics"), "bakeoff-diagnostics.zip", "*.zip"
        )
        if file:
            self._model.write_diagnostics(Path(file))

    def _read(self) -> None:
        at = self._table.currentIndex().row()
        if at >= 0:
            self._model.read_licence(self._rows.key(at))

    def _show_text(self, name: str, text: str) -> None:
        self._whose.setText(tr("Licence of {name}", name=name))
        self._text.setPlainText(text or tr("This package carries no text of its licence."))


def _columns() -> list[Column]:
    return [Column(tr("Package"), 150), Column(tr("Version"), 90), Column(tr("Licence"), 0)]
