"""Guesses are made as long as they pay."""

from __future__ import annotations

import pytest

from engine.inference.llama.drafts import Hits


def guesses_made(hits: Hits, *, active: int, right: int, times: int, length: int = 4) -> int:
    """Of so many chances, the ones that are taken when ``right`` of each guess's tokens are right."""
    made = 0
    for _ in range(times):
        if hits.pays(active):
            made += 1
            hits.count(length, right)
    return made


@pytest.mark.parametrize("active", [1, 4, 8])
def test_right_guesses_are_made_always(active: int) -> None:
    assert guesses_made(Hits(), active=active, right=4, times=500) == 500


@pytest.mark.parametrize("active", [1, 4, 8])
def test_wrong_guesses_are_soon_made_seldom(active: int) -> None:
    assert guesses_made(Hits(), active=active, right=0, times=1000) < 100


def test_one_who_answers_alone_may_guess_wrong_more_often() -> None:
    assert guesses_made(Hits(), active=1, right=2, times=500) == 500
    assert guesses_made(Hits(), active=8, right=2, times=500) < 100


def test_guesses_that_become_right_are_made_again() -> None:
    hits = Hits()
    guesses_made(hits, active=4, right=0, times=1000)
    assert guesses_made(hits, active=4, right=4, times=5000) > 2500
