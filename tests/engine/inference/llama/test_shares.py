"""A step holds whole parts of prompts: few lengths, no more than fit, and never nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.inference.llama.shares import WORTH, shares


def parts(lengths: list[int]) -> list[int]:
    """Tokens of each part that llama.cpp makes of neighbours with so many tokens each."""
    found, height = [], 0
    for length in sorted(set(lengths)):
        found.append(sum(one >= length for one in lengths) * (length - height))
        height = length
    return found


def test_prompts_of_nearly_one_length_are_one_part() -> None:
    assert shares([22, 20, 21, 20], 512, beside=False) == [20, 20, 20, 20]


def test_what_is_left_of_a_prompt_goes_beside_the_answers() -> None:
    assert shares([2, 1, 3], 500, beside=True) == [1, 1, 1]
    assert shares([2, 60, 1, 60], 500, beside=True) == [1, 60, 1, 60]


def test_prompts_of_very_different_lengths_are_computed_whole() -> None:
    assert shares([100, 300], 512, beside=False) == [100, 300]


def test_a_long_prompt_fills_the_room() -> None:
    assert shares([2000], 512, beside=False) == [512]
    assert shares([2000], 500, beside=True) == [500]


@given(
    rests=st.lists(st.integers(1, 900), min_size=1, max_size=64),
    room=st.integers(64, 512),
    beside=st.booleans(),
)
def test_shares_fit_and_are_worth_their_parts(rests: list[int], room: int, beside: bool) -> None:
    found = shares(rests, room, beside=beside)
    assert len(found) == len(rests)
    assert all(0 <= share <= rest for share, rest in zip(found, rests, strict=True))
    assert 0 < sum(found) <= room
    # The first part stands for itself; each that follows is worth its beginning.
    first = [1] * beside
    assert all(tokens >= WORTH for tokens in parts(first + found)[1:])
