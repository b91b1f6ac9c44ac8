"""The order of examples is decided by the seed alone."""

from __future__ import annotations

import random
from itertools import chain

import pytest

from engine.progress import SilentReporter
from engine.training.batches import EpochBatches, epoch_batches, parts
from engine.training.schedule import plan_schedule
from engine.training.spec import TrainRecipe


def test_every_example_comes_once_per_epoch() -> None:
    lengths = [random.Random(1).randrange(5, 90) for _ in range(101)]
    batches = epoch_batches(lengths, 8, seed=3, epoch=0)
    assert sorted(chain.from_iterable(batches)) == list(range(101))
    assert max(len(batch) for batch in batches) == 8


def test_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    lengths = list(range(10, 60))
    first = epoch_batches(lengths, 4, seed=1, epoch=0)
    assert first == epoch_batches(lengths, 4, seed=1, epoch=0)
    assert first != epoch_batches(lengths, 4, seed=1, epoch=1)
    assert first != epoch_batches(lengths, 4, seed=2, epoch=0)


def test_an_epoch_is_put_in_order_once() -> None:
    lengths = list(range(10, 60))
    batches = EpochBatches(lengths, 4, seed=1)
    for epoch in (0, 1, 0):
        order = batches.of(epoch)
        assert order == epoch_batches(lengths, 4, seed=1, epoch=epoch)
        assert batches.of(epoch) is order


def test_like_lengths_go_together_so_that_little_is_padded() -> None:
    chance = random.Random(5)
    lengths = [chance.randrange(10, 400) for _ in range(512)]
    batches = epoch_batches(lengths, 8, seed=0, epoch=0)
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in batches)
    assert sum(lengths) / padded > 0.9


def test_parts_stay_within_the_tokens_and_lose_nothing() -> None:
    lengths = [10, 300, 20, 30, 500, 15]
    found = parts(range(6), lengths, 320)
    assert sorted(chain.from_iterable(found)) == list(range(6))
    for part in found:
        assert len(part) == 1 or max(lengths[i] for i in part) * len(part) <= 320


@pytest.mark.parametrize(("examples", "epochs"), [(20, 10), (1000, 10), (2500, 4), (9000, 1), (100_000, 1)])
def test_epochs_follow_the_size_of_the_data(examples: int, epochs: int) -> None:
    assert plan_schedule(examples, TrainRecipe(), SilentReporter()).epochs == epochs


def test_epochs_follow_the_data_and_steps_what_is_trained_of_it() -> None:
    schedule = plan_schedule(1060, TrainRecipe(batch_size=10), SilentReporter(), held_out=60)
    assert schedule.epochs == round(10_000 / 1060)
    assert schedule.steps_per_epoch == 100


def test_the_rate_rises_peaks_and_falls_to_nearly_zero() -> None:
    schedule = plan_schedule(
        800, TrainRecipe(epochs=1, learning_rate=1e-3, warmup_share=0.1), SilentReporter()
    )
    rates = [schedule.rate(step) for step in range(schedule.steps)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[0] == pytest.approx(1e-4)
    assert rates[-1] < 1e-6 * 10


def test_evaluations_are_spread_and_one_is_at_the_end() -> None:
    schedule = plan_schedule(80, TrainRecipe(epochs=1), SilentReporter())
    due = [step for step in range(1, schedule.steps + 1) if schedule.evaluates_after(step, 4)]
    assert len(due) == 4
    assert due[-1] == schedule.steps
