"""Rows of embeddings and heads, moved to where the output's tokenizer has their tokens."""

from __future__ import annotations

import torch

from engine.merging.vocabulary import OutputVocabulary


def align_rows(
    tensors: list[torch.Tensor], vocabulary: OutputVocabulary, owners: list[int], base: int | None
) -> list[torch.Tensor]:
    """Bring embeddings of different vocabularies into the order of the output's.

    A model's row for a token is its own where it has the token. Where it has not: the base's, if the base
    has it; else the mean over the models that have it. A row that no model has is zero.

    Args:
        tensors: Embeddings (tokens, width) or biases (tokens).
        vocabulary: The output's tokens.
        owners: For each tensor, which of ``vocabulary.by_model`` it belongs to.
        base: Index in ``tensors`` of the base's, if it is among them.

    Returns:
        As many tensors, with ``vocabulary.rows`` rows each.
    """
    tokens = vocabulary.token_of_row()
    rows = []
    for tensor, owner in zip(tensors, owners, strict=True):
        ids = vocabulary.by_model[owner].ids
        found = [-1 if token is None else ids.get(token, -1) for token in tokens]
        # A tokenizer may know more tokens than its model has rows for.
        rows.append(torch.tensor([row if row < tensor.shape[0] else -1 for row in found]))
    counts = torch.stack([row >= 0 for row in rows]).sum(dim=0)
    aligned = []
    total = torch.zeros(vocabulary.rows, *tensors[0].shape[1:], dtype=tensors[0].dtype)
    for tensor, row in zip(tensors, rows, strict=True):
        own = torch.zeros_like(total)
        own[row >= 0] = tensor[row[row >= 0]]
        total += own
        aligned.append(own)
    total /= counts.clamp(min=1).reshape(-1, *[1] * (total.dim() - 1)).to(total.dtype)
    if base is not None:
        total[rows[base] >= 0] = aligned[base][rows[base] >= 0]
    for own, row in zip(aligned, rows, strict=True):
        own[row < 0] = total[row < 0]
    return aligned


def ownerless_rows(vocabulary: OutputVocabulary) -> int:
    """How many tokens of the output no model has."""
    return sum(not any(token in model.ids for model in vocabulary.by_model) for token in vocabulary.ids)
