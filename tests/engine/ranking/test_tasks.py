"""Several tasks: contestants per task, entrants on average, every task with equal weight."""

from __future__ import annotations

import math
import random
import warnings
from dataclasses import replace
from itertools import combinations

import numpy as np
import orjson
import pytest

from engine.ranking import RankingError, Verdict, VerdictTable, head_to_head, rank
from tests.engine.ranking.arena import balanced, series


def two_tasks() -> list[Verdict]:
    return [
        *series("A", "B", "aaab" * 20, task="long"),
        *series("A", "B", "ab" * 6, task="short"),
    ]


def test_the_average_gives_every_task_the_same_weight() -> None:
    ranking = rank(VerdictTable.from_rows(two_tasks()), reference="B")
    assert ranking.standing("A").rating == pytest.approx(math.log(3) / 2, abs=1e-9)
    assert ranking.tasks["long"].standing("A").rating == pytest.approx(math.log(3))
    assert ranking.tasks["short"].standing("A").rating == pytest.approx(0, abs=1e-9)
    assert (ranking.comparisons, ranking.prompts) == (92, 92)
    assert (ranking.tasks["long"].comparisons, ranking.tasks["short"].prompts) == (80, 12)
    shape = ranking.as_dict()
    assert set(shape) == {"contestants", "comparisons", "prompts", "interval", "level", "warnings", "tasks"}
    assert orjson.loads(orjson.dumps(shape)) == shape
    assert set(shape["tasks"]["long"]) == {"contestants", "comparisons", "prompts"}


def test_variances_of_tasks_add() -> None:
    # Two equal tasks: the error of the mean is that of one task over the square root of two.
    one = series("A", "B", "aab" * 30, task="s")
    both = [*one, *[replace(v, task="t") for v in one]]
    single = rank(VerdictTable.from_rows(one), reference="B").standing("A")
    mean = rank(VerdictTable.from_rows(both), reference="B").standing("A")
    assert mean.rating == pytest.approx(single.rating)
    ratio = (single.hi - single.rating) / (mean.hi - mean.rating)
    assert ratio == pytest.approx(math.sqrt(2), rel=0.02)


def test_the_same_prompt_id_in_two_tasks_is_two_prompts() -> None:
    rows = [Verdict("A", "B", w, "p", task) for task, w in (("s", "a"), ("t", "b"))]
    rows += [Verdict("A", "B", w, "q", task) for task, w in (("s", "b"), ("t", "a"))]
    assert rank(VerdictTable.from_rows(rows)).prompts == 4


def test_entrants_are_averaged_and_contestants_are_ranked_per_task() -> None:
    rows = [
        replace(v, a=f"{v.a}-{task}", b=f"{v.b}-{task}", entrant_a=v.a, entrant_b=v.b)
        for task in ("s", "t")
        for v in balanced("ABC", 25, seed=ord(task), task=task)
    ]
    ranking = rank(VerdictTable.from_rows(rows))
    assert {row.name for row in ranking.contestants} == {"A", "B", "C"}
    for task in ("s", "t"):
        assert {row.name for row in ranking.tasks[task].contestants} == {f"{n}-{task}" for n in "ABC"}
    for row in ranking.contestants:
        parts = [ranking.tasks[task].standing(f"{row.name}-{task}") for task in ("s", "t")]
        assert row.rating == pytest.approx(np.mean([part.rating for part in parts]), abs=1e-9)
        assert row.wins == sum(part.wins for part in parts)
    against = rank(VerdictTable.from_rows(rows), reference="A")
    assert against.tasks["s"].standing("A-s").rating == 0
    assert head_to_head(VerdictTable.from_rows(rows)).names in {("A", "B", "C")}


def test_repeats_of_an_entrant_are_averaged() -> None:
    rows = [
        replace(v, entrant_a={"X": "E", "Y": "E"}.get(v.a, v.a), entrant_b={"X": "E", "Y": "E"}.get(v.b, v.b))
        for v in balanced("XYRS", 30, task="t")
    ]
    ranking = rank(VerdictTable.from_rows(rows), reference="R")
    task = ranking.tasks["t"]
    assert {row.name for row in ranking.contestants} == {"E", "R", "S"}
    assert ranking.standing("E").rating == pytest.approx(
        (task.standing("X").rating + task.standing("Y").rating) / 2
    )
    width = ranking.standing("E").hi - ranking.standing("E").lo
    assert width < task.standing("X").hi - task.standing("X").lo


def test_who_is_not_in_every_task_follows_without_a_rating() -> None:
    rows = [*balanced("ABC", 25, task="s"), *balanced("ABD", 25, seed=1, task="t")]
    ranking = rank(VerdictTable.from_rows(rows))
    assert {row.name for row in ranking.contestants[:2]} == {"A", "B"}
    assert sum(row.rating for row in ranking.contestants[:2]) == pytest.approx(0)
    for row in ranking.contestants[2:]:
        assert (row.rating, row.elo, row.lo, row.hi) == (None, None, None, None)
    assert any("Not in every task" in text and "C, D" in text for text in ranking.warnings)
    assert ranking.tasks["s"].standing("C").rating is not None


