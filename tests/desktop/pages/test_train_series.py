"""Numbers over steps: as many as come are kept, as many as can be seen are shown."""

from __future__ import annotations

import random

import pytest

from desktop.pages.train.series import Series


def series_of(values: list[float]) -> Series:
    made = Series()
    for step, value in enumerate(values, start=1):
        made.add(step, value)
    return made


def test_few_points_are_shown_as_they_are() -> None:
    assert series_of([3.0, 2.0, 1.5]).points() == ((1, 3.0), (2, 2.0), (3, 1.5))
    assert Series().points() == Series().smooth() == ()


def test_the_average_weighs_the_past_by_nine_tenths_and_is_not_drawn_to_its_beginning() -> None:
    assert series_of([4.0] * 5).smooth()[-1] == (5, pytest.approx(4.0))
    assert series_of([1.0, 2.0]).smooth()[-1] == (2, pytest.approx((0.9 * 1.0 + 2.0) / 1.9))


def test_it_is_the_same_whether_it_is_asked_for_once_or_after_each_value() -> None:
    values = [random.Random(0).gauss(2, 1) for _ in range(300)]
    growing = Series()
    for step, value in enumerate(values, start=1):
        growing.add(step, value)
        growing.smooth()
    assert growing.smooth() == series_of(values).smooth()


def test_of_many_points_no_peak_is_lost_and_the_newest_are_all_there() -> None:
    chance = random.Random(0)
    values = [chance.gauss(2, 0.1) for _ in range(50_000)]
    values[777], values[31_234] = 9.0, -9.0
    points = series_of(values).points()
    assert len(points) < 2_300
    assert {(778, 9.0), (31_235, -9.0)} <= set(points)
    assert points[-60:] == tuple(enumerate(values, start=1))[-60:]
    assert [step for step, _ in points] == sorted({step for step, _ in points})


def test_a_step_that_is_taken_again_counts_as_it_was_last() -> None:
    made = series_of([3.0, 2.0, 1.5, 1.4])
    made.smooth()
    made.cut(2)
    assert made.points() == ((1, 3.0), (2, 2.0))
    made.add(3, 1.6)
    made.add(2, 2.2)
    assert made.points() == ((1, 3.0), (2, 2.2), (3, 1.6))
    assert made.smooth() == series_of([3.0, 2.2, 1.6]).smooth()
    assert len(made) == 3
