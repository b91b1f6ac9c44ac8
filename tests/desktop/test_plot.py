"""A chart is drawn at most five times a second, and not while somebody types or scrolls."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest

from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from desktop.widgets.plot import Plot
from tests.desktop.conftest import Until


class Counted(Plot):
    """Notes when it is drawn."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.drawn: list[float] = []

    def draw(self, tokens: Tokens) -> None:
        self.drawn.append(monotonic())


@pytest.fixture
def chart(look: Look) -> Iterator[Counted]:
    made = Counted(look)
    made.show()
    look.hands.watch(made.windowHandle())
    yield made
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(made, QEvent.Type.DeferredDelete.value)


def test_however_often_there_is_news_it_is_drawn_five_times_a_second(chart: Counted, until: Until) -> None:
    began = monotonic()

    def told() -> bool:
        chart.redraw()
        return monotonic() - began > 1.0

    until(told)
    told_last = monotonic()
    until(lambda: chart.drawn[-1] > told_last)  # the last news is shown as well
    apart = [later - earlier for earlier, later in zip(chart.drawn, chart.drawn[1:], strict=False)]
    assert len(chart.drawn) > 2
    assert min(apart) > 0.18, apart


def test_whole_numbers_stand_at_whole_places_only(chart: Counted) -> None:
    chart.setXRange(42.0, 46.0, padding=0)
    for size in (200.0, 2000.0):
        levels = chart.bottom.tickValues(42.0, 46.0, size)
        places = [place for _, level in levels for place in level]
        assert places
        assert all(place == round(place) for place in places)
    assert any(
        place != round(place) for _, level in chart.left.tickValues(0.0, 1.0, 400.0) for place in level
    )


def test_it_waits_until_nobody_types(chart: Counted, until: Until) -> None:
    chart.redraw()
    window = chart.windowHandle()
    began = monotonic()

    def typed() -> bool:
        QTest.keyClick(window, Qt.Key.Key_Shift)
        chart.redraw()
        return monotonic() - began > 0.7

    until(typed)
    assert len(chart.drawn) == 1
    until(lambda: len(chart.drawn) == 2)


def test_the_first_drawing_waits_for_nobody(chart: Counted) -> None:
    QTest.keyClick(chart.windowHandle(), Qt.Key.Key_Shift)
    assert chart.look.hands.busy
    chart.redraw()
    assert len(chart.drawn) == 1
