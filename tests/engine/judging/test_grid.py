"""The grid of answers: who won where, read again only where something changed, both orders of a verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.inference.outputs import Output
from engine.judging.counted import Tally
from engine.judging.grid import judged_pair, judges_of, read_grid
from engine.judging.ledger import CatalogueLedger
from engine.workspace import Workspace
from engine.workspace.naming import NameUnknownError
from tests.answered import COUNT, NAMES, answer, fill, judge, prompts


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill(workspace, tmp_path)
    return workspace


def test_answers_without_a_judge(filled: Workspace) -> None:
    grid = read_grid(filled, "things", "test")
    assert (grid.judge, grid.judges, len(grid.prompts), grid.spent_usd) == ("", (), COUNT, 0.0)
    assert [one.name for one in grid.answerers] == sorted(NAMES)
    assert {one.answered for one in grid.answerers} == {COUNT}
    assert grid.tally(grid.prompts[0].id, "c-Good") == Tally()
    good, bad = (grid.score(grid.prompts[0], who) for who in ("c-Good", "c-Bad"))
    assert good == 1.0
    assert bad is not None
    assert bad < 1.0
    assert grid.score(grid.prompts[0], "nobody") is None
    assert judges_of(filled, "things", "test") == []
    with pytest.raises(NameUnknownError):
        read_grid(filled, "nothing", "test")


def test_both_orders_make_one_comparison_and_the_best_stands_first(filled: Workspace) -> None:
    first, second, third = prompts(filled)[:3]
    for prompt in (first, second):
        judge(filled, prompt, "Good", "Bad", "a", explanation="It says good.")
        judge(filled, prompt, "Bad", "Good", "b" if prompt == first else "a")
    judge(filled, third, "Good", "Bad", None, reason="It said nothing.")
    grid = read_grid(filled, "things", "test")
    assert grid.judge == "lab:judge"
    assert grid.answerers[0].name == "Good"
    assert grid.tally(first, "c-Good") == Tally(wins=1)
    assert grid.tally(first, "c-Good", among={"c-Copy"}) == Tally()
    assert grid.tally(second, "c-Bad") == Tally(ties=1)
    assert grid.answerers[0].tally.rate == 0.75
    assert grid.spent_usd == pytest.approx(0.05)
    (judged,) = judged_pair(filled, grid, first, "c-Bad", "c-Good")
    assert [verdict.name_a for verdict in judged.verdicts] == ["Bad", "Good"]
    assert judged.verdicts[1].explanation == "It says good."
    assert judged.comparison is not None
    assert judged.comparison.consistent
    (failed,) = judged_pair(filled, grid, third, "c-Good", "c-Bad")
    assert (failed.comparison, failed.verdicts[0].reason) == (None, "It said nothing.")


def test_what_has_not_changed_is_not_read_again(filled: Workspace) -> None:
    grid = read_grid(filled, "things", "test")
    assert read_grid(filled, "things", "test", before=grid) is grid
    first = prompts(filled)[0]
    judge(filled, first, "Good", "Bad", "a", judge="reference")
    fresh = read_grid(filled, "things", "test", before=grid)
    assert fresh is not grid
    assert fresh.outputs["c-Good"] is grid.outputs["c-Good"]
    assert fresh.tally(first, "c-Good") == Tally(wins=1)
    # The same name has answered anew: what counts is the newer one.
    answer(filled, "New", [Output(first, "it is new", "stop", 3, 0.1)])
    assert "New" in {one.name for one in read_grid(filled, "things", "test", before=fresh).answerers}


def test_of_several_judges_the_one_with_the_most_verdicts_is_taken(filled: Workspace) -> None:
    first, second = prompts(filled)[:2]
    judge(filled, first, "Good", "Bad", "a", judge="reference")
    ledger = CatalogueLedger(filled.catalogue, "d1", "test")
    vote = replace(ledger.all("reference")[0], judge="human", judge_prompt_sha256="", winner="b")
    ledger.add([vote, replace(vote, key="other", prompt_id=second)])
    grid = read_grid(filled, "things", "test")
    assert grid.judge == "human"
    assert grid.judges == (("human", 2), ("reference", 1))
    assert grid.tally(first, "c-Bad") == Tally(wins=1)
    assert read_grid(filled, "things", "test", "reference").tally(first, "c-Good") == Tally(wins=1)
    judged = judged_pair(filled, grid, first, "c-Good", "c-Bad")
    assert [one.judge for one in judged] == ["human", "reference"]
