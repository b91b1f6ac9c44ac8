"""No word is cut off, in neither language, in the smallest window and in the usual one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QWidget,
)

from desktop.language import use_language
from desktop.shell.pages import PAGES
from desktop.shell.shots import settle
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from desktop.widgets.elided import Elided
from engine.workspace import open_workspace
from tests.desktop.drawing import pose
from tests.desktop.still import still
from tests.sample import make

#: Pixels that rounding may take from a text.
_SLACK = 2


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample") / "workspace"
    make(root)
    return root


@pytest.fixture(params=["en", "de"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    use_language(request.param)
    yield request.param
    use_language("en")


def cut_off(widget: QWidget) -> str:
    """What of a widget's own words has no room; empty where all has."""
    metrics = widget.fontMetrics()
    if isinstance(widget, Elided):
        return ""  # it ends in dots, and says all in its tool tip
    if isinstance(widget, QLabel):
        if not widget.text() or widget.textFormat() == Qt.TextFormat.RichText:
            return ""
        room = widget.contentsRect()
        if widget.wordWrap():
            flags = int(Qt.TextFlag.TextWordWrap)
            needed = metrics.boundingRect(QRect(0, 0, room.width(), 10_000), flags, widget.text())
            too_much = needed.height() > room.height() + _SLACK or needed.width() > room.width() + _SLACK
        else:
            lines = widget.text().split("\n")
            too_much = max(map(metrics.horizontalAdvance, lines)) > room.width() + _SLACK
        return widget.text() if too_much else ""
    if isinstance(widget, QPushButton | QCheckBox):
        return widget.text() if widget.sizeHint().width() > widget.width() + _SLACK else ""
    # Other headers paint their words themselves, with dots.
    if type(widget) is QHeaderView and isinstance(widget.parent(), QTableView):
        model = widget.model()
        for section in (at for at in range(widget.count()) if not widget.isSectionHidden(at)):
            words = str(model.headerData(section, Qt.Orientation.Horizontal) or "")
            if metrics.horizontalAdvance(words) > widget.sectionSize(section) - 8 and words:
                return f"column {words}"
    return ""


def clipped(window: MainWindow) -> list[str]:
    kinds = (QLabel, QAbstractButton, QHeaderView)
    found = [widget for kind in kinds for widget in window.findChildren(kind) if widget.isVisible()]
    return [words for widget in found if (words := cut_off(widget))]


@pytest.mark.parametrize("size", [(960, 600), (1360, 860)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_no_word_is_cut_off(sample: Path, language: str, size: tuple[int, int], qapp: QApplication) -> None:
    workspace = open_workspace(sample)
    found: dict[str, list[str]] = {}
    with still(workspace):
        window = MainWindow(workspace, Look(qapp, "light"))
        window.resize(*size)
        window.show()
        try:
            for entry in PAGES:
                window.go(entry.key)
                settle(window)
                pose(window, entry.key)
                settle(window)
                if words := clipped(window):
                    found[entry.key] = words
        finally:
            window.close()
            window.deleteLater()
    assert found == {}


def test_a_word_that_has_no_room_is_found(qapp: QApplication) -> None:
    label, wrapped, button = (
        QLabel("a rather long word"),
        QLabel("several words in a row"),
        QPushButton("Press here"),
    )
    wrapped.setWordWrap(True)
    for widget in (label, wrapped, button):
        widget.resize(400, 60)
        assert cut_off(widget) == ""
        widget.resize(30, 20)
        assert cut_off(widget) != ""
