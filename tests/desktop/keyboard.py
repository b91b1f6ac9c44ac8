"""What a user does with a dialog who has no mouse, and what stands in it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QFileDialog, QLabel, QLineEdit, QWidget

from tests.desktop.conftest import Until

#: Controls of a dialog, at most.
_MANY = 60


def name_of(widget: QWidget | None) -> str:
    """What a control is called by a screen reader."""
    if widget is None:
        return ""
    return widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")


def bring_forward(dialog: QWidget, until: Until) -> None:
    """Wait until keys go to a dialog."""
    dialog.activateWindow()
    until(dialog.isActiveWindow)


def tab_to(dialog: QWidget, name: str) -> QWidget:
    """Press Tab until a control has the keyboard."""
    passed = []
    for _ in range(_MANY):
        here = dialog.focusWidget()
        if here is not None and name_of(here) == name:
            return here
        passed.append(name_of(here))
        QTest.keyClick(here if here is not None else dialog, Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not lead to '{name}', only to {sorted(set(passed))}")


def press(dialog: QWidget, name: str) -> None:
    """Go to a button and press it."""
    button = tab_to(dialog, name)
    assert isinstance(button, QAbstractButton)
    assert button.isEnabled()
    QTest.keyClick(button, Qt.Key.Key_Space)


def write(dialog: QWidget, name: str, text: str) -> None:
    """Go to a field and type over what stands there."""
    field = tab_to(dialog, name)
    line = field.lineEdit() if isinstance(field, QComboBox) else field
    assert isinstance(line, QLineEdit)
    line.selectAll()
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClicks(field, text)


def texts(widget: QWidget) -> str:
    """All words that can be seen."""
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def save_as(page: QWidget, file: Path, until: Until) -> None:
    """Type a file's name into the dialog that asks where to save, and press Return."""
    until(lambda: any(one.isVisible() for one in page.findChildren(QFileDialog)))
    (dialog,) = (one for one in page.findChildren(QFileDialog) if one.isVisible())
    line = dialog.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    line.setText(str(file))
    QTest.keyClick(line, Qt.Key.Key_Return)
