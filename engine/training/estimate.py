"""A plan of a run before it starts: steps, memory and time, without loading the model."""

from __future__ import annotations

import os
from typing import Any, Final

from engine.models.inspect import ModelInfo
from engine.models.memory import available_memory, memory_to_train
from engine.training.batches import epoch_batches, parts
from engine.training.examples import TrainingExample
from engine.training.schedule import Schedule
from engine.training.spec import TrainRecipe

#: Multiply-adds per weight and token: forward 2, backward through frozen weights 2, a little for the adapter.
_FLOPS_PER_WEIGHT: Final = 4.4
#: What a core computes in practice in this loop, in float operations per second; measured on AVX2 cores.
_CORE_FLOPS: Final = 5.0e10
#: Start of a worker: torch, transformers, peft, the model.
START_SECONDS: Final = 7.0


def training_seconds(info: ModelInfo, tokens: int) -> float:
    """Rough seconds to train on ``tokens`` tokens on this machine's cores (or its GPU, if it has one)."""
    weights = max(info.parameters - info.vocabulary * info.hidden, 1)
    return tokens * weights * _FLOPS_PER_WEIGHT / (_CORE_FLOPS * (os.cpu_count() or 1)) + START_SECONDS


def plan(
    info: ModelInfo, examples: list[TrainingExample], schedule: Schedule, recipe: TrainRecipe, dtype: str
) -> dict[str, Any]:
    """The plan that ``train --dry-run`` shows."""
    lengths = [len(example.ids) for example in examples]
    batches = epoch_batches(lengths, recipe.batch_size, recipe.seed, 0)
    padded = [
        max(lengths[index] for index in part) * len(part)
        for batch in batches
        for part in parts(batch, lengths, recipe.max_batch_tokens)
    ]
    memory = memory_to_train(
        info,
        method=recipe.method,
        dtype=dtype,
        lora_rank=recipe.lora_rank,
        tokens_per_step=max(padded),
        checkpointing=recipe.gradient_checkpointing,
    )
    tokens = sum(lengths) * schedule.epochs
    return {
        "examples": len(examples),
        "epochs": schedule.epochs,
        "steps": schedule.steps,
        "tokens": tokens,
        "supervised_tokens": sum(example.supervised for example in examples) * schedule.epochs,
        "longest_example": max(lengths),
        "padding_share": round(1 - sum(lengths) / sum(padded), 4),
        "dtype": dtype,
        "memory_mb": round(memory / 1e6),
        "memory_available_mb": round(available_memory() / 1e6),
        "fits": memory <= available_memory(),
        "seconds": round(training_seconds(info, tokens), 1),
        "recipe": recipe.model_dump(),
    }
