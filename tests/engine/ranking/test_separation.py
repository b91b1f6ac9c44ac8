"""Contestants without a finite rating: nothing is made up, and nothing known is thrown away."""

from __future__ import annotations

import itertools
import math

import pytest

from engine.ranking import Ranking, Verdict, VerdictTable, rank
from tests.engine.ranking.arena import balanced, series


def ranked(rows: list[Verdict], reference: str | None = None) -> Ranking:
    return rank(VerdictTable.from_rows(rows), reference=reference)


def test_winning_everything_bounds_the_rating_from_below_only() -> None:
    ranking = ranked(series("A", "B", "a" * 10))
    winner, loser = ranking.contestants
    assert (winner.name, winner.rating, winner.elo, winner.hi) == ("A", None, None, None)
    assert (loser.name, loser.rating, loser.lo) == ("B", None, None)
    # The one-sided sign test: p^10 = 0.025; a rating is half of the difference.
    chance = 0.025**0.1
    assert winner.lo == pytest.approx(math.log(chance / (1 - chance)) / 2, abs=1e-6)
    assert loser.hi == pytest.approx(-winner.lo)
    assert any("finite rating" in text for text in ranking.warnings)
    assert {type(row.lo) for row in ranking.contestants} == {float, type(None)}


@pytest.mark.parametrize(("wins", "certain"), [(1, False), (5, False), (6, True), (30, True)])
def test_the_rank_of_an_unbeaten_contestant_is_that_of_the_sign_test(wins: int, certain: bool) -> None:
    ranking = ranked(series("A", "B", "a" * wins))
    assert ranking.separable("A", "B") is certain
    assert (ranking.standing("A").rank_lo, ranking.standing("A").rank_hi) == (1, 1 if certain else 2)


def test_twenty_wins_on_one_prompt_are_one_observation() -> None:
    rows = balanced("ABC", 30)
    once = ranked([*rows, *[Verdict("U", x, "a", "p0") for x in "ABC" for _ in range(7)]]).standing("U")
    often = ranked([*rows, *[Verdict("U", x, "a", f"p{i}") for i in range(7) for x in "ABC"]]).standing("U")
    assert once.lo is not None
    assert often.lo is not None
    assert once.lo < -2
    assert often.lo > once.lo + 1.5


@pytest.mark.parametrize("opponents", [1, 2, 4, 9])
def test_further_opponents_on_the_same_prompts_take_nothing_away(opponents: int) -> None:
    names = [f"x{k}" for k in range(opponents)]
    ranking = ranked([Verdict("U", x, "a", f"p{i}") for i in range(30) for x in names], reference="U")
    top = ranking.standing("U")
    assert (top.rank_lo, top.rank_hi) == (1, 1)
    # The sign test with thirty prompts: p^30 = 0.025.
    chance = 0.025 ** (1 / 30)
    for name in names:
        row = ranking.standing(name)
        assert (row.rank_lo, row.rank_hi) == (2, opponents + 1)
        assert row.hi == pytest.approx(-math.log(chance / (1 - chance)), abs=1e-6)


def test_a_rated_pair_below_takes_nothing_away_either() -> None:
    names = [f"x{k}" for k in range(9)]
    rows = [Verdict("U", x, "a", f"p{i}") for i in range(30) for x in names]
    rows += [Verdict("x0", "x1", "tie", f"p{i}") for i in range(30)]
    top = ranked(rows).standing("U")
    assert (top.rank_lo, top.rank_hi) == (1, 1)


def test_everybody_has_a_place_in_a_round_robin_without_upsets() -> None:
    pairs = list(itertools.combinations("ABCDEFGH", 2))
    ranking = ranked([Verdict(a, b, "a", f"p{i}") for i in range(30) for a, b in pairs])
    found = [(row.name, row.rank_lo, row.rank_hi) for row in ranking.contestants]
    assert found == [(name, place, place) for place, name in enumerate("ABCDEFGH", start=1)]


