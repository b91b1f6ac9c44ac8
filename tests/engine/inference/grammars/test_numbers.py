"""Numbers within bounds: all of them, and no other."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.inference.grammars.schema import schema_grammar
from tests.engine.inference.grammars.drawing import Reader


@pytest.mark.parametrize("seed", range(12))
def test_whole_numbers_within_bounds(reader: Reader, seed: int) -> None:
    print("seed", seed)
    chosen = random.Random(seed)
    size = 10 ** chosen.randint(1, 4)
    least, most = sorted(chosen.randint(-size, size) for _ in range(2))
    schema: dict[str, Any] = {"type": "integer"}
    if chosen.random() < 0.8:
        schema |= {"minimum": least} if chosen.random() < 0.5 else {"exclusiveMinimum": least - 0.5}
    if chosen.random() < 0.8:
        schema |= {"maximum": most} if chosen.random() < 0.5 else {"exclusiveMaximum": most + 1}
    grammar = schema_grammar(schema)
    at_least = least if {"minimum", "exclusiveMinimum"} & schema.keys() else -(10**9)
    at_most = most if {"maximum", "exclusiveMaximum"} & schema.keys() else 10**9
    near = {bound + step for bound in (least, most, 0, 10, 100, -10) for step in range(-12, 13)}
    asked = near | {chosen.randint(-2 * size, 2 * size) for _ in range(150)}
    wrong = [one for one in asked if reader.takes(grammar, str(one)) != (at_least <= one <= at_most)]
    assert wrong == []
    assert not reader.takes(grammar, f"0{abs(most)}")
    assert not reader.takes(grammar, f"{most}.0")


@pytest.mark.parametrize(
    ("least", "most"), [(0, 1), (-1, 1), (-3, -1), (5, 120), (0, None), (7, None), (None, -2)]
)
def test_numbers_within_bounds(reader: Reader, least: int | None, most: int | None) -> None:
    schema: dict[str, Any] = {"type": "number"}
    schema |= {} if least is None else {"minimum": least}
    schema |= {} if most is None else {"maximum": float(most)}
    grammar = schema_grammar(schema)
    for number in (
        -120.5,
        -3.001,
        -3,
        -2.5,
        -1,
        -0.99,
        -0.5,
        0,
        0.25,
        0.999,
        1,
        1.001,
        6.99,
        7,
        119.9,
        120,
        120.1,
    ):
        within = (least is None or number >= least) and (most is None or number <= most)
        assert reader.takes(grammar, str(number)) == within, number
    for seed in range(5):
        drawn = reader.drawn(grammar, seed)
        assert drawn is not None
        assert least is None or float(drawn) >= least
        assert most is None or float(drawn) <= most


def test_bounds_of_many_digits(reader: Reader) -> None:
    grammar = schema_grammar({"type": "integer", "minimum": 10**17 + 1, "maximum": 10**18})
    assert reader.takes(grammar, str(10**17 + 1))
    assert reader.takes(grammar, str(10**18))
    assert not reader.takes(grammar, str(10**17))
    assert not reader.takes(grammar, str(10**18 + 1))
