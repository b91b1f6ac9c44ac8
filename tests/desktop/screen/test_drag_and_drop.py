"""Files dragged out of another program's window, by real events of the mouse, and dropped on Bakeoff's."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.workspace import open_workspace
from tests.desktop.screen import dragging
from tests.desktop.screen.accessible import Part, need, until
from tests.desktop.screen.conftest import Desk


@pytest.fixture(scope="module")
def window(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """The running window on an empty workspace."""
    workspace = open_workspace(tmp_path_factory.mktemp("screen") / "workspace")
    with desk.bakeoff(workspace) as found:
        yield found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Examples, in a file with a name of the world."""
    path = tmp_path / "Fragen für alle.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["prompt", "completion"])
        rows.writerows([f"Frage {number}?", "ja"] for number in range(60))
    return path


@contextmanager
def dragged(desk: Desk, file: Path, target: Part) -> Iterator[None]:
    """Drag a file from another program to a part of a window and drop it there.

    The program lives as long as the block: what was dropped is asked of it after the drop.
    """
    told, log = file.with_suffix(".told"), file.with_suffix(".log")
    with desk.program(dragging.__file__, file, told=told, log=log):

        def tells(word: str) -> list[str] | None:
            # What follows the last line break is a line that is still being written.
            *lines, _ = told.read_text(encoding="utf-8").split("\n")
            return next((words for line in lines if (words := line.split())[0] == word), None)

        def is_taken() -> list[str] | None:
            desk.mouse("mousemove_relative", 1, 0)
            return tells("offered")

        x, y = map(int, until(lambda: tells("ready"))[1:])
        to_x, to_y = target.place.middle
        desk.mouse("mousemove", x, y, "mousedown", 1, "mousemove", x + 20, y + 20)
        until(lambda: tells("dragging"))
        desk.mouse("mousemove", to_x, to_y)
        # Dropped before the window has said that it takes it, it would be dropped in vain.
        assert until(is_taken)[1] == "CopyAction"
        desk.mouse("mouseup", 1)
        assert until(lambda: tells("dropped"))[1] == "CopyAction"
        yield


def test_a_file_from_another_program_is_read_on_home(desk: Desk, window: Part, file: Path) -> None:
    zone = until(lambda: window.find("panel", "Drop your examples here"))
    assert not need(window.find("push button", "Start")).enabled
    with dragged(desk, file, zone):
        until(lambda: window.find("label", "60 examples"))
    until(lambda: need(window.find("push button", "Start")).enabled)
    assert window.find("label", "Frage 0?")


def test_a_file_from_another_program_is_offered_for_import_on_datasets(
    desk: Desk, window: Part, file: Path
) -> None:
    until(lambda: window.find("list item", "Datasets")).press()
    zone = until(lambda: window.find("panel", "Drop your examples here"))
    with dragged(desk, file, zone):
        dialog = until(lambda: next((one for one in desk.bus.windows() if one.role == "dialog"), None))
        until(lambda: dialog.find("label", "All of the first 60 rows can be read."))
    need(dialog.find("push button", "Cancel")).press()
    until(lambda: not any(one.role == "dialog" for one in desk.bus.windows()))
