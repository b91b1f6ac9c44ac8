"""What pages show while there is nothing: all of it can be read, at every width."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from desktop.language import LANGUAGES, use_language
from desktop.shell.pages import PAGES
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from desktop.widgets.basics import Button, row
from desktop.widgets.empty import Empty
from engine.workspace import Workspace
from tests.desktop.conftest import Until


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    yield use_language(request.param)
    use_language("en")


def cut(widget: QWidget) -> list[str]:
    """The labels of which a part is not seen."""
    return [
        one.text()
        for one in widget.findChildren(QLabel)
        if one.isVisible()
        and one.text()
        and (one.height() < one.heightForWidth(one.width()) or one.width() < one.minimumSizeHint().width())
    ]


@pytest.mark.parametrize("width", [960, 1360])
def test_nothing_is_cut_on_an_empty_page(
    language: str, workspace: Workspace, window: MainWindow, until: Until, width: int
) -> None:
    window.resize(width, 800)
    seen = 0
    for entry in PAGES:
        window.go(entry.key)
        page = window.page
        until(lambda: getattr(page, "model", None) is None or getattr(page.model, "loaded", True))  # noqa: B023
        for _ in range(5):
            QApplication.processEvents()
        for empty in page.findChildren(Empty):
            if empty.isVisible():
                seen += 1
                assert cut(empty) == [], entry.key
    assert seen >= 9


def test_a_long_sentence_gets_its_lines_and_buttons_stand_together(look: Look) -> None:
    empty = Empty(
        look,
        "house",
        "Nothing yet",
        "Short.",
        row(Button(look, "One"), Button(look, "Two"), gap=8),
        Button(look, "Three"),
    )
    around = QWidget()
    around.setLayout(row(empty))
    around.resize(1000, 600)
    around.show()
    empty.say("A sentence of many words. " * 8)
    for width in (400, 1000):
        around.resize(width, 600)
        for _ in range(3):
            QApplication.processEvents()
        assert cut(empty) == []
        buttons = sorted(empty.findChildren(QPushButton), key=lambda one: (one.y(), one.x()))
        places = [one.mapTo(around, one.rect().topLeft()) for one in buttons]
        assert places[1].x() == places[0].x() + buttons[0].width() + 8
        middle = (places[0].x() + places[1].x() + buttons[1].width()) / 2
        assert middle == pytest.approx(width / 2, abs=2)
        assert places[2].x() + buttons[2].width() / 2 == pytest.approx(width / 2, abs=2)
    around.close()
