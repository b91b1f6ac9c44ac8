"""The loss: cross-entropy of the answer's tokens, the output head computed at no other position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.training.errors import TrainingError
from engine.training.examples import TrainingExample


@dataclass(frozen=True)
class Batch:
    """Examples padded on the right.

    Attributes:
        ids: Token ids, shape (examples, length).
        mask: 1 where there is a token, same shape.
        rows: Row of every position whose next token is trained, shape (supervised,).
        columns: Its column, same shape.
        targets: The trained next tokens, same shape.
    """

    ids: Tensor
    mask: Tensor
    rows: Tensor
    columns: Tensor
    targets: Tensor


def collate(examples: Sequence[TrainingExample], padding: int, device: str) -> Batch:
    """Pad ``examples`` to the longest and list the trained positions."""
    longest = max(len(example.ids) for example in examples)
    ids = torch.full((len(examples), longest), padding, dtype=torch.long)
    mask = torch.zeros_like(ids)
    rows: list[int] = []
    columns: list[int] = []
    targets: list[int] = []
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
        for column in range(max(example.prompt_length, 1), len(example.ids)):
            rows.append(row)
            columns.append(column - 1)
            targets.append(example.ids[column])
    index = [torch.tensor(values, dtype=torch.long) for values in (rows, columns, targets)]
    return Batch(*(tensor.to(device) for tensor in (ids, mask, *index)))


def answer_loss(model: Any, batch: Batch) -> Tensor:
    """Summed cross-entropy in nats over the trained tokens of ``batch`` (a scalar, float32).

    Args:
        model: A transformers causal language model (its adapter, if any, lies inside its modules).
        batch: See `collate`.
    """
    return functional.cross_entropy(answer_logits(model, batch).float(), batch.targets, reduction="sum")


def answer_logits(model: Any, batch: Batch) -> Tensor:
    """The model's own logits at the trained positions, shape (supervised, vocabulary).

    The model computes them itself, with whatever scaling and capping its family has before and after the
    output head; only the head's input is narrowed to the positions that are needed.

    Raises:
        TrainingError: The model computes its logits without its output head.
    """
    head = model.get_output_embeddings()

    def narrow(_head: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0][batch.rows, batch.columns][None], *inputs[1:])

    narrowed = head.register_forward_pre_hook(narrow) if head is not None else None
    try:
        logits: Tensor = model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits
    finally:
        if narrowed is not None:
            narrowed.remove()
    if logits.shape[:-1] != (1, len(batch.targets)):
        raise TrainingError(
            "training.head",
            "Models of the type '{type}' compute their output in a way that cannot be trained here.",
            fix="Choose a base of another architecture.",
            type=model.config.model_type,
        )
    return logits[0]
