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


class EpochBatches:
    """The batches of a run, epoch by epoch; see `epoch_batches`.

    They are put in order when an epoch begins and kept until the next one does: with many examples that takes
    longer than a step.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = lengths
        self._batch_size = batch_size
        self._seed = seed
        self._kept: tuple[int, list[list[int]]] | None = None

    def of(self, epoch: int) -> list[list[int]]:
        """The batches of epoch ``epoch``, counted from 0."""
        if self._kept is None or self._kept[0] != epoch:
            self._kept = (epoch, epoch_batches(self._lengths, self._batch_size, self._seed, epoch))
        return self._kept[1]


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
