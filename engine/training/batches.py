"""Which examples are computed together, and in which order: decided from the seed alone, so that it resumes."""

from __future__ import annotations

import random
from collections.abc import Sequence

from engine.training.examples import TrainingExample

#: Examples are sorted by length inside groups of this many batches, which keeps padding low and order random.
_GROUP = 16


def epoch_batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """The batches of one epoch as indices, examples of like length together, batches in random order.

    Args:
        lengths: Tokens of each example.
        batch_size: Examples per batch; the last one may be smaller.
        seed: Seed of the run.
        epoch: Counts from 0; every epoch has an order of its own.
    """
    chance = random.Random(seed * 1_000_003 + epoch)
    order = list(range(len(lengths)))
    chance.shuffle(order)
    span = batch_size * _GROUP
    batches: list[list[int]] = []
    for start in range(0, len(order), span):
        group = sorted(order[start : start + span], key=lambda index: lengths[index])
        batches += [group[first : first + batch_size] for first in range(0, len(group), batch_size)]
    chance.shuffle(batches)
    return batches


def parts(batch: Sequence[int], lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Cut a batch into parts whose padded size stays within ``max_tokens`` (one example always fits)."""
    found: list[list[int]] = []
    for index in sorted(batch, key=lambda index: lengths[index]):
        if found and lengths[index] * (len(found[-1]) + 1) <= max_tokens:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def supervised_tokens(batch: Sequence[int], examples: Sequence[TrainingExample]) -> int:
    """Trained tokens of a batch."""
    return sum(examples[index].supervised for index in batch)