def test_unbeaten_on_one_task_only_keeps_the_lower_end_on_average() -> None:
    rows = [*balanced("ABC", 30, task="s"), *balanced("ABCU", 30, seed=1, task="t")]
    rows += [Verdict("U", x, "a", f"p{i}", "s") for i in range(30) for x in "ABC"]
    ranking = rank(VerdictTable.from_rows(rows))
    row = ranking.standing("U")
    assert (row.rating, row.hi) == (None, None)
    assert row.lo > 0
    assert row.rank_hi < 4
    assert sum(ranking.standing(n).rating for n in "ABC") == pytest.approx(0)


def test_a_reference_that_misses_a_task_is_an_error() -> None:
    rows = [*balanced("ABC", 10, task="s"), *balanced("AB", 10, task="t")]
    with pytest.raises(RankingError, match="the task t"):
        rank(VerdictTable.from_rows(rows), reference="C")


def test_one_contestant_cannot_be_two_entrants_on_a_task() -> None:
    rows = [
        Verdict("A", "B", "a", task="t", entrant_a="x", entrant_b="y"),
        Verdict("B", "A", "a", task="t", entrant_a="z", entrant_b="x"),
    ]
    with pytest.raises(RankingError) as caught:
        VerdictTable.from_rows(rows)
    assert caught.value.row == 2
    VerdictTable.from_rows([rows[0], replace(rows[1], task="u")])


def test_who_alone_is_in_every_task_has_nobody_to_be_averaged_against() -> None:
    rows = [*series("X", "Y", "ab" * 6, task="s"), *series("Y", "Z", "ab" * 6, task="t")]
    for reference in (None, "Y"):
        told = rank(VerdictTable.from_rows(rows), reference=reference).warnings
        assert "Only Y is in every task, so there is nobody to average it against." in told
        assert not any("No finite rating" in text or "reference" in text for text in told)


def test_who_alone_is_rated_on_every_task_is_not_said_to_be_unrated() -> None:
    # X is undefeated in the one task, Z in the other.
    rows = [
        *balanced("YZ", 12, task="s"),
        *[Verdict("X", other, "a", f"p{i}", "s") for i in range(12) for other in "YZ"],
        *balanced("YX", 12, task="t"),
        *[Verdict("Z", other, "a", f"p{i}", "t") for i in range(12) for other in "YX"],
    ]
    told = rank(VerdictTable.from_rows(rows)).warnings
    assert "No finite rating on every task, so none on average: X, Z." in told
    assert "Only Y has a finite rating on every task, so there is nobody to average it against." in told


def test_a_bootstrap_that_is_infinite_both_ways_is_no_warning_of_the_arithmetic() -> None:
    # A wins nearly everything on one task and loses nearly everything on the other.
    rows = [
        *[verdict for task in "st" for verdict in balanced("BC", 12, task=task)],
        *series("A", "B", "aaaaab", task="s"),
        *series("A", "B", "bbbbba", task="t"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ranking = rank(VerdictTable.from_rows(rows), interval="bootstrap", replicates=200)
    assert (ranking.standing("A").lo, ranking.standing("A").hi) == (None, None)


@pytest.mark.parametrize("seed", [10, 32, 41, 52])
def test_entrants_that_always_answer_alike_are_never_told_apart(seed: int) -> None:
    """Their ratings may differ in the last bits, of which they are as sure as of nothing else."""
    chance = random.Random(seed)
    means = {name: chance.gauss(0.0, 0.5) for name in "ABCDEFG"}
    rows: list[Verdict] = []
    for task, count in (("r", 30), ("s", 30), ("t", 16)):
        for prompt in range(count):
            quality = {name: chance.gauss(mean, 1.0) for name, mean in means.items()}
            quality["B"] = quality["A"]
            for a, b in combinations(means, 2):
                gap = quality[a] - quality[b]
                winner = "tie" if abs(gap) < 0.6 else "a" if gap > 0 else "b"
                rows.append(Verdict(a, b, winner, str(prompt), task))
    ranking = rank(VerdictTable.from_rows(rows))
    one, other = ranking.standing("A"), ranking.standing("B")
    assert (one.rank, one.rank_lo, one.rank_hi) == (other.rank, other.rank_lo, other.rank_hi)
    assert not ranking.separable("A", "B")
    assert not ranking.separable("B", "A")
    beside = rank(VerdictTable.from_rows(rows), reference="A").standing("B")
    assert beside.lo is not None
    assert beside.hi is not None
    assert beside.lo <= 0.0 <= beside.hi
