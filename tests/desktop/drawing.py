"""Draws a sample workspace: ``python -m tests.desktop.drawing WORKSPACE DIR --scale 2`` writes DIR/light@2x/*.png.

As `bakeoff-desktop --shots` does, by the same function; in one process for both themes, with clock and machine held
still, and with the pages that begin with a question already answered.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QApplication

from desktop.language import use_language
from desktop.pages.chat.opening import Asked
from desktop.pages.chat.page import ChatPage
from desktop.pages.compare.page import ComparePage
from desktop.pages.models.page import ModelsPage
from desktop.pages.settings.page import SettingsPage
from desktop.pages.study.page import StudyPage
from desktop.pages.vote.page import VotePage
from desktop.shell.shots import draw_pages
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from desktop.widgets.page import Page
from engine.workspace import open_workspace
from tests.desktop.still import still
from tests.sample.names import MERGES, STUDY, TASKS
from tests.sample.talk import TALK

#: Of the window in points, at each scale: as it opens, and as small as it is meant to be used.
SIZES: Final = {1: "1360x860", 2: "1000x640"}
THEMES: Final = ("light", "dark")


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw, and exit with the status."""
    parser = argparse.ArgumentParser(prog="tests.desktop.drawing", description="Draw a sample workspace.")
    parser.add_argument("workspace", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=int, choices=(1, 2), default=1)
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--size", help="of the window in points, such as 1000x640")
    parser.add_argument("--language", default="en")
    options = parser.parse_args(arguments)
    os.environ["QT_SCALE_FACTOR"] = str(options.scale)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    wide, high = map(int, (options.size or SIZES[options.scale]).split("x"))
    application = QApplication(sys.argv[:1])
    use_language(options.language)
    workspace = open_workspace(options.workspace)
    status = 0
    with still(workspace):
        for theme in options.theme or THEMES:
            folder = options.folder / f"{theme}@{options.scale}x"
            status |= draw_pages(workspace, Look(application, theme), folder, (wide, high), pose)
    sys.exit(status)


def pose(window: MainWindow, key: str) -> None:
    """Choose on a page what its picture is to show.

    Raises:
        RuntimeError: A page that was drawn before is wider than the window.
    """
    page = window.page
    for drawn in window.findChildren(Page):
        needed, room = drawn.widget().minimumSizeHint().width(), drawn.viewport().width()
        if needed > room and drawn is not page:
            raise RuntimeError(
                f"{drawn.accessibleName()} needs {needed} pixels of {room}: it scrolls sideways"
            )
    if isinstance(page, StudyPage):
        page.open(STUDY)
    elif isinstance(page, ChatPage):
        page.model.talk.begin(Asked(conversation=TALK))
    elif isinstance(page, ModelsPage):
        page.open(next(iter(MERGES)))
    elif isinstance(page, SettingsPage):
        page.open("endpoints")
    elif isinstance(page, ComparePage):
        page.open({"dataset": TASKS[2]})
    elif isinstance(page, VotePage):
        page.model.change(dataset=TASKS[2])
        page.model.start()


if __name__ == "__main__":
    main()
