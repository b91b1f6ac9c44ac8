"""Draws every page of a workspace into a file, as it looks on a screen: for the guide, and for whoever compares."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, QEventLoop

from desktop.shell.pages import PAGES
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.workspace import Workspace

#: Seconds that a page may take to read what it shows.
_PATIENCE: Final = 30.0


def draw_pages(workspace: Workspace, look: Look, folder: Path, size: tuple[int, int]) -> int:
    """Write ``<page>.png`` for each page; returns the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    window = MainWindow(workspace, look)
    window.resize(*size)
    window.show()
    status = 0
    for entry in PAGES:
        window.go(entry.key)
        _settle(window)
        image = window.grab()
        if not image.save(str(folder / f"{entry.key}.png")):
            print(f"The picture {folder / entry.key}.png cannot be written.", file=sys.stderr)
            status = 1
    window.close()
    return status


def _settle(window: MainWindow) -> None:
    """Let the page read what it shows, and lay itself out."""
    deadline = time.monotonic() + _PATIENCE
    calm = 0
    while calm < 3 and time.monotonic() < deadline:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        page = window.page
        busy = window.services.background.busy or page.busy or not page.model.loaded
        calm = 0 if busy else calm + 1
        time.sleep(0.002)  # leaves the processor to what reads
    window.setFocus()
    QCoreApplication.processEvents()
