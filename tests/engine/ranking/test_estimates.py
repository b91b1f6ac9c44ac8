"""What a ranking's numbers mean, whatever the verdicts are."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ranking import Ranking, RankingError, Verdict, VerdictTable, rank
from engine.ranking.bradley_terry import gradient, maximum_likelihood
from tests.engine.ranking.arena import balanced, series, world

NAMES = "ABCDE"
verdicts = st.lists(
    st.builds(
        lambda pair, winner, prompt, weight: Verdict(pair[0], pair[1], winner, f"p{prompt}", weight=weight),
        st.permutations(NAMES),
        st.sampled_from(["a", "b", "tie", None]),
        st.integers(0, 6),
        st.sampled_from([1.0, 1.0, 2.0, 0.5]),
    ),
    max_size=60,
)


def ranked(rows: list[Verdict], **settings: object) -> Ranking:
    return rank(VerdictTable.from_rows(rows), **settings)  # type: ignore[arg-type]


def facts(ranking: Ranking) -> dict[str, list[float | None]]:
    """Everything about everybody, by name, rounded to what arithmetic guarantees."""
    return {
        row.name: [
            None if value is None else round(float(value), 5) + 0.0
            for value in (
                row.rating,
                row.lo,
                row.hi,
                row.rank,
                row.rank_lo,
                row.rank_hi,
                row.wins,
                row.losses,
            )
        ]
        for row in ranking.contestants
    }


def assert_same(left: Ranking, right: Ranking, rename: dict[str, str] | None = None) -> None:
    first, second = facts(left), facts(right)
    for name, values in first.items():
        for mine, other in zip(values, second[(rename or {}).get(name, name)], strict=True):
            assert (mine is None) == (other is None)
            if mine is not None and other is not None:
                assert mine == pytest.approx(other, abs=1e-4, rel=1e-4)


@settings(max_examples=60, deadline=None)
@given(verdicts, st.randoms(use_true_random=False))
def test_the_order_of_verdicts_changes_nothing(rows: list[Verdict], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert_same(ranked(rows), ranked(shuffled))


def test_a_design_on_a_limit_is_the_same_in_any_order() -> None:
    rows = [  # D sees exactly the share of its variance from which on it counts
        Verdict("A", "D", "b", "p0"),
        Verdict("A", "D", "tie", "p1"),
        Verdict("B", "E", "a", "p1"),
        Verdict("B", "E", "tie", "p0"),
        Verdict("D", "C", "tie", "p0", weight=2.0),
        Verdict("D", "E", "a", "p2"),
        Verdict("E", "D", "a", "p0", weight=2.0),
    ]
    for order in itertools.islice(itertools.permutations(rows), 0, None, 101):
        assert_same(ranked(rows), ranked(list(order)))


@pytest.mark.parametrize("named", [True, False])
def test_the_order_of_verdicts_changes_no_bootstrap(named: bool) -> None:
    rows = [
        replace(verdict, weight=weight, prompt_id=verdict.prompt_id if named else None)
        for seed, task in enumerate(("s", "t"))
        for verdict in balanced("ABCD", 12, seed=seed, task=task)
        for weight in (0.1, 0.7)
    ]
    mixed = list(rows)
    np.random.default_rng(0).shuffle(mixed)  # type: ignore[arg-type]
    first, second = (ranked(order, interval="bootstrap", replicates=200) for order in (rows, mixed))
    for one, other in ((first, second), *((first.tasks[task], second.tasks[task]) for task in "st")):
        for row in one.contestants:
            again = other.standing(row.name)
            assert (again.lo, again.hi) == (pytest.approx(row.lo), pytest.approx(row.hi))


@settings(max_examples=60, deadline=None)
@given(verdicts, st.permutations(NAMES))
def test_names_do_not_matter(rows: list[Verdict], names: list[str]) -> None:
    rename = dict(zip(NAMES, names, strict=True))
    renamed = [replace(v, a=rename[v.a], b=rename[v.b]) for v in rows]
    assert_same(ranked(rows), ranked(renamed), rename)


@settings(max_examples=60, deadline=None)
@given(verdicts)
def test_showing_every_pair_the_other_way_round_changes_nothing(rows: list[Verdict]) -> None:
    other = {"a": "b", "b": "a", "tie": "tie", None: None}
    turned = [replace(v, a=v.b, b=v.a, winner=other[v.winner]) for v in rows]
    assert_same(ranked(rows), ranked(turned))


@settings(max_examples=60, deadline=None)
@given(verdicts)
def test_doubling_all_weights_leaves_the_ratings(rows: list[Verdict]) -> None:
    doubled = ranked([replace(v, weight=2 * v.weight) for v in rows])
    for row in ranked(rows).contestants:
        again = doubled.standing(row.name)
        assert (again.rating is None) == (row.rating is None)
        assert again.rating == pytest.approx(row.rating, abs=1e-8)


@settings(max_examples=100, deadline=None)
@given(verdicts)
def test_every_table_is_consistent_in_itself(rows: list[Verdict]) -> None:
    ranking = ranked(rows)
    table = ranking.contestants
    rated = [row for row in table if row.rating is not None]
    assert sum(row.rating for row in rated) == pytest.approx(0, abs=1e-8)
    assert all(one.rating >= other.rating - 1e-8 for one, other in itertools.pairwise(rated))
    for row in table:
        assert 1 <= row.rank_lo <= row.rank <= row.rank_hi <= len(table)
        if row.rating is None:
            assert row.elo is None
            assert row.lo is None or row.hi is None
        else:
            assert row.lo is not None
            assert row.hi is not None
            assert row.lo <= row.rating <= row.hi
            assert row.elo == pytest.approx(1000 + 400 / math.log(10) * row.rating)
    assert sum(row.wins for row in table) == sum(row.losses for row in table)
    assert sum(row.wins + row.ties + row.losses for row in table) == 2 * ranking.comparisons


def test_a_weight_counts_as_that_many_verdicts() -> None:
    single = ranked([Verdict("A", "B", "a", weight=6), Verdict("A", "B", "b", weight=4)])
    many = ranked([Verdict("A", "B", "a")] * 6 + [Verdict("A", "B", "b")] * 4)
    for row in many.contestants:
        assert single.standing(row.name).rating == pytest.approx(row.rating)
        assert single.standing(row.name).lo == pytest.approx(row.lo)
    assert many.standing("A").rating == pytest.approx(math.log(1.5) / 2)


def test_a_weight_of_zero_is_as_if_the_row_were_not_there() -> None:
    rows = balanced("ABC", 12)
    assert_same(ranked(rows), ranked([*rows, Verdict("A", "D", "b", "p1", weight=0)]))


def test_a_tie_is_half_a_win_for_each_side() -> None:
    ties = ranked([Verdict("A", "B", "tie")] * 4 + [Verdict("A", "B", "a")] * 4)
    wins = ranked([Verdict("A", "B", "b")] * 2 + [Verdict("A", "B", "a")] * 6)
    assert ties.standing("A").rating == pytest.approx(wins.standing("A").rating, abs=1e-9)


@pytest.mark.parametrize("lopsided", [1e3, 1e9, 1e30, 1e150])
def test_extreme_records_are_fitted_to_the_last_digits(lopsided: float) -> None:
    wins = np.array([[0, lopsided, 0], [1, 0, lopsided], [0, 1, 0]])
    rating = maximum_likelihood(wins)
    assert rating - rating.mean() == pytest.approx(np.log(lopsided) * np.array([1, 0, -1]), rel=1e-10)


def test_the_gradient_vanishes_at_the_ratings() -> None:
    generator = np.random.default_rng(1)
    wins = (
        generator.poisson(3.0, (30, 30)) * (generator.random((30, 30)) < 0.4)
        + np.eye(30, k=1)
        + np.eye(30, k=-1)
    )
    wins[0, -1] = wins[-1, 0] = 1.0
    np.fill_diagonal(wins, 0)
    assert np.abs(gradient(wins, maximum_likelihood(wins))).max() < 1e-9


def test_intervals_belong_to_the_difference_when_there_is_a_reference() -> None:
    rows = series("A", "B", "aaaaaaaabb" * 3)
    mean, difference = ranked(rows), ranked(rows, reference="B")
    zero, other = difference.standing("B"), difference.standing("A")
    assert (zero.rating, zero.lo, zero.hi, zero.elo) == (0.0, 0.0, 0.0, 1000.0)
    assert other.rating == pytest.approx(math.log(4))
    # With two contestants a rating is half of the difference, and so is its interval.
    assert other.lo == pytest.approx(2 * mean.standing("A").lo)
    assert other.hi == pytest.approx(2 * mean.standing("A").hi)


def test_a_clustered_interval_is_the_sandwich_with_students_t() -> None:
    # Two contestants, three verdicts a prompt: everything can be done by hand.
    generator = np.random.default_rng(5)
    won = generator.random((20, 3)) < generator.random((20, 1))
    rows = [Verdict("A", "B", "a" if w else "b", f"p{g}") for g, line in enumerate(won) for w in line]
    share = won.mean()
    information = won.size * share * (1 - share)
    scores = (won - share).sum(axis=1)
    error = math.sqrt((scores**2).sum() * 20 / 19) / information
    row = ranked(rows, reference="B").standing("A")
    assert row.rating == pytest.approx(math.log(share / (1 - share)))
    assert row.hi - row.rating == pytest.approx(2.093024 * error, rel=1e-6)


def test_ties_without_exception_are_no_certainty() -> None:
    few = ranked(series("A", "B", "t" * 5)).standing("A")
    many = ranked(series("A", "B", "t" * 200)).standing("A")
    assert few.rating == many.rating == 0
    assert few.hi > 0.2
    assert 0 < many.hi < few.hi
    assert (many.rank_lo, many.rank_hi) == (1, 2)


def test_unknown_references_levels_and_intervals_are_refused() -> None:
    table = VerdictTable.from_rows(balanced("ABC", 5))
    for wrong in ({"reference": "Z"}, {"level": 95}, {"level": 0.0}, {"interval": "magic"}):
        with pytest.raises(RankingError) as caught:
            rank(table, **wrong)  # type: ignore[arg-type]
        assert caught.value.fix


def test_about_how_many_more_prompts_would_settle_the_lead() -> None:
    generator = np.random.default_rng(2)
    strength = np.array([0.55, 0.15, -0.7])
    few = rank(world(generator, 40, strength, 0.3))
    assert not few.separable("c0", "c1")
    assert few.groups[0][:2] == ("c0", "c1")
    assert few.settle is not None
    assert (few.settle.first, few.settle.second) == ("c0", "c1")
    enough = rank(world(generator, 40 + 4 * few.settle.prompts, strength, 0.3))
    assert enough.separable("c0", "c1")
    assert enough.settle is None
