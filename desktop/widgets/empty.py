"""What a page or a card shows while there is nothing: why, and what to do next."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QFrame, QWidget

from desktop.theme.look import Look
from desktop.widgets.basics import IconLabel, Part, column, holder, label, row

#: Pixels of a line that is easy to read, and of the least that words need.
_WIDE: Final = 460
_NARROW: Final = 320


class Empty(QFrame):
    """An icon, a title, a sentence, and what can be done, in the middle of the room that is there.

    Args:
        actions: Buttons below the sentence.
    """

    def __init__(self, look: Look, icon: str, title: str, sentence: str, *actions: Part) -> None:
        super().__init__()
        self._words = label(sentence, "muted", wrap=True)
        head = label(title, "title", wrap=True)
        for words in (head, self._words):
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        # A wrapped label that is aligned in its layout gets the height of one line: the middle is made of stretches.
        parts = [row(None, action, None) if isinstance(action, QWidget) else action for action in actions]
        for part in parts:
            if isinstance(part, QBoxLayout) and part.direction() == QBoxLayout.Direction.LeftToRight:
                part.insertStretch(0)
                part.addStretch()
        mark = row(None, IconLabel(look, icon, "line", 40), None)
        middle = holder(column(mark, 4, head, self._words, 8, *parts, gap=6))
        middle.setMinimumWidth(_NARROW)
        middle.setMaximumWidth(_WIDE)
        across = row(None, middle, None)
        across.setStretch(1, 1_000)
        layout = column(None, across, None)
        layout.setContentsMargins(24, 40, 24, 40)
        self.setLayout(layout)

    def say(self, sentence: str) -> None:
        """Tell another reason."""
        self._words.setText(sentence)
