"""The palette of commands (Ctrl+K): everything that can be done, found by a few letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.theme.look import Look


@dataclass(frozen=True)
class Command:
    """Something that can be done.

    Attributes:
        title: What, in the window's language.
        keys: The shortcut, for people to learn.
    """

    title: str
    icon: str
    does: Callable[[], Any]
    keys: str = ""


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """Those whose titles hold the letters in this order, the closest first."""

    def distance(title: str) -> tuple[int, int] | None:
        place, first, gaps = -1, 0, 0
        for number, letter in enumerate(typed.casefold().replace(" ", "")):
            found = title.find(letter, place + 1)
            if found < 0:
                return None
            first = found if number == 0 else first
            gaps += found - place - 1 if number else 0
            place = found
        return gaps, first

    ranked = [(distance(command.title.casefold()), command) for command in commands]
    known = [(score, number, command) for number, (score, command) in enumerate(ranked) if score is not None]
    return [command for _, _, command in sorted(known, key=lambda one: one[:2])]


class Palette(QDialog):
    """A line to type in and the commands that fit."""

    def __init__(self, look: Look, commands: Sequence[Command], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Commands"))
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.setMinimumSize(QSize(520, 380))
        self._look = look
        self._commands = commands
        self._typed = QLineEdit(placeholderText=tr("What do you want to do?"))
        self._typed.setAccessibleName(tr("Search commands"))
        self._list = QListWidget()
        self._list.setAccessibleName(tr("Commands"))
        self._list.setIconSize(QSize(16, 16))
        layout = QVBoxLayout(self)
        layout.addWidget(self._typed)
        layout.addWidget(self._list)
        self._typed.textChanged.connect(self._show)
        self._typed.returnPressed.connect(self._run)
        self._list.itemActivated.connect(self._run)
        self._typed.installEventFilter(self)
        self._show("")
        self._typed.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Arrow keys move in the list while one types."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self._list.count():
                self._list.setCurrentRow((self._list.currentRow() + step) % self._list.count())
                return True
        return super().eventFilter(watched, event)

    @Slot(str)
    def _show(self, typed: str) -> None:
        self._list.clear()
        for command in matching(self._commands, typed):
            text = f"{command.title}    {command.keys}" if command.keys else command.title
            item = QListWidgetItem(self._look.icon(command.icon), text, self._list)
            item.setData(Qt.ItemDataRole.UserRole, command)
            item.setSizeHint(QSize(0, 32))
        if not self._list.count():
            item = QListWidgetItem(tr("Nothing is called like that."), self._list)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self._list.setCurrentRow(0)

    @Slot()
    def _run(self) -> None:
        item = self._list.currentItem()
        if item is not None and item.data(Qt.ItemDataRole.UserRole) is not None:
            command: Command = item.data(Qt.ItemDataRole.UserRole)
            self.accept()
            command.does()
