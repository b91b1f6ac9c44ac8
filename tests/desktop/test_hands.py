"""Whether somebody types or scrolls: heard at the windows, not at every widget."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from desktop import hands as module
from desktop.hands import Hands


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which passes only when it is told to."""
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def watched(qapp: QApplication, clock: list[float]) -> Iterator[tuple[Hands, QWidget]]:
    hands, widget = Hands(), QWidget()
    widget.show()
    hands.watch(widget.windowHandle())
    yield hands, widget
    widget.close()
    widget.deleteLater()


def test_a_key_counts_as_typing_for_a_moment(watched: tuple[Hands, QWidget], clock: list[float]) -> None:
    hands, widget = watched
    clock[0] += 5
    assert hands.idle_seconds == 5
    assert not hands.busy
    QTest.keyClick(widget.windowHandle(), Qt.Key.Key_A)
    assert hands.busy
    assert hands.idle_seconds == 0
    clock[0] += 1
    assert not hands.busy
    assert hands.idle_seconds == 1


def test_the_wheel_counts_as_scrolling(
    watched: tuple[Hands, QWidget], clock: list[float], qapp: QApplication
) -> None:
    hands, widget = watched
    where = QPointF(5, 5)
    buttons, modifiers = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    turned = QWheelEvent(
        where, where, QPoint(0, 20), QPoint(0, 120), buttons, modifiers, Qt.ScrollPhase.NoScrollPhase, False
    )
    qapp.sendEvent(widget.windowHandle(), turned)
    assert hands.busy


def test_moving_the_mouse_is_no_scrolling_unless_something_is_dragged(
    watched: tuple[Hands, QWidget], clock: list[float]
) -> None:
    hands, widget = watched
    window = widget.windowHandle()
    clock[0] += 5
    QTest.mouseMove(window, QPoint(9, 9))
    assert not hands.busy
    assert hands.idle_seconds == 0
    QTest.mousePress(window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(9, 9))
    assert not hands.busy
    QTest.mouseMove(window, QPoint(9, 30))
    assert hands.busy
    QTest.mouseRelease(window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(9, 30))
