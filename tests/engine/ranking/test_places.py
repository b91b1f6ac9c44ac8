"""The order of a table and the ranks in it: never against what is sure, and the same whatever anybody is called."""

from __future__ import annotations

import itertools
import math

import numpy as np

from engine.ranking import Verdict, VerdictTable, rank
from engine.ranking.places import place

NAN = math.nan


def nothing_sure(count: int) -> np.ndarray:
    return np.zeros((count, count), dtype=np.bool_)


def test_nobody_comes_between_equals_whatever_they_are_called() -> None:
    # B and E are equal; C beat somebody whom only B beat, so that it has no rating and may stand anywhere.
    record = ["BA", "BA", "BD", "CD"]
    for names in itertools.permutations("ABCDE"):
        called = dict(zip("ABCDE", names, strict=True))
        rows = [Verdict(called[winner], called[loser], "a", "p0") for winner, loser in record]
        table = rank(VerdictTable.from_rows([*rows, Verdict(called["B"], called["E"], "tie", "p0")]))
        ranks = {name: table.standing(called[name]).rank for name in "ABCDE"}
        assert ranks == {"B": 1, "E": 1, "C": 3, "A": 4, "D": 5}
        order = [row.name for row in table.contestants]
        assert abs(order.index(called["B"]) - order.index(called["E"])) == 1


def test_equals_share_a_rank_and_stand_in_the_order_of_their_names() -> None:
    places = place(nothing_sure(3), np.array([0.5, -1.0, 0.5 + 1e-12]), np.zeros(3), ["b", "c", "a"])
    assert places.order == (2, 0, 1)
    assert places.rank.tolist() == [1, 3, 1]


def test_one_without_a_rating_stands_where_its_possible_ranks_have_their_middle() -> None:
    better = nothing_sure(4)
    better[0, 1] = better[0, 2] = better[0, 3] = True  # the unrated one is surely first
    places = place(better, np.array([NAN, 1.0, 0.0, -1.0]), np.zeros(4), list("dabc"))
    assert places.order == (0, 1, 2, 3)
    assert places.rank.tolist() == [1, 2, 3, 4]
    assert places.rank_hi.tolist() == [1, 4, 4, 4]


def test_what_is_sure_goes_before_the_middle_of_possible_ranks() -> None:
    # c is unrated with a late middle, but surely better than the leader of the rated.
    better = nothing_sure(3)
    better[2, 0] = True
    places = place(better, np.array([1.0, 0.5, NAN]), np.array([0.0, 0.0, -5.0]), ["a", "b", "c"])
    assert places.order.index(2) < places.order.index(0)


def test_contradictory_certainties_still_give_everybody_one_place() -> None:
    better = nothing_sure(3)
    better[0, 1] = better[1, 2] = better[2, 0] = True
    places = place(better, np.full(3, NAN), np.zeros(3), ["a", "b", "c"])
    assert sorted(places.order) == [0, 1, 2]
