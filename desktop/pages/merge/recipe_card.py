"""The recipe as text; what is wrong with it is told at its line."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtGui import QColor, QGuiApplication, QTextCursor, QTextFormat
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit

from desktop.language import tr
from desktop.pages.merge.view_model import MergeModel
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, heading, label, retone

#: Milliseconds after the last key before the text is read.
_TYPED: Final = 400


class RecipeCard(QFrame):
    """A small editor of the recipe."""

    #: Something was typed that was not read yet.
    typed = Signal()
    #: What was typed was read.
    read = Signal()

    def __init__(self, look: Look, model: MergeModel) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._look = look
        self._model = model
        self._text = QPlainTextEdit()
        self._text.setProperty("role", "code")
        self._text.setAccessibleName(tr("The recipe as YAML"))
        self._text.setTabChangesFocus(True)
        self._text.setMinimumSize(220, 180)
        self._fault = label("", "small", "bad", wrap=True)
        self._line = 0
        self._timer = QTimer(self, singleShot=True, interval=_TYPED)
        self._timer.timeout.connect(self._take)
        self._text.textChanged.connect(self._note)
        look.changed.connect(self._mark)
        copy = Button(look, tr("Copy"), "copy", "ghost", self._copy)
        layout = column(heading(tr("Recipe"), copy), self._text, self._fault, gap=8)
        layout.setStretch(1, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    @property
    def waiting(self) -> bool:
        """Whether something was typed that was not read yet."""
        return self._timer.isActive()

    def show_text(self, text: str, fault: str, line: int) -> None:
        """Show the text, unless it is what is being typed, and what is wrong with which line (0: with none)."""
        if self.waiting:
            return
        self._fault.setText(fault)
        self._fault.setVisible(bool(fault))
        self._text.setAccessibleDescription(fault)
        retone(self._text, state="bad" if fault else "")
        if self._text.toPlainText() != text:
            with QSignalBlocker(self._text):
                self._text.setPlainText(text)
        self._line = line
        self._mark()

    def _note(self) -> None:
        self._timer.start()
        self.typed.emit()

    def _take(self) -> None:
        self._model.use_text(self._text.toPlainText())
        self.read.emit()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text.toPlainText())

    def _mark(self) -> None:
        """Colour the line that is to blame."""
        block = self._text.document().findBlockByNumber(self._line - 1) if self._line else None
        if block is None or not block.isValid():
            self._text.setExtraSelections([])
            return
        mark = QTextEdit.ExtraSelection()
        mark.cursor = QTextCursor(block)
        mark.format.setBackground(QColor(self._look.tokens.bad_soft))
        mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
        self._text.setExtraSelections([mark])
