"""A plan of a run before it starts: steps, memory and time, without loading the model."""

from __future__ import annotations

from typing import Any

from engine.models.inspect import ModelInfo
from engine.models.memory import memory_to_train
from engine.models.speed import START_SECONDS, available_memory, machine_flops, training_flops
from engine.training.batches import epoch_batches, parts
from engine.training.examples import TrainingExample
from engine.training.schedule import Schedule
from engine.training.spec import TrainRecipe


def training_seconds(info: ModelInfo, tokens: int, lora_layers: float) -> float:
    """Rough seconds to train a share of the layers on ``tokens`` tokens on this machine."""
    weights = max(info.parameters - info.vocabulary * info.hidden, 1)
    return tokens * weights * training_flops(lora_layers) / machine_flops() + START_SECONDS


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
        "seconds": round(training_seconds(info, tokens, recipe.lora_layers), 1),
        "recipe": recipe.model_dump(),
    }
