"""Where files are dropped or chosen: by mouse from the file manager, by keyboard through a dialog."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QWidget

from desktop.language import tr
from desktop.theme.look import Look
from desktop.widgets.basics import Button, IconLabel, holder, label, retone, row, stack
from desktop.widgets.elided import Elided
from desktop.widgets.folding import Folding

#: Pixels that the words have at least beside the buttons.
_WORDS: Final = 240


class DropZone(QFrame):
    """A dashed frame that takes files.

    Args:
        title: What to drop here.
        about: What is taken.
        filters: Of the dialog, as Qt wants them.
        actions: Buttons before the one that opens the dialog.
        padding: Above and below.
    """

    #: Files were dropped or chosen; carries their paths, of which some may be folders or of no use.
    chosen = Signal(list)

    def __init__(
        self, look: Look, title: str, about: str, filters: str, *actions: QWidget, padding: int = 24
    ) -> None:
        super().__init__()
        self._filters = filters
        self.setProperty("role", "drop")
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(title)
        self.setAccessibleDescription(about)
        self._asks = title
        self._title = Elided(title, "title")
        self._about = label(about, "muted", wrap=True)
        self._browse = Button(look, tr("Browse..."), "folder-open", does=self.browse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(28, padding, 28, padding)
        layout.setSpacing(18)
        layout.addWidget(IconLabel(look, "file-arrow-down", "accent", 36))
        words = stack(self._title, self._about, gap=4)
        words.setMinimumWidth(_WORDS)
        buttons = holder(row(*actions, self._browse, None, gap=18))
        layout.addWidget(Folding(words, buttons, gap=8), 1)

    def say(self, title: str, about: str) -> None:
        """Say something else, for example what was dropped."""
        self._title.setText(title)
        self._about.setText(about)
        self.setAccessibleName(title)
        self.setAccessibleDescription(about)

    def browse(self) -> None:
        """Let the user choose files in a dialog."""
        dialog = QFileDialog(self, self._asks)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilter(self._filters)
        dialog.filesSelected.connect(self._take)
        dialog.open()

    @Slot(list)
    def _take(self, files: list[str]) -> None:
        self.chosen.emit([Path(file) for file in files])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """The space bar and Return open the dialog."""
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.browse()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Files are welcome."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            retone(self, state="hot")

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        """Still."""
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """They were taken away again."""
        retone(self, state="")
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Take them."""
        retone(self, state="")
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.chosen.emit(files)
