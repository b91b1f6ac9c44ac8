"""Verdicts joined to comparisons, and the ledger in the catalogue."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.judging.ledger import CatalogueLedger
from engine.judging.verdicts import IDENTICAL, Verdict, comparisons
from engine.workspace import open_workspace
from engine.workspace.tables import Dataset


def verdict(first: str, second: str, winner: str | None, **changes: object) -> Verdict:
    base = Verdict(
        key=f"{first}>{second}",
        prompt_id="p",
        contestant_a=first,
        contestant_b=second,
        name_a=first,
        name_b=second,
        entrant_a=first,
        entrant_b=second,
        judge="openai:gpt-4o",
        judge_prompt_sha256="0" * 64,
        state="failed" if winner is None else "ok",
        winner=winner,  # type: ignore[arg-type]
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("forward", "backward", "winner", "consistent"),
    [
        ("a", "b", "a", True),
        ("b", "a", "b", True),
        ("tie", "tie", "tie", True),
        ("a", "a", "tie", False),
        ("a", "tie", "tie", False),
    ],
)
def test_both_orders_make_one_comparison_and_disagreement_is_a_tie(
    forward: str, backward: str, winner: str, consistent: bool
) -> None:
    [one] = comparisons([verdict("x", "y", forward), verdict("y", "x", backward)])
    assert (one.contestant_a, one.contestant_b, one.winner, one.consistent) == ("x", "y", winner, consistent)


def test_a_missing_or_failed_order_counts_for_nothing() -> None:
    assert comparisons([verdict("x", "y", "a")]) == []
    assert comparisons([verdict("x", "y", "a"), verdict("y", "x", None)]) == []
    assert comparisons([verdict("x", "y", None), verdict("y", "x", None)]) == []


def test_a_failed_verdict_that_was_asked_again_counts_with_its_answer() -> None:
    rows = [verdict("x", "y", "a"), verdict("y", "x", None), verdict("y", "x", "b")]
    [one] = comparisons(rows)
    assert (one.winner, one.consistent) == ("a", True)


def test_a_judge_that_sees_no_order_needs_one_verdict() -> None:
    [one] = comparisons([verdict("x", "y", "b", judge="reference")])
    assert (one.winner, one.consistent) == ("b", None)


def test_verdicts_of_different_judges_prompts_or_questions_are_not_joined() -> None:
    for change in ({"judge": "openai:gpt-4"}, {"judge_prompt_sha256": "1" * 64}, {"prompt_id": "q"}):
        assert comparisons([verdict("x", "y", "a"), verdict("y", "x", "b", **change)]) == []


def test_the_catalogue_gives_back_what_it_was_given(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    with workspace.catalogue.writing() as session:
        session.add_all(Dataset(id=name, name=name, folder=name, manifest={}) for name in ("d", "e"))
    ledger = CatalogueLedger(workspace.catalogue, "d", "test", "job-1")
    rows = [
        verdict("x", "y", "a", explanation="é 🙂", cost_usd=0.25, seconds=1.5),
        verdict("y", "x", None, reason="no"),
    ]
    ledger.add(rows)
    ledger.add([verdict("x", "y", "b")])
    assert ledger.find("x>y") == [rows[0], verdict("x", "y", "b")]
    assert ledger.all("openai:gpt-4o") == [*rows, verdict("x", "y", "b")]
    assert ledger.all("other") == []
    for elsewhere in (
        CatalogueLedger(workspace.catalogue, "e", "test"),
        CatalogueLedger(workspace.catalogue, "d", "dev"),
    ):
        assert elsewhere.find("x>y") == []
        assert elsewhere.all() == []


def test_the_catalogue_tells_what_a_job_asked_before_it_was_interrupted(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    with workspace.catalogue.writing() as session:
        session.add(Dataset(id="d", name="d", folder="d", manifest={}))
    mine = CatalogueLedger(workspace.catalogue, "d", "test", "job-1")
    other = CatalogueLedger(workspace.catalogue, "d", "test", "job-2")
    assert mine.asked() == []
    asked = [verdict("x", "y", "a"), verdict("y", "x", None, cost_usd=0.1)]
    other.add([verdict("x", "z", "a"), verdict("z", "x", None)])
    mine.add(asked)
    mine.add([verdict("x", "y", "a", contestant_b="twin of y")])  # the same texts, so the same key
    mine.add([verdict("x", "z", "a", contestant_b="twin of z")])  # taken over from the other job
    mine.add([verdict("x", "w", "tie", explanation=IDENTICAL)])
    mine.add([verdict("w", "x", None, reason="The endpoint is down.")])  # cost nothing: to be asked again
    other.add([verdict("x", "y", "a", prompt_id="later")])
    assert mine.asked() == asked
    again = verdict("z", "x", "b")  # what failed for the other job was asked by this one
    mine.add([again])
    assert mine.asked() == [*asked, again]
    assert CatalogueLedger(workspace.catalogue, "d", "dev", "job-1").asked() == []
