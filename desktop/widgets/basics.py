"""Labels, chips, buttons, cards and rules, and the rows and columns that they stand in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.theme.look import Look
from desktop.theme.tokens import PADDING, Tone

Role = Literal["", "h1", "h2", "title", "stat", "strong", "muted", "small", "caption", "mono", "chip", "key"]
#: A widget, a layout, a gap in pixels, or None for what stretches.
Part = QWidget | QLayout | int | None

Layout = TypeVar("Layout", bound=QBoxLayout)

_FIXED: Final = QSizePolicy.Policy.Fixed


def label(text: str, role: Role = "", tone: Tone | Literal["solid"] = "", *, wrap: bool = False) -> QLabel:
    """Words. Wrapped ones are cut by nothing; others keep their line."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("role", role)
    made.setProperty("tone", tone)
    made.setWordWrap(wrap)
    return made


def chip(text: str, tone: Tone | Literal["solid"] = "") -> QLabel:
    """A state in a word."""
    made = label(text, "chip", tone)
    made.setFixedHeight(20)
    made.setSizePolicy(_FIXED, _FIXED)
    made.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return made


def retone(widget: QWidget, **properties: str) -> None:
    """Change properties that the style sheet looks at."""
    changed = False
    for name, value in properties.items():
        if widget.property(name) != value:
            widget.setProperty(name, value)
            changed = True
    if changed:
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class IconLabel(QLabel):
    """An icon in the colour of a token; follows the scheme."""

    def __init__(self, look: Look, name: str, tone: str = "muted", pixels: int = 18) -> None:
        super().__init__()
        self._look = look
        self._name = name
        self._tone = tone
        self._pixels = pixels
        self.setSizePolicy(_FIXED, _FIXED)
        look.changed.connect(self._draw)
        self._draw()

    def change(self, name: str, tone: str) -> None:
        """Show another icon."""
        if (name, tone) != (self._name, self._tone):
            self._name, self._tone = name, tone
            self._draw()

    def _draw(self) -> None:
        ratio = self.devicePixelRatioF()
        size = QSize(self._pixels, self._pixels)
        self.setPixmap(self._look.icon(self._name, self._tone).pixmap(size, ratio))


class Button(QPushButton):
    """A button with an icon that follows the scheme.

    Args:
        kind: ``primary`` once per page, ``ghost`` for what leads elsewhere, ``danger`` for what removes.
        does: Called when it is pressed.
    """

    def __init__(
        self,
        look: Look,
        text: str,
        icon: str = "",
        kind: Literal["", "primary", "ghost", "danger"] = "",
        does: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(f" {text}" if icon and text else text)
        self._look = look
        self._icon = icon
        self._kind = kind
        self.setProperty("kind", kind)
        self.setAccessibleName(text)
        self.setSizePolicy(_FIXED, _FIXED)
        self.setIconSize(QSize(16, 16))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if does is not None:
            self.clicked.connect(lambda: does())
        if icon:
            look.changed.connect(self._draw)
            self._draw()

    def show_icon(self, name: str) -> None:
        """Show another icon."""
        self._icon = name
        self._draw()

    def _draw(self) -> None:
        tone = {"primary": "accent_text", "ghost": "accent", "danger": "bad"}.get(self._kind, "muted")
        self.setIcon(self._look.icon(self._icon, tone))


def bar(share: float = 0.0, tone: Tone = "", name: str = "") -> QProgressBar:
    """A progress bar from 0 to 1."""
    made = QProgressBar()
    made.setRange(0, 1000)
    made.setValue(round(share * 1000))
    made.setTextVisible(False)
    made.setProperty("tone", tone)
    made.setAccessibleName(name)
    return made


def rule() -> QFrame:
    """A hairline between rows."""
    made = QFrame()
    made.setProperty("role", "rule")
    made.setFixedHeight(1)
    return made


def holder(layout: QLayout) -> QWidget:
    """A widget that is nothing but a layout, without margins."""
    made = QWidget()
    layout.setContentsMargins(0, 0, 0, 0)
    made.setLayout(layout)
    return made


def row(*parts: Part, gap: int = 8, top: bool = False) -> QHBoxLayout:
    """Parts beside each other, in the middle of the row or at its top."""
    made = QHBoxLayout()
    align = Qt.AlignmentFlag.AlignTop if top else Qt.AlignmentFlag.AlignVCenter
    return _filled(made, parts, gap, align)


def column(*parts: Part, gap: int = 4) -> QVBoxLayout:
    """Parts below each other."""
    return _filled(QVBoxLayout(), parts, gap)


def stack(*parts: Part, gap: int = 2) -> QWidget:
    """Parts below each other that stay together where their row is stretched."""
    return holder(column(*parts, gap=gap))


def frame(
    role: Literal["card", "well", "note"],
    *parts: Part,
    padding: int | tuple[int, int, int, int] = PADDING,
    gap: int = 10,
    tone: Tone = "",
) -> QFrame:
    """A frame around parts below each other."""
    made = QFrame()
    made.setProperty("role", role)
    made.setProperty("tone", tone)
    layout = column(*parts, gap=gap)
    sides = (padding,) * 4 if isinstance(padding, int) else padding
    layout.setContentsMargins(*sides)
    made.setLayout(layout)
    return made


def card(*parts: Part, padding: int | tuple[int, int, int, int] = PADDING, gap: int = 10) -> QFrame:
    """A card."""
    return frame("card", *parts, padding=padding, gap=gap)


def heading(title: str, *right: Part) -> QHBoxLayout:
    """A card's title line."""
    made = row(label(title, "h2"), None, *right, gap=10)
    made.setContentsMargins(0, 0, 0, 4)
    return made


def clear(layout: QLayout) -> None:
    """Remove everything from a layout, and the widgets for good."""
    while (item := layout.takeAt(0)) is not None:
        inner, widget = item.layout(), item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            clear(inner)
            inner.deleteLater()


def _filled(
    layout: Layout,
    parts: Sequence[Part],
    gap: int,
    align: Qt.AlignmentFlag | None = None,
) -> Layout:
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(gap)
    for part in parts:
        if part is None:
            layout.addStretch(1)
        elif isinstance(part, int):
            layout.addSpacing(part)
        elif isinstance(part, QLayout):
            layout.addLayout(part)
        elif align is not None and part.sizePolicy().verticalPolicy() == _FIXED:
            # Aligned, so that the row may be higher than the part.
            layout.addWidget(part, 0, align)
        else:
            layout.addWidget(part)
    return layout
