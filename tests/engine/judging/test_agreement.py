"""Agreement of two judges: by hand, without regard to order and to which contestant is called a."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from engine.judging.agreement import Agreement, agreement, course, outlook
from engine.judging.verdicts import IDENTICAL, Verdict, Winner, mirrored


def verdict(
    prompt: int, winner: Winner, judge: str = "human", *, swapped: bool = False, explanation: str = ""
) -> Verdict:
    ids = ("y", "x") if swapped else ("x", "y")
    said = mirrored(winner) if swapped else winner
    names = (*ids, *ids, *ids)
    key = f"{judge}{prompt}{ids}"
    return Verdict(key, f"p{prompt}", *names, judge, "", "ok", said, explanation=explanation)


def compared(people: Sequence[Winner], judged: Sequence[Winner]) -> Agreement:
    votes = [verdict(place, winner, swapped=place % 2 == 1) for place, winner in enumerate(people)]
    other = [
        verdict(place, winner, "lab:m", swapped=swapped)
        for place, winner in enumerate(judged)
        for swapped in (False, True)
    ]
    return agreement("human", votes, "lab:m", other)


def test_by_hand() -> None:
    found = compared(["a", "a", "b", "tie"], ["a", "b", "b", "tie"])
    assert (found.pairs, found.prompts, found.agreement, found.opposite) == (4, 4, 0.75, 0.25)
    # Both say tie in a quarter: chance agrees in 1/16 + 9/16/2.
    chance = 1 / 16 + 9 / 32
    assert found.kappa == pytest.approx((0.75 - chance) / (1 - chance))
    # Wilson for 3 of 4.
    assert (found.agreement_lo, found.agreement_hi) == pytest.approx((0.3006, 0.9544), abs=1e-3)


def test_all_and_nothing() -> None:
    same = compared(["a", "b"] * 10, ["a", "b"] * 10)
    assert (same.agreement, same.kappa, same.kappa_hi) == (1.0, 1.0, 1.0)
    assert same.kappa_lo is not None
    assert 0.5 < same.kappa_lo < 0.9  # twenty pairs are no proof of perfection
    against = compared(["a", "b"] * 10, ["b", "a"] * 10)
    assert (against.agreement, against.kappa, against.opposite) == (0.0, -1.0, 1.0)


def test_ties_alone_have_no_kappa() -> None:
    assert compared(["tie"] * 3, ["tie"] * 3).kappa is None


def test_without_common_pairs_nothing_is_made_up() -> None:
    found = agreement("human", [verdict(1, "a")], "lab:m", [verdict(2, "a", "lab:m")])
    assert found == Agreement(("human", "lab:m"), 0, 0)


def test_identical_answers_and_half_asked_pairs_are_left_out() -> None:
    votes = [verdict(1, "tie", explanation=IDENTICAL), verdict(2, "a"), verdict(3, "b")]
    half = [verdict(2, "a", "lab:m")]
    whole = [verdict(3, "b", "lab:m", swapped=swapped) for swapped in (False, True)]
    same = [verdict(1, "tie", "lab:m", explanation=IDENTICAL)]
    assert agreement("human", votes, "lab:m", [*same, *half, *whole]).pairs == 1


def test_pairs_on_one_prompt_count_for_less_where_they_go_together() -> None:
    def on(prompt: int, place: int, winner: Winner, judge: str) -> Verdict:
        ids = (f"x{place}", f"y{place}")
        return Verdict(f"{judge}{prompt}{place}", f"p{prompt}", *ids, *ids, *ids, judge, "", "ok", winner)

    apart = compared(["a"] * 40, (["a"] * 3 + ["b"]) * 10)
    votes = [on(prompt, place, "a", "human") for prompt in range(8) for place in range(5)]
    metric = [
        on(prompt, place, "b" if prompt % 4 == 3 else "a", "reference")
        for prompt in range(8)
        for place in range(5)
    ]
    together = agreement("human", votes, "reference", metric)
    assert together.agreement == apart.agreement == 0.75
    assert together.agreement_lo is not None
    assert apart.agreement_lo is not None
    assert together.agreement_lo < apart.agreement_lo - 0.1


def test_a_judge_that_guesses_has_a_kappa_around_zero_and_the_interval_covers_it() -> None:
    dice = random.Random(7)
    covered, kappas = 0, []
    for _ in range(200):
        people = dice.choices(["a", "b", "tie"], [0.6, 0.3, 0.1], k=60)
        guesses = dice.choices(["a", "b", "tie"], [0.45, 0.45, 0.1], k=60)
        found = compared(people, guesses)
        assert found.kappa is not None
        assert found.kappa_lo is not None
        assert found.kappa_hi is not None
        kappas.append(found.kappa)
        covered += found.kappa_lo <= 0 <= found.kappa_hi
    assert math.isclose(sum(kappas) / len(kappas), 0.0, abs_tol=0.03)
    assert 0.9 <= covered / 200 <= 0.99


def test_the_course_of_an_agreement_ends_where_the_agreement_is() -> None:
    people: list[Winner] = ["a", "b", "tie", "a", "b", "a"]
    votes = [verdict(place, winner) for place, winner in enumerate(people)]
    other = [
        verdict(place, "a", "lab:m", swapped=swapped) for place in (0, 1, 3, 5) for swapped in (False, True)
    ]
    steps = course("human", votes, "lab:m", other)
    assert [step.pairs for step in steps] == [1, 2, 3, 4]
    assert [step.agreement for step in steps] == [1.0, 0.5, pytest.approx(2 / 3), 0.75]
    assert steps[-1] == agreement("human", votes, "lab:m", other)
    assert [step.pairs for step in course("human", votes, "lab:m", other, points=2)] == [2, 4]
    assert course("human", [], "lab:m", other) == []


def test_more_pairs_bring_the_ends_of_the_interval_closer() -> None:
    found = compared(["a", "a", "b", "tie"], ["a", "b", "b", "tie"])
    closer = outlook(found, 16)
    assert closer is not None
    assert closer == pytest.approx(
        (0.75 - (0.75 - found.agreement_lo) / 2, 0.75 + (found.agreement_hi - 0.75) / 2)
    )  # type: ignore[operator]
    assert outlook(found, 1) == pytest.approx((found.agreement_lo, found.agreement_hi))
    assert outlook(Agreement(("human", "lab:m"), 0, 0), 10) is None
