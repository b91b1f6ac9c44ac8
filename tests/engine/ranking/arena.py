"""Verdicts with a known truth, for the tests of the ranking."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np

from engine.ranking import Verdict, VerdictTable

SHARED = Path(os.environ.get("BAKEOFF_SHARED", Path(__file__).resolve().parents[3] / ".." / "shared"))


def series(a: str, b: str, outcomes: str, *, first: int = 0, task: str | None = None) -> list[Verdict]:
    """One verdict a letter of ``outcomes`` (a, b, t), each on a prompt of its own."""
    words = {"a": "a", "b": "b", "t": "tie"}
    return [
        Verdict(a, b, words[letter], prompt_id=f"p{first + number}", task=task)
        for number, letter in enumerate(outcomes)
    ]


def balanced(names: str, prompts: int, seed: int = 0, task: str | None = None) -> list[Verdict]:
    """Every pair of one-letter names on every prompt, decided by coin tosses."""
    generator = np.random.default_rng(seed)
    return [
        Verdict(a, b, "a" if generator.random() < 0.5 else "b", prompt_id=f"p{prompt}", task=task)
        for prompt in range(prompts)
        for a, b in itertools.combinations(names, 2)
    ]


def world(
    generator: np.random.Generator, prompts: int, strength: np.ndarray, effect: float, only_first: int = 10**9
) -> VerdictTable:
    """All pairs on all prompts; prompts shift contestants by normal effects of that size.

    Contestant 0 takes part in the first ``only_first`` prompts only.
    """
    count = len(strength)
    pairs = np.array(list(itertools.combinations(range(count), 2)))
    prompt = np.repeat(np.arange(prompts), len(pairs))
    a, b = np.tile(pairs, (prompts, 1)).T
    kept = (prompt < only_first) | ((a != 0) & (b != 0))
    prompt, a, b = prompt[kept], a[kept], b[kept]
    level = strength + generator.normal(0, 1, (prompts, count)) * effect
    chance = 1 / (1 + np.exp(level[prompt, b] - level[prompt, a]))
    outcome = np.where(generator.random(len(a)) < chance, 1, -1)
    outcome[generator.random(len(a)) < 0.1] = 0
    return VerdictTable(
        contestants=tuple(f"c{i}" for i in range(count)),
        a=a.astype(np.int64),
        b=b.astype(np.int64),
        outcome=outcome.astype(np.int8),
        weight=np.ones(len(a)),
        prompt=prompt,
    )
