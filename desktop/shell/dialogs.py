"""Dialogs that everybody uses: a failure in words, and a question before something is done."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.problem import Problem
from desktop.theme.look import Look
from desktop.widgets.basics import Button, IconLabel, column, label, row


def show_problem(look: Look, problem: Problem, parent: QWidget | None) -> QDialog:
    """Tell of a failure: title, what happened, what to do. Does not wait."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(problem.title)
    message = label(problem.message, wrap=True)
    message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    words = column(label(problem.title, "title"), message, gap=8)
    if problem.fix:
        words.addWidget(label(problem.fix, "muted", wrap=True))
    close = Button(look, tr("Close"), kind="primary", does=dialog.accept)
    close.setDefault(True)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(24, 20, 24, 18)
    layout.setSpacing(16)
    inner = row(IconLabel(look, "warning-circle", "bad", 28), words, gap=16, top=True)
    inner.setStretch(1, 1)
    layout.addLayout(inner)
    layout.addLayout(row(None, close))
    dialog.setMinimumWidth(460)
    dialog.open()
    return dialog


def ask(
    look: Look, title: str, sentence: str, action: str, does: Callable[[], None], parent: QWidget
) -> QDialog:
    """Ask before something is done that costs or removes; does not wait.

    Args:
        action: The word on the button that does it.
        does: Called when that is pressed.
    """
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(24, 20, 24, 18)
    layout.setSpacing(16)
    layout.addLayout(column(label(title, "title"), label(sentence, "muted", wrap=True), gap=8))
    cancel = Button(look, tr("Cancel"), does=dialog.reject)
    go = Button(look, action, kind="primary", does=dialog.accept)
    layout.addLayout(row(None, cancel, go))
    dialog.accepted.connect(does)
    cancel.setFocus()
    dialog.setMinimumWidth(420)
    dialog.open()
    return dialog
