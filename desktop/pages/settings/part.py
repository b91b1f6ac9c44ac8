"""What the parts of the Settings page have in common: two columns of cards, below each other where it is narrow."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QLayout, QWidget

from desktop.theme.tokens import GAP


class Part(QWidget):
    """A part of the page."""

    def __init__(self) -> None:
        super().__init__()
        self._both: QBoxLayout | None = None

    def put(self, left: QLayout, right: QLayout, shares: tuple[int, int]) -> QBoxLayout:
        """Lay out two columns, with their shares of the width.

        Returns:
            Their layout, to be set by the caller.
        """
        both = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(GAP)
        for layout, share in ((left, shares[0]), (right, shares[1])):
            both.addLayout(layout, share)
        self._both = both
        return both

    def arrange(self, *, narrow: bool) -> None:
        """Put the columns beside or below each other."""
        wanted = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if self._both is not None and self._both.direction() != wanted:
            self._both.setDirection(wanted)
