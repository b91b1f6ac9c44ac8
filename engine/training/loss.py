"""The loss: cross-entropy of the answer's tokens, the output head computed at no other position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

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
    backbone = getattr(model, model.base_model_prefix)
    hidden = backbone(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).last_hidden_state
    logits = head_logits(model, hidden[batch.rows, batch.columns])
    return functional.cross_entropy(logits.float(), batch.targets, reduction="sum")


def head_logits(model: Any, hidden: Tensor) -> Tensor:
    """Logits of hidden states, shape (n, hidden) to (n, vocabulary), with the family's scaling and capping."""
    logits: Tensor = model.get_output_embeddings()(hidden)
    config = model.config.get_text_config()
    if scale := getattr(config, "logits_scaling", None):  # Granite divides
        logits = logits / scale
    if scale := getattr(config, "logit_scale", None):  # Cohere multiplies
        logits = logits * scale
    if cap := getattr(config, "final_logit_softcapping", None):  # Gemma 2
        logits = torch.tanh(logits / cap) * cap
    return logits