@pytest.mark.parametrize(("names", "prompts"), [("ABC", 4), ("ABC", 5), ("ABCD", 4), ("ABCDEF", 4)])
def test_contestants_that_swing_together_with_the_prompt_are_not_told_apart_too_often(
    names: str, prompts: int
) -> None:
    # First and last change places by a coin toss a prompt, with everybody else always between them: on
    # each prompt one toss, however many verdicts show it. All outcomes, so that the shares are exact.
    first, last = names[0], names[-1]
    apart = excluded = 0
    for tosses in itertools.product((False, True), repeat=prompts):
        rows = []
        for prompt, toss in enumerate(tosses):
            order = names if toss else last + names[1:-1] + first
            rows += [Verdict(a, b, "a", f"p{prompt}") for a, b in itertools.combinations(order, 2)]
        ranking = ranked(rows, reference=first)
        row = ranking.standing(last)
        apart += ranking.separable(first, last)
        excluded += (row.lo is not None and row.lo > 0) or (row.hi is not None and row.hi < 0)
    assert apart / 2**prompts <= 0.05
    assert excluded / 2**prompts <= 0.05


def test_the_others_keep_their_ratings_when_somebody_is_unbeaten_or_winless() -> None:
    rows = balanced("ABC", 30, seed=3)
    alone = ranked(rows)
    extra = [Verdict(n, x, w, f"p{i}") for i in range(30) for x in "ABC" for n, w in (("U", "a"), ("Z", "b"))]
    ranking = ranked([*rows, *extra])
    for row in alone.contestants:
        assert ranking.standing(row.name).rating == pytest.approx(row.rating, abs=1e-9)
        assert ranking.standing(row.name).lo == pytest.approx(row.lo, abs=1e-9)
    assert [ranking.contestants[i].name for i in (0, -1)] == ["U", "Z"]
    top, bottom = ranking.standing("U"), ranking.standing("Z")
    assert (top.rating, top.hi, top.rank_lo, top.rank_hi) == (None, None, 1, 1)
    assert (bottom.rating, bottom.lo, bottom.rank_lo, bottom.rank_hi) == (None, None, 5, 5)
    assert top.lo > 1
    assert bottom.hi < -1
    text = " ".join(ranking.warnings)
    assert "undefeated" in text
    assert "winless" in text


def test_a_newcomer_with_one_lucky_win_is_not_put_on_top() -> None:
    ranking = ranked([*balanced("ABCDEFG", 40), Verdict("N", "A", "a", "p0")])
    newcomer = ranking.standing("N")
    assert newcomer.rating is None
    assert (newcomer.rank_lo, newcomer.rank_hi) == (1, 8)
    assert newcomer.hi is None
    assert newcomer.lo is not None


def test_a_bound_goes_through_others() -> None:
    # A was never compared with the rated B and C, only with U, who beat them.
    rows = [*balanced("BC", 40), *series("U", "B", "a" * 40), *series("A", "U", "a" * 40)]
    ranking = ranked(rows)
    assert [row.name for row in ranking.contestants[:2]] == ["A", "U"]
    top = ranking.standing("A")
    assert top.lo > ranking.standing("U").lo > 0
    assert top.rank_hi == 1


def test_two_islands_of_equal_size_have_no_common_scale() -> None:
    rows = [*series("A", "B", "ab" * 20), *series("C", "D", "aab" * 20)]
    ranking = ranked(rows)
    for row in ranking.contestants:
        assert (row.rating, row.elo, row.lo, row.hi) == (None, None, None, None)
    # What is known within an island stays known.
    assert ranked([*rows, *series("C", "D", "aaaaaaaa" * 20)]).separable("C", "D")
    assert not ranking.separable("A", "C")
    assert ranking.standing("A").rank_hi == 4
    assert any("connect" in text for text in ranking.warnings)


