"""Draws every page of a workspace into a file, as it looks on a screen: for the guide, and for whoever compares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop

from desktop.shell.pages import PAGES
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.workspace import Workspace

#: Seconds that a page may take to read what it shows.
_PATIENCE: Final = 30.0


def draw_pages(
    workspace: Workspace,
    look: Look,
    folder: Path,
    size: tuple[int, int],
    pose: Callable[[MainWindow, str], None] | None = None,
) -> int:
    """Write ``<page>.png`` for each page.

    Args:
        workspace: What is shown.
        look: How.
        folder: Where the pictures go.
        size: Of the window, in points.
        pose: Does something on a page, named by its key, before it is drawn.

    Returns:
        The exit status.
    """
    folder.mkdir(parents=True, exist_ok=True)
    window = MainWindow(workspace, look)
    window.resize(*size)
    window.show()
    status = 0
    for entry in PAGES:
        window.go(entry.key)
        settle(window)
        if pose is not None:
            pose(window, entry.key)
            settle(window)
        image = window.grab()
        if not image.save(str(folder / f"{entry.key}.png")):
            print(f"The picture {folder / entry.key}.png cannot be written.", file=sys.stderr)
            status = 1
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete.value)
    return status


def settle(window: MainWindow) -> None:
    """Let the page read what it shows, and lay itself out."""
    deadline = time.monotonic() + _PATIENCE
    calm = 0
    while calm < 3 and time.monotonic() < deadline:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        page = window.page
        busy = window.services.background.busy or page.busy or not page.model.loaded
        calm = 0 if busy else calm + 1
        time.sleep(0.002)  # what reads in the background needs the interpreter, too
    window.setFocus()
    QCoreApplication.processEvents()
