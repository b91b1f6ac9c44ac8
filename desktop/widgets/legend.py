"""What the colours of a picture mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF

from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from desktop.widgets.canvas import Canvas, Pen, text_width


class Legend(Canvas):
    """A dot and a word per colour.

    Args:
        entries: Colour and word of each, in the colours of a scheme.
    """

    def __init__(self, look: Look, entries: Callable[[Tokens], Sequence[tuple[str, str]]]) -> None:
        super().__init__(look)
        self._entries = entries
        shown = entries(look.tokens)
        self.setFixedSize(round(sum(text_width(word) + 34 for _, word in shown)), 20)
        self.setAccessibleName(", ".join(word for _, word in shown))

    def paint(self, pen: Pen, width: float, height: float) -> None:
        """See `Canvas`."""
        left = 0.0
        for colour, word in self._entries(pen.tokens):
            wide = text_width(word)
            pen.dot(QPointF(left + 5, height / 2), 4, colour)
            pen.text(QRectF(left + 16, 0, wide + 2, height), word, pen.tokens.muted)
            left += wide + 34
