"""How many steps, and the learning rate of each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.errors import Words
from engine.progress import Reporter
from engine.training.spec import TrainRecipe


@dataclass(frozen=True)
class Schedule:
    """The steps of a run.

    Attributes:
        epochs: Passes over the data.
        steps_per_epoch: Optimiser steps in each.
        warmup: Steps in which the rate rises linearly.
        peak: Learning rate at the top.
    """

    epochs: int
    steps_per_epoch: int
    warmup: int
    peak: float

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.epochs * self.steps_per_epoch

    def rate(self, step: int) -> float:
        """Learning rate of step ``step`` (from 0): linear rise, then half a cosine down to zero."""
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        share = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.peak * 0.5 * (1 + math.cos(math.pi * share))

    def evaluates_after(self, step: int, evaluations: int) -> bool:
        """Whether the evaluation loss is due after ``step`` steps: evenly spread, and at the end."""
        return step * evaluations // self.steps > (step - 1) * evaluations // self.steps


def plan_schedule(examples: int, recipe: TrainRecipe, reporter: Reporter, *, held_out: int = 0) -> Schedule:
    """Fill in what the recipe leaves open.

    Args:
        examples: Size of the data.
        recipe: How to train.
        reporter: Hears about the choice of epochs.
        held_out: How many of the examples are the evaluation slice and not trained on.
    """
    epochs = recipe.epochs
    if epochs is None:
        epochs = min(max(round(10_000 / examples), 1), 10)
        reporter.decision(
            "epochs", epochs, Words("round(10000 / {examples} examples), between 1 and 10", examples=examples)
        )
    steps_per_epoch = math.ceil((examples - held_out) / recipe.batch_size)
    warmup = round(epochs * steps_per_epoch * recipe.warmup_share)
    return Schedule(epochs, steps_per_epoch, warmup, recipe.learning_rate)
