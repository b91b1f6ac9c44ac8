"""Fields of forms: numbers with a word for none, lines that tell a moment after the last key, names at the left."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QPaintEvent, QValidator
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

from desktop.language import numeral
from desktop.widgets.basics import column, label, row

#: What may be typed into a field of a number with a fraction, and what may yet become such a number.
_DECIMAL: Final = re.compile(r"-?(\d+\.?\d*|\.\d+)")
_UNFINISHED: Final = re.compile(r"-?\.?")
#: Pixels for the names of fields, and for a field that is not as wide as it can be.
_NAMES: Final = 150
_FIELD: Final = 170
#: Milliseconds after the last key before what is typed is told.
_TYPED: Final = 300


def spin(name: str, most: int, nothing: str = "", *, least: int = 0, value: int = 0) -> QSpinBox:
    """A whole number; ``nothing`` is what the least one is called."""
    made = QSpinBox(minimum=least, maximum=most, value=value)
    made.setAccessibleName(name)
    made.setSpecialValueText(nothing)
    made.setFixedWidth(_FIELD)
    return made


def line(name: str, nothing: str) -> QLineEdit:
    """A short line; ``nothing`` is what it says while it is empty."""
    made = QLineEdit(placeholderText=nothing)
    made.setAccessibleName(name)
    made.setFixedWidth(_FIELD)
    return made


class Decimal(QDoubleSpinBox):
    """A number with a fraction, which is shown with the language's mark and read with either.

    It groups no thousands: Qt's own takes the other language's mark for such a group, so that 2.50 typed in German
    would be 250.
    """

    def textFromValue(self, value: float) -> str:  # noqa: N802
        """See Qt."""
        return numeral(value, f".{self.decimals()}f")

    def valueFromText(self, text: str) -> float:  # noqa: N802
        """See Qt."""
        return round(float(self._bare(text)), self.decimals())

    def validate(self, text: str, place: int) -> tuple[QValidator.State, str, int]:
        """See Qt."""
        bare = self._bare(text)
        if _UNFINISHED.fullmatch(bare):
            return QValidator.State.Intermediate, text, place
        if not _DECIMAL.fullmatch(bare) or float(bare) > self.maximum():
            return QValidator.State.Invalid, text, place
        low = float(bare) < self.minimum()
        return QValidator.State.Intermediate if low else QValidator.State.Acceptable, text, place

    def _bare(self, text: str) -> str:
        return text.removesuffix(self.suffix()).strip().replace(",", ".")


class Choice(QComboBox):
    """A choice of words that has a name; words that have no room end in dots.

    On Linux Qt tells screen readers what is chosen in place of the accessible name; there a name comes from a label,
    which need not be seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self._name = QLabel(self)
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._name.setBuddy(self)
        self._name.hide()

    def setAccessibleName(self, name: str) -> None:  # noqa: N802
        """Name it."""
        super().setAccessibleName(name)
        self._name.setText(name)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:  # noqa: N802
        """See Qt; whoever paints the words gets as many as there is room for."""
        super().initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self).width()
        words = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideMiddle, room)
        option.currentText = words

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """See Qt."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def combo(name: str, width: int) -> QComboBox:
    """A choice of words, as wide as its place and at least ``width``."""
    made = Choice()
    made.setAccessibleName(name)
    made.setMinimumWidth(width)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return made


def fill(shown: QComboBox, items: list[tuple[str, str]], chosen: str) -> None:
    """Offer these, words and value of each; where they are the same, they stay as they are."""
    with QSignalBlocker(shown):
        if [(shown.itemText(at), shown.itemData(at)) for at in range(shown.count())] != items:
            shown.clear()
            for words, value in items:
                shown.addItem(words, value)
        shown.setCurrentIndex(shown.findData(chosen))


class Suggested(Choice):
    """A line to type in, with names below it to take instead.

    Args:
        name: For screen readers.
        hint: What it says while it is empty.
    """

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__()
        self.line = QLineEdit(placeholderText=hint)
        self.line.setAccessibleName(name)
        self.setLineEdit(self.line)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setAccessibleName(name)

    def offer(self, names: Sequence[str]) -> None:
        """Offer names; what is typed stays."""
        if [self.itemText(at) for at in range(self.count())] == list(names):
            return
        typed = self.line.text()
        with QSignalBlocker(self), QSignalBlocker(self.line):
            self.clear()
            self.addItems(list(names))
            self.setCurrentIndex(self.findText(typed))
            self.setEditText(typed)


def later(typed: QLineEdit, does: Callable[[str], None]) -> None:
    """Tell what is typed, a moment after the last key."""
    timer = QTimer(typed, singleShot=True, interval=_TYPED)
    typed.textChanged.connect(lambda _text: timer.start())
    timer.timeout.connect(lambda: does(typed.text()))


def form(*lines: tuple[str, QWidget], names: int = _NAMES) -> QVBoxLayout:
    """Fields below each other, their names at the left, with so many pixels for these."""
    made = column(gap=8)
    for words, widget in lines:
        name = label(words, "muted")
        name.setFixedWidth(names)
        name.setAlignment(Qt.AlignmentFlag.AlignTop)
        name.setContentsMargins(0, 7, 0, 0)
        beside = row(name, widget, gap=12)
        narrow = widget.maximumWidth() < 2 * _FIELD
        if narrow or widget.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Fixed:
            beside.addStretch(1)
        made.addLayout(beside)
    return made
