"""Parts beside each other, and below each other where they do not fit."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget

from desktop.theme.tokens import GAP

_UNLIMITED: Final = 16_777_215
_DIRECTION: Final = QBoxLayout.Direction


class Folding(QWidget):
    """Stands its parts beside each other while all fit, else below each other, each as wide as there is room.

    Args:
        parts: From left to right. One whose width is fixed keeps it beside others only.
        stretches: Shares of the room that is left, in both directions.
        gap: Between two parts, in pixels.
    """

    def __init__(self, *parts: QWidget, stretches: tuple[int, ...] = (1,), gap: int = GAP) -> None:
        super().__init__()
        self._parts = parts
        self._most = [part.maximumWidth() for part in parts]
        self._box = QBoxLayout(_DIRECTION.LeftToRight, self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(gap)
        for at, part in enumerate(parts):
            self._box.addWidget(part, stretches[at] if at < len(stretches) else 0)

    @property
    def folded(self) -> bool:
        """Whether the parts stand below each other."""
        return self._box.direction() == _DIRECTION.TopToBottom

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """See Qt: as wide as the widest part."""
        return QSize(max(self._widths(), default=0), self._box.minimumSize().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """See Qt."""
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        """See Qt: a part may need more room than before."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._arrange()
        return super().event(event)

    def _arrange(self) -> None:
        widths = self._widths()
        fold = sum(widths) + self._box.spacing() * (len(widths) - 1) > self.width()
        if fold == self.folded:
            return
        for part, most in zip(self._parts, self._most, strict=True):
            part.setMaximumWidth(_UNLIMITED if fold else most)
        self._box.setDirection(_DIRECTION.TopToBottom if fold else _DIRECTION.LeftToRight)

    def _widths(self) -> list[int]:
        """What each visible part needs at least."""
        shown = [part for part in self._parts if not part.isHidden()]
        return [max(part.minimumSizeHint().width(), part.minimumWidth()) for part in shown]
