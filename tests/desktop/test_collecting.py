"""Garbage is collected while nobody waits for the window."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from desktop.collecting import Collector
from desktop.hands import Hands


class Rested(Hands):
    """Hands that have rested as long as is said."""

    seconds = 0.0

    @property
    def idle_seconds(self) -> float:
        return self.seconds


class Knot:
    """Holds itself, so that only a collection frees it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def hands(qapp: QApplication) -> Rested:
    return Rested()


@pytest.fixture
def collector(hands: Rested) -> Iterator[Collector]:
    gc.collect()
    gc.enable()
    made = Collector(hands)
    made.start()
    yield made
    made.close()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.disable()  # as in all tests of the window


def knotted() -> weakref.ref[Knot]:
    return weakref.ref(Knot())


def test_python_no_longer_does_it_in_the_middle_of_something(collector: Collector) -> None:
    knot = knotted()
    kept = [[number] for number in range(5_000)]  # seven times as many as Python waits for
    assert knot() is not None
    assert len(kept) == 5_000


def test_what_is_new_is_looked_through_in_a_short_pause(collector: Collector, hands: Rested) -> None:
    knot, kept = knotted(), [[number] for number in range(5_000)]
    collector.look()
    assert knot() is not None  # somebody is at work
    hands.seconds = 1.0
    collector.look()
    assert knot() is None
    assert len(kept) == 5_000


def test_nothing_is_done_where_nothing_can_be_gained(collector: Collector, hands: Rested) -> None:
    knot = knotted()
    hands.seconds = 1.0
    collector.look()
    assert knot() is not None


def test_what_takes_longer_than_a_frame_waits_for_a_rest(collector: Collector, hands: Rested) -> None:
    knot, kept = knotted(), [[number] for number in range(40_000)]
    hands.seconds = 1.0
    collector.look()
    assert knot() is not None
    hands.seconds = 11.0
    collector.look()
    assert knot() is None
    assert len(kept) == 40_000


def test_what_has_been_there_for_long_is_looked_through_when_the_user_is_away(
    collector: Collector, hands: Rested
) -> None:
    old = Knot()
    knot = weakref.ref(old)
    hands.seconds = 11.0
    kept = [[number] for number in range(40_000)]
    collector.look()  # it stays, and is not looked at by what follows
    del old
    more = [[number] for number in range(40_000)]
    collector.look()
    assert knot() is not None
    hands.seconds = 121.0
    collector.look()
    assert knot() is None
    assert len(kept) == len(more)
