"""A judge that is asked in batches: the same verdicts as one by one, for less."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.inference.budget import Budget
from engine.judging.batch_judge import BatchJudge
from engine.judging.judge import JudgingResult, judge_pairs
from engine.judging.pairs import Goal, PairChooser
from engine.judging.prompt import judge_prompt
from engine.judging.standing import undecided_among
from tests.engine.judging.arena import KEY, MARKS, MemoryLedger, endpoint, field, judge_of, judged, prompts
from tests.fake_openai import FakeOpenAI, Truth


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(Truth(key=KEY, strengths=dict(MARKS))) as fake:
        yield fake


def in_batches(
    server: FakeOpenAI,
    folder: Path,
    ledger: MemoryLedger,
    *,
    count: int = 6,
    goal: str = "ranking",
    most: int | None = None,
    **options: Any,
) -> JudgingResult:
    chooser = PairChooser(
        field(count),
        prompts(count),
        Goal.parse(goal),
        undecided=undecided_among(field(count)),
        max_comparisons=most,
        everything=goal == "ranking",
        growing=True,
    )
    judge = BatchJudge(endpoint(server, **options), "gpt-4o", folder, prompt=judge_prompt(), first_look=0.01)
    return judge_pairs(chooser, judge, ledger)


def test_the_verdicts_are_those_of_one_by_one_and_cost_half(server: FakeOpenAI, tmp_path: Path) -> None:
    ledger, together = MemoryLedger(), MemoryLedger()
    apart = judged(judge_of(server, budget=Budget()), field(6), prompts(6), ledger)
    asked = server.usage.requests
    result = in_batches(server, tmp_path, together)
    assert (server.usage.requests - asked, server.usage.batched) == (1, asked - 1)

    def told(one: MemoryLedger) -> set[tuple[Any, ...]]:
        return {(v.prompt_id, v.contestant_a, v.contestant_b, v.winner, v.explanation) for v in one.verdicts}

    assert told(ledger) == told(together)
    assert result.summary.comparisons == apart.summary.comparisons == 36
    assert apart.summary.cost_usd / 2 < result.summary.cost_usd < 0.52 * apart.summary.cost_usd
    assert together.commits < 4


def test_what_one_by_one_judged_is_not_asked_in_a_batch(server: FakeOpenAI, tmp_path: Path) -> None:
    ledger = MemoryLedger()
    one = judge_of(server)
    # The same judge only with the same limit of its answers.
    assert in_batches(server, tmp_path / "a", ledger, most=4).summary.calls == 8
    asked = server.usage.batched + server.usage.requests
    result = in_batches(server, tmp_path / "b", ledger)
    assert result.summary.cached == 8
    assert server.usage.batched + server.usage.requests - asked == 72 - 8
    assert one.name == "openai:gpt-4o"


def test_a_goal_takes_few_rounds_that_grow(server: FakeOpenAI, tmp_path: Path) -> None:
    server.truth.certain = True
    ledger = MemoryLedger()
    result = in_batches(server, tmp_path, ledger, count=60, goal="best")
    assert result.summary.stopped == "done"
    assert len(server.batches.batches) <= 4
    assert result.summary.comparisons < 6 * 60
    won = [v for v in ledger.verdicts if "Quokka" in (v.name_a, v.name_b)]
    assert all((v.winner == "a") == (v.name_a == "Quokka") for v in won)


def test_the_budget_ends_it_and_what_was_paid_for_is_kept(server: FakeOpenAI, tmp_path: Path) -> None:
    ledger, budget = MemoryLedger(), Budget(0.12)
    result = in_batches(server, tmp_path / "a", ledger, budget=budget)
    assert result.summary.stopped == "budget"
    assert 0 < budget.spent_usd <= 0.12
    kept = len(ledger.verdicts)
    assert 0 < kept == server.usage.batched + server.usage.requests < 72
    rest = in_batches(server, tmp_path / "b", ledger)
    assert (rest.summary.stopped, rest.summary.comparisons, rest.summary.cached) == ("done", 36, kept)


def test_failed_calls_are_failed_verdicts(server: FakeOpenAI, tmp_path: Path) -> None:
    server.truth.failures = ["ok", "ok", "500", "refusal", "prose"]
    ledger = MemoryLedger()
    result = in_batches(server, tmp_path, ledger)
    assert result.summary.failed == 3
    failed = [verdict.reason for verdict in ledger.verdicts if verdict.state == "failed"]
    assert len(failed) == 3
    assert any("The server had an error" in reason for reason in failed)
