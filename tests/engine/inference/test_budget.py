"""The ceiling in USD."""

import random
import threading
import time
from pathlib import Path

import pytest

from engine.inference.budget import Budget, BudgetReachedError


def test_what_does_not_fit_is_refused_and_what_was_not_spent_comes_back() -> None:
    budget = Budget(1.0)
    first = budget.reserve(0.75)
    budget.settle(first, 0.25)
    second = budget.reserve(0.75)
    budget.settle(second, 0.75)
    with pytest.raises(BudgetReachedError, match=r"1\.0000 USD"):
        budget.reserve(0.01)
    assert budget.spent_usd == 1.0


def test_without_a_limit_only_the_books_are_kept() -> None:
    budget = Budget()
    budget.settle(budget.reserve(1e9), 2.0)
    assert budget.spent_usd == 2.0


@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_a_limit_is_a_number_from_zero_up(limit: float) -> None:
    with pytest.raises(BudgetReachedError):
        Budget(limit)


def test_a_budget_of_nothing_lets_only_free_calls_through() -> None:
    budget = Budget(0.0)
    budget.settle(budget.reserve(0.0), 0.0)
    with pytest.raises(BudgetReachedError):
        budget.reserve(1e-9)


def test_a_call_waits_while_others_hold_money_that_they_may_give_back() -> None:
    budget = Budget(1.0)
    holding = budget.reserve(0.9)
    got: list[object] = []
    waiter = threading.Thread(target=lambda: got.append(budget.reserve(0.5)))
    waiter.start()
    time.sleep(0.1)
    assert not got
    budget.settle(holding, 0.1)
    waiter.join(5)
    assert len(got) == 1


def test_threads_together_never_pass_the_ceiling() -> None:
    budget, most, lock = Budget(1.0), 0.0, threading.Lock()
    held: dict[int, float] = {}

    def spend(seed: int) -> None:
        nonlocal most
        draw = random.Random(seed)
        while True:
            wanted = draw.uniform(0.01, 0.05)
            try:
                reservation = budget.reserve(wanted)
            except BudgetReachedError:
                return
            with lock:
                held[seed] = wanted
                most = max(most, budget.spent_usd + sum(held.values()))
            time.sleep(0.0005)
            with lock:
                held.pop(seed)
                budget.settle(reservation, wanted * draw.random())

    threads = [threading.Thread(target=spend, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most <= 1.0 + 1e-9
    assert 0.9 < budget.spent_usd <= 1.0


def test_a_journal_carries_the_books_into_the_next_process(tmp_path: Path) -> None:
    journal = tmp_path / "money.jsonl"
    before = Budget(1.0, journal=journal)
    before.settle(before.reserve(0.5), 0.2)
    # A killed process leaves a reservation open: the call may have been paid.
    before.reserve(0.3)
    after = Budget(1.0, journal=journal)
    assert after.spent_usd == pytest.approx(0.5)
    with pytest.raises(BudgetReachedError):
        after.reserve(0.6)
    assert Budget(1.0, journal=journal).spent_usd == pytest.approx(0.5)


def test_a_journal_line_cut_by_a_kill_is_dropped(tmp_path: Path) -> None:
    journal = tmp_path / "money.jsonl"
    before = Budget(1.0, journal=journal)
    before.settle(before.reserve(0.5), 0.2)
    whole = journal.read_bytes()
    for cut in range(len(whole)):
        journal.write_bytes(whole[:cut])
        expected = 0.0 if whole[:cut].count(b"\n") == 0 else 0.5
        assert Budget(1.0, journal=journal).spent_usd == expected


def test_a_ceiling_that_is_raised_lets_waiting_calls_go() -> None:
    budget = Budget(1.0)
    held = budget.reserve(0.9)
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(budget.reserve(0.5)))
    waiting.start()
    budget.allow(2.0)
    waiting.join(10)
    assert len(got) == 1
    budget.settle(held, 0.1)
    with pytest.raises(BudgetReachedError):
        budget.allow(-1.0)
