"""Asks which columns of brought files hold question and answer, where the files do not say it themselves."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame

from desktop.language import tr
from desktop.pages.home.view_model import HomeModel, Unmapped
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.fields import combo
from engine.datasets.columns import likely_columns


class ColumnsPart(QFrame):
    """Two choices and a button; hidden while nothing is to be asked."""

    def __init__(self, look: Look, model: HomeModel) -> None:
        super().__init__()
        self._model = model
        self._shown: Unmapped | None = None
        self.setProperty("role", "note")
        self.setProperty("tone", "info")
        self._words = label("", wrap=True)
        self._prompt = combo(tr("Column with the question"), 180)
        self._completion = combo(tr("Column with the answer"), 180)
        self._use = Button(look, tr("Use these columns"), "check", "primary", self._take)
        for box in (self._prompt, self._completion):
            box.currentIndexChanged.connect(self._check)
        choices = row(
            label(tr("Question"), "muted"),
            self._prompt,
            label(tr("Answer"), "muted"),
            self._completion,
            self._use,
            None,
            gap=8,
        )
        layout = column(self._words, choices, gap=8)
        layout.setContentsMargins(14, 10, 14, 12)
        self.setLayout(layout)
        self.hide()

    def show_files(self, unmapped: Unmapped | None) -> None:
        """Ask about these files; about nothing where there are none."""
        self.setVisible(unmapped is not None)
        if unmapped is None or unmapped == self._shown:
            self._shown = unmapped
            return
        self._shown = unmapped
        names = ", ".join(file.name for file in unmapped.files)
        self._words.setText(
            tr("Which column of {names} holds the question, and which the answer?", names=names)
        )
        likely = likely_columns(unmapped.columns)
        for box, role, place in ((self._prompt, "prompt", 0), (self._completion, "completion", 1)):
            box.clear()
            box.addItems(list(unmapped.columns))
            box.setCurrentIndex(unmapped.columns.index(likely[role]) if likely else place)
        self._check()

    def _check(self) -> None:
        self._use.setEnabled(self._prompt.currentText() != self._completion.currentText())

    def _take(self) -> None:
        self._model.take_mapped(self._prompt.currentText(), self._completion.currentText())