def test_of_unequal_islands_the_larger_is_rated() -> None:
    ranking = ranked([*balanced("ABC", 20), *series("X", "Y", "ab" * 10)])
    assert sum(ranking.standing(n).rating for n in "ABC") == pytest.approx(0)
    for name in "XY":
        row = ranking.standing(name)
        assert (row.rating, row.lo, row.hi, row.rank_lo, row.rank_hi) == (None, None, None, 1, 5)
    assert any("not connected" in text and "X, Y" in text for text in ranking.warnings)


def test_a_reference_chooses_the_island() -> None:
    ranking = ranked([*balanced("ABC", 20), *series("X", "Y", "aab" * 10)], reference="Y")
    assert ranking.standing("Y").rating == 0
    assert ranking.standing("X").rating == pytest.approx(math.log(2))
    assert ranking.standing("A").rating is None


def test_an_unbeaten_reference_leaves_differences_one_sided() -> None:
    rows = [*balanced("ABC", 30), *[Verdict("U", x, "a", f"p{i}") for i in range(30) for x in "ABC"]]
    ranking = ranked(rows, reference="U")
    assert ranking.standing("U").rating == 0
    for name in "ABC":
        row = ranking.standing(name)
        assert (row.rating, row.elo, row.lo) == (None, None, None)
        assert row.hi < -1
    assert any("reference U" in text and text.endswith("open on one side.") for text in ranking.warnings)


def test_an_unconnected_reference_leaves_differences_unbounded() -> None:
    ranking = ranked([*balanced("ABC", 20), *series("X", "Y", "aab" * 10)], reference="Y")
    assert any("reference Y" in text and text.endswith("unbounded.") for text in ranking.warnings)
    mixed = ranked(
        [*balanced("ABC", 20), *series("U", "A", "aaaaaaaa"), *series("U", "X", "a")], reference="X"
    )
    assert any(text.endswith("open on one side or both.") for text in mixed.warnings)


def test_a_chain_without_upsets_has_an_order_but_no_ratings() -> None:
    ranking = ranked([*series("A", "B", "a" * 12), *series("B", "C", "a" * 12)])
    assert [row.name for row in ranking.contestants] == ["A", "B", "C"]
    assert all(row.rating is None for row in ranking.contestants)
    middle = ranking.standing("B")
    assert (middle.lo, middle.hi) == (None, None)
    assert ranking.standing("A").lo > 0
    assert ranking.separable("A", "C")


def test_no_verdict_at_all_and_failed_verdicts_only() -> None:
    empty = ranked([])
    assert empty.as_dict()["contestants"] == []
    assert empty.comparisons == 0
    failed = ranked([Verdict("A", "B", None), Verdict("B", "C", "")])
    assert failed.comparisons == 0
    assert {(r.name, r.rating, r.rank_lo, r.rank_hi) for r in failed.contestants} == {
        (n, None, 1, 3) for n in "ABC"
    }
    assert any("2 verdicts without a winner" in text for text in failed.warnings)


def test_a_failed_verdict_is_never_a_loss() -> None:
    rows = balanced("ABC", 20)
    failed = [Verdict("A", x, None, f"p{i}") for i in range(20) for x in "BC"]
    with_failed = ranked([*rows, *failed])
    for row in ranked(rows).contestants:
        assert with_failed.standing(row.name) == row


def test_a_single_prompt_is_called_out() -> None:
    ranking = ranked([Verdict("A", "B", w, "p") for w in "aabab"])
    assert (ranking.interval, ranking.prompts) == ("iid", 1)
    assert any("one prompt" in text for text in ranking.warnings)


def test_without_prompts_the_intervals_are_iid_with_a_warning() -> None:
    ranking = ranked([Verdict("A", "B", w) for w in "aabab"])
    assert (ranking.interval, ranking.prompts) == ("iid", 0)
    assert any("prompt_id" in text for text in ranking.warnings)
