"""A row of choices of which one holds."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QSizePolicy


class Segments(QFrame):
    """Choices beside each other.

    Args:
        name: For screen readers.
        choices: Key and words of each.
    """

    #: The user has chosen, by the key.
    chosen = Signal(str)

    def __init__(self, name: str, choices: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__()
        self.setProperty("role", "segments")
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(2, 2, 2, 2)
        self._layout.setSpacing(2)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        self.set_choices(choices)

    def set_choices(self, choices: Sequence[tuple[str, str]]) -> None:
        """Offer these; words that differ are changed in place, so that the keyboard stays where it is."""
        for key in [key for key in self._buttons if key not in dict(choices)]:
            button = self._buttons.pop(key)
            self._group.removeButton(button)
            self._layout.removeWidget(button)
            button.deleteLater()
        for key, words in choices:
            found = self._buttons.get(key)
            if found is None:
                found = QPushButton(words)
                found.setCheckable(True)
                found.clicked.connect(lambda _checked=False, key=key: self.chosen.emit(key))
                self._group.addButton(found)
                self._layout.addWidget(found)
                self._buttons[key] = found
            found.setText(words)
            found.setAccessibleName(words)

    @property
    def chosen_key(self) -> str:
        """Which one holds; empty for none."""
        return next((key for key, button in self._buttons.items() if button.isChecked()), "")

    def choose(self, key: str) -> None:
        """Show that one holds, without telling anybody."""
        if key in self._buttons:
            self._buttons[key].setChecked(True)
