"""Asking where a file goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget


def ask_where_to_save(
    parent: QWidget, title: str, proposal: str, ending: str, take: Callable[[Path], None]
) -> None:
    """Ask for a file; one that is there already is replaced only if that is confirmed.

    Args:
        parent: Behind the dialog.
        title: Of the dialog.
        proposal: Name of the file.
        ending: Of its name, without the dot; what is typed without an ending gets it before it is looked for.
        take: Gets the file.
    """
    dialog = QFileDialog(parent, title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilter(f"*.{ending}")
    dialog.setDefaultSuffix(ending)
    dialog.selectFile(proposal)
    dialog.fileSelected.connect(lambda file: take(Path(file)))
    dialog.open()
