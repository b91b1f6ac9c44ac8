"""Every control of every page is reached by Tab alone, and nothing holds the keyboard fast."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QWidget,
)

from desktop.shell.pages import PAGES
from desktop.shell.shots import settle
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.workspace import open_workspace
from tests.desktop.keyboard import name_of
from tests.desktop.still import still
from tests.sample import make

#: Presses of Tab at most; a page of the sample has far fewer controls.
_MOST = 400


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory, qapp: QApplication) -> Iterator[MainWindow]:
    """A window on the sample workspace."""
    root = tmp_path_factory.mktemp("sample") / "workspace"
    make(root)
    workspace = open_workspace(root)
    with still(workspace):
        made = MainWindow(workspace, Look(qapp, "light"))
        made.resize(1360, 860)
        made.show()
        made.activateWindow()
        yield made
        made.close()
        made.deleteLater()


def walked(window: MainWindow) -> set[QWidget]:
    """All that have the keyboard in turn, until it comes round."""
    seen: set[QWidget] = set()
    window.setFocus()
    for _ in range(_MOST):
        here = QApplication.focusWidget() or window
        QTest.keyClick(here, Qt.Key.Key_Tab)
        there = QApplication.focusWidget()
        assert there is not None
        assert there is not here, f"Tab does not leave {name_of(here) or here}"
        if there in seen:
            return seen
        seen.add(there)
    pytest.fail("Tab never comes round")


def controls(page: QWidget) -> list[QWidget]:
    """What can be used by keyboard and is on the page now."""
    return [
        one
        for one in page.findChildren(QWidget)
        if one.isVisible() and one.isEnabled() and not is_part(one)
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]


def is_part(widget: QWidget) -> bool:
    """Whether it is a part of a control that has the keyboard as a whole: a field's line, what scrolls in a view."""
    above = widget.parentWidget()
    return isinstance(above, QAbstractSpinBox | QComboBox) or (
        isinstance(above, QAbstractScrollArea) and widget is above.viewport()
    )


def beside(widget: QWidget, seen: set[QWidget]) -> bool:
    """Whether arrow keys reach it: of buttons of which one is chosen, Tab stops at one."""
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    return group is not None and any(one in seen for one in group.buttons())


@pytest.mark.parametrize("key", [entry.key for entry in PAGES])
def test_tab_reaches_every_control_of_a_page(window: MainWindow, key: str) -> None:
    window.go(key)
    settle(window)
    seen = walked(window)
    wanted = controls(window.page)
    assert len(wanted) > 1
    missed = [one for one in wanted if one not in seen and not beside(one, seen)]
    assert [name_of(one) or f"{one!r} in {one.parentWidget()!r}" for one in missed] == []
