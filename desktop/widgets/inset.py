"""Room that scrolls within a card."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLayout, QScrollArea, QWidget


def inset(content: QLayout, name: str = "") -> QScrollArea:
    """A part of a card that scrolls where its content is higher than it; it has no ground of its own.

    Args:
        content: What is in it.
        name: For screen readers, of a part that the keyboard scrolls; without one, it takes no focus.
    """
    inside = QWidget()
    inside.setObjectName("inset")
    inside.setLayout(content)
    made = QScrollArea()
    made.setProperty("inset", "true")
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.setWidgetResizable(True)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setAccessibleName(name)
    if not name:
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setWidget(inside)
    return made
