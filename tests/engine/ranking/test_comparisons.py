"""One pair judged in both orders is one comparison; everything else stays what it is."""

from __future__ import annotations

import pytest

from engine.ranking import Ranking, Verdict, VerdictTable, head_to_head, rank


def ranked(*rows: Verdict) -> Ranking:
    return rank(VerdictTable.from_rows(rows))


def tally(ranking: Ranking, name: str) -> tuple[int, int, int]:
    row = ranking.standing(name)
    return row.wins, row.ties, row.losses


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("a", "b", (1, 0, 0)),
        ("b", "a", (0, 0, 1)),
        ("a", "a", (0, 1, 0)),
        ("b", "b", (0, 1, 0)),
        ("tie", "tie", (0, 1, 0)),
        ("a", "tie", (0, 1, 0)),
        ("tie", "a", (0, 1, 0)),
    ],
)
def test_both_orders(first: str, second: str, expected: tuple[int, int, int]) -> None:
    ranking = ranked(Verdict("A", "B", first, "p"), Verdict("B", "A", second, "p"))
    assert ranking.comparisons == 1
    assert tally(ranking, "A") == expected


def test_an_order_without_a_verdict_takes_the_pair_out() -> None:
    other = Verdict("A", "B", "b", "q"), Verdict("B", "A", "a", "q")
    half = Verdict("A", "B", "a", "p"), Verdict("B", "A", None, "p")
    for rows in (half, half[::-1]):
        ranking = ranked(*rows, *other)
        assert (ranking.comparisons, tally(ranking, "A")) == (1, (0, 0, 1))
        assert "1 pair was left out: one of the two orders was judged without a result." in ranking.warnings


def test_an_order_that_was_judged_in_the_end_counts() -> None:
    again = ranked(Verdict("A", "B", "a", "p"), Verdict("B", "A", None, "p"), Verdict("B", "A", "b", "p"))
    assert (again.comparisons, tally(again, "A")) == (1, (1, 0, 0))


@pytest.mark.parametrize("change", [{"prompt_id": "q"}, {"judge": "y"}, {"task": "t"}, {"prompt_id": None}])
def test_a_failure_elsewhere_takes_nothing_out(change: dict[str, str | None]) -> None:
    base = {"prompt_id": "p", "judge": "x", "task": "s"}
    failed = Verdict("B", "A", None, **{**base, **change})  # type: ignore[arg-type]
    assert ranked(Verdict("A", "B", "a", **base), failed).comparisons == 1  # type: ignore[arg-type]


def test_where_no_verdict_weighs_anything_the_contestants_are_named() -> None:
    ranking = ranked(Verdict("A", "B", "a", "p", weight=0), Verdict("C", "B", "a", "p", weight=0))
    assert {
        (row.name, row.rating, row.lo, row.hi, row.rank_lo, row.rank_hi) for row in ranking.contestants
    } == {(name, None, None, None, 1, 3) for name in "ABC"}
    assert "There is no scored verdict." in ranking.warnings


def test_a_task_without_weight_is_left_out_and_told() -> None:
    ranking = ranked(Verdict("A", "B", "a", "p", "s"), Verdict("A", "C", "a", "p", "t", weight=0))
    assert list(ranking.tasks) == ["s"]
    assert "The task t is left out: all of its verdicts have the weight 0." in ranking.warnings


def test_other_prompts_tasks_and_judges_are_other_comparisons() -> None:
    for one, two in (
        ({"prompt_id": "p"}, {"prompt_id": "q"}),
        ({"task": "s"}, {"task": "t"}),
        ({"judge": "x"}, {"judge": "y"}),
    ):
        base = {"prompt_id": "p"}
        rows = Verdict("A", "B", "a", **{**base, **one}), Verdict("B", "A", "a", **{**base, **two})  # type: ignore[arg-type]
        assert ranked(*rows).comparisons == 2


def test_without_a_prompt_nothing_is_combined() -> None:
    assert ranked(Verdict("A", "B", "a"), Verdict("B", "A", "b")).comparisons == 2
    mixed = ranked(Verdict("A", "B", "a"), Verdict("B", "A", "b"), Verdict("A", "B", "a", "p"))
    assert (mixed.comparisons, mixed.prompts) == (3, 1)
    assert any("2 verdicts without a prompt_id" in text for text in mixed.warnings)


def test_repeats_in_one_order_are_several_voters() -> None:
    ranking = ranked(*[Verdict("A", "B", w, "p") for w in ("a", "a", "b", "tie")])
    assert ranking.comparisons == 4
    assert tally(ranking, "A") == (2, 1, 1)


def test_repeats_in_both_orders_count_with_the_majority_of_each() -> None:
    rows = [Verdict("A", "B", w, "p") for w in "aab"] + [Verdict("B", "A", w, "p") for w in "bba"]
    ranking = ranked(*rows)
    assert (ranking.comparisons, tally(ranking, "A")) == (1, (1, 0, 0))
    assert any("majority" in text for text in ranking.warnings)


def test_combining_keeps_the_rest_of_the_table() -> None:
    rows = [
        Verdict("C", "A", "tie", "p"),
        Verdict("B", "A", "a", "p"),
        Verdict("A", "B", "b", "p"),
        Verdict("B", "C", "b", "p"),
    ]
    ranking = ranked(*rows)
    assert ranking.comparisons == 3
    assert [tally(ranking, n) for n in "ABC"] == [(0, 1, 1), (1, 0, 1), (1, 1, 0)]


def test_head_to_head_counts_shares_of_wins() -> None:
    rows = [Verdict("A", "B", w, f"p{i}") for i, w in enumerate(("a", "a", "tie", "b"))]
    table = head_to_head(
        VerdictTable.from_rows([*rows, Verdict("C", "A", None, "p9")]), order=("B", "A", "C")
    )
    assert table.share[1, 0] == pytest.approx(0.625)
    assert table.share[0, 1] == pytest.approx(0.375)
    assert table.comparisons[0, 1] == 4
    assert table.as_dict()["share"][0][2] is None
