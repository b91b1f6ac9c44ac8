"""Simulated truth: intervals cover it as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ranking import VerdictTable, rank
from engine.ranking.bradley_terry import maximum_likelihood
from engine.ranking.comparisons import comparisons_by_task
from tests.engine.ranking.arena import world

STRENGTH = np.array([0.6, 0.2, -0.1, -0.7])
RUNS = 250


def truth(effect: float, strength: np.ndarray) -> np.ndarray:
    """The ratings that endless prompts lead to."""
    table: VerdictTable = world(np.random.default_rng(99), 60_000, strength, effect)
    return maximum_likelihood(comparisons_by_task(table)[0][None].win_matrix())


def coverage(
    prompts: int,
    effect: float,
    interval: str,
    *,
    only_first: int = 10**9,
    runs: int = RUNS,
    strength: np.ndarray = STRENGTH,
) -> np.ndarray:
    """Share of runs in which each contestant's interval holds the truth."""
    goal = truth(effect, strength)
    generator = np.random.default_rng(prompts)
    held: list[list[bool]] = []
    for _ in range(runs):
        ranking = rank(
            world(generator, prompts, strength, effect, only_first), interval=interval, replicates=150
        )
        rows = [ranking.standing(f"c{i}") for i in range(len(goal))]
        held.append(
            [
                (row.lo is None or row.lo <= value) and (row.hi is None or value <= row.hi)
                for row, value in zip(rows, goal, strict=True)
            ]
        )
    return np.array(held).mean(axis=0)


@pytest.mark.parametrize("prompts", [10, 25, 60])
def test_intervals_clustered_by_prompt_cover_the_truth(prompts: int) -> None:
    found = coverage(prompts, 1.0, "cluster")
    assert 0.925 <= found.mean() <= 0.985
    assert found.min() >= 0.90


def test_treating_verdicts_on_one_prompt_as_independent_covers_too_little() -> None:
    # The more comparisons share a prompt, the worse: 28 of 8 contestants.
    field = np.linspace(0.6, -0.6, 8)
    assert coverage(30, 1.0, "iid", strength=field).mean() < 0.90
    assert coverage(30, 1.0, "cluster", strength=field).mean() > 0.925


@pytest.mark.parametrize("met", [1, 3])
def test_a_contestant_with_few_prompts_among_many_is_covered_too(met: int) -> None:
    found = coverage(30, 1.0, "cluster", only_first=met)
    assert found[0] >= 0.92
    assert found.mean() >= 0.93


def test_the_bootstrap_covers_too() -> None:
    found = coverage(25, 1.0, "bootstrap", runs=30)
    assert found.mean() >= 0.90


def test_true_ranks_lie_in_their_ranges_all_at_once() -> None:
    generator = np.random.default_rng(7)
    good = 0
    certain = 0
    for _ in range(RUNS):
        ranking = rank(world(generator, 30, STRENGTH, 0.8))
        rows = [ranking.standing(f"c{i}") for i in range(4)]
        good += all(row.rank_lo <= i + 1 <= row.rank_hi for i, row in enumerate(rows))
        certain += rows[3].rank_lo >= 2
    assert good / RUNS >= 0.95
    assert certain / RUNS > 0.5


def test_the_same_seed_gives_the_same_bootstrap() -> None:
    table = world(np.random.default_rng(1), 15, STRENGTH, 0.5)
    first, again, other = (rank(table, interval="bootstrap", replicates=100, seed=s) for s in (3, 3, 4))
    assert first == again
    assert first != other
    assert first.interval == "bootstrap"
