"""Our K-quants hold the bytes that ggml's hold, whatever the values are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.exporting import ggml, kquants
from engine.exporting.errors import ExportError

Rows = np.ndarray[Any, np.dtype[np.float32]]
KINDS = [Type.Q4_K, Type.Q5_K, Type.Q6_K]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="built where GCC or Clang builds")


def both(kind: Type, rows: Rows) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The blocks by us and by ggml."""
    own = kquants.rounder(kind)
    assert own is not None, "packaging/native.py did not build it"
    ours, theirs = (np.full((len(rows), ggml.row_bytes(kind, rows.shape[1])), 7, np.uint8) for _ in range(2))
    own(rows, ours)
    ggml._round(kind, rows, theirs)
    return ours, theirs


def sizes(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Powers of ten that single precision has, denormal ones among them."""
    return 10.0 ** random.integers(-44, 38, shape)


CASES: dict[str, Callable[[np.random.Generator], np.ndarray[Any, Any]]] = {
    "weights": lambda random: random.normal(0, 0.02, (256, 1024)),
    "heavy tails": lambda random: random.standard_t(2, (256, 1024)),
    "every size": lambda random: random.normal(0, 1, (256, 1024)) * sizes(random, (256, 1024)),
    "a size per row": lambda random: random.normal(0, 1, (256, 1024)) * sizes(random, (256, 1)),
    "a size per sub-block": lambda random: (
        random.normal(0, 1, (256, 1024)) * sizes(random, (256, 64)).repeat(16, 1)
    ),
    "mostly zero": lambda random: random.normal(0, 1, (256, 1024)) * (random.random((256, 1024)) < 0.02),
    "all alike": lambda random: np.repeat(random.normal(0, 1, (256, 1)), 1024, 1),
    "none below zero": lambda random: np.abs(random.normal(0, 1, (256, 1024))),
    "none above zero": lambda random: -np.abs(random.normal(0, 1, (256, 1024))),
    "whole numbers": lambda random: random.integers(-8, 8, (256, 1024)),
    "zero": lambda random: np.zeros((4, 512)),
    "minus zero": lambda random: np.full((4, 512), -0.0),
    "an odd number of super-blocks": lambda random: random.normal(0, 0.02, (33, 256)),
    "one super-block": lambda random: random.normal(0, 0.02, (1, 256)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_ggmls(kind: Type, case: str) -> None:
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(CASES[case](np.random.default_rng(1)), np.float32)
    ours, theirs = both(kind, rows)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=1, max_size=24),
    seed=st.integers(0, 2**32 - 1),
)
def test_blocks_are_ggmls_for_any_floats(kind: Type, values: list[float], seed: int) -> None:
    rows = np.random.default_rng(seed).choice(np.array(values, np.float32), (3, 256))
    ours, theirs = both(kind, rows)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_exports_round_by_it_unless_an_importance_is_given(
    kind: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(2).normal(0, 0.02, (8, 512)).astype(np.float32)
    plain, weighted = ggml.quantise_rows(kind, rows), ggml.quantise_rows(kind, rows, np.ones(512, np.float32))
    called: list[Type] = []
    original = ggml._round
    monkeypatch.setattr(ggml, "_round", lambda kind, *what: (called.append(kind), original(kind, *what)))
    assert np.array_equal(ggml.quantise_rows(kind, rows), plain)
    assert not called
    assert np.array_equal(ggml.quantise_rows(kind, rows, np.ones(512, np.float32)), weighted)
    assert called == [kind]


def test_ggml_rounds_where_ours_would_do_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(3).normal(0, 0.02, (8, 512)).astype(np.float32)
    right = ggml.quantise_rows(Type.Q4_K, rows)

    def wrong(rows: Rows, blocks: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        del rows
        blocks[:] = 0

    ggml._faster.cache_clear()
    try:
        monkeypatch.setattr(ggml, "rounder", lambda kind: wrong)
        assert np.array_equal(ggml.quantise_rows(Type.Q4_K, rows), right)
    finally:
        ggml._faster.cache_clear()


def test_values_that_are_no_numbers_are_refused() -> None:
    rows = np.full((1, 256), np.nan, np.float32)
    with pytest.raises(ExportError, match="no finite numbers"):
        ggml.quantise_rows(Type.Q6_K, rows)


def test_without_the_library_nothing_is_rounded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kquants, "_library", lambda: None)
    assert kquants.rounder(Type.Q4_K) is None
    monkeypatch.undo()
    assert kquants.rounder(Type.Q3_K) is None
