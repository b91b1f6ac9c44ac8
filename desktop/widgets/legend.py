"""What the colours of a picture mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from PySide6.QtCore import QPointF, QRectF

from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from desktop.widgets.canvas import Canvas, Pen, text_width

#: Pixels for the dot of a word and the room after it.
_BESIDE: Final = 34


class Legend(Canvas):
    """A dot and a word per colour.

    Args:
        entries: Colour and word of each, in the colours of a scheme.
        most: Pixels of each; of longer words the middle is left out.
    """

    def __init__(
        self, look: Look, entries: Callable[[Tokens], Sequence[tuple[str, str]]], most: float = inf
    ) -> None:
        super().__init__(look)
        self._entries = entries
        self._most = most - _BESIDE
        shown = entries(look.tokens)
        self.setFixedSize(round(sum(self._wide(word) + _BESIDE for _, word in shown)), 20)
        self.setAccessibleName(", ".join(word for _, word in shown))
        if any(self._wide(word) < text_width(word) for _, word in shown):
            self.setToolTip("\n".join(word for _, word in shown))

    def paint(self, pen: Pen, width: float, height: float) -> None:
        """See `Canvas`."""
        left = 0.0
        for colour, word in self._entries(pen.tokens):
            wide = self._wide(word)
            pen.dot(QPointF(left + 5, height / 2), 4, colour)
            pen.text(QRectF(left + 16, 0, wide + 2, height), word, pen.tokens.muted)
            left += wide + _BESIDE

    def _wide(self, word: str) -> float:
        return min(self._most, text_width(word))
