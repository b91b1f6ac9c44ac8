"""What a page or a card shows while there is nothing: why, and what to do next."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame

from desktop.theme.look import Look
from desktop.widgets.basics import IconLabel, Part, column, label


class Empty(QFrame):
    """An icon, a title, a sentence, and what can be done.

    Args:
        actions: Buttons below the sentence.
    """

    def __init__(self, look: Look, icon: str, title: str, sentence: str, *actions: Part) -> None:
        super().__init__()
        words = label(sentence, "muted", wrap=True)
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        words.setMaximumWidth(460)
        words.setMinimumWidth(320)
        layout = column(
            None, IconLabel(look, icon, "line", 40), 4, label(title, "title"), words, 8, *actions, None
        )
        for at in range(layout.count()):
            item = layout.itemAt(at)
            widget = item.widget() if item is not None else None
            if widget is not None:
                layout.setAlignment(widget, Qt.AlignmentFlag.AlignHCenter)
        layout.setContentsMargins(24, 40, 24, 40)
        layout.setSpacing(6)
        self.setLayout(layout)
