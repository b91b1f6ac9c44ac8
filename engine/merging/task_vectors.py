"""Merge methods that add sparse, weighted changes to a base (the task-vector family).

d_i = x_i - b is sparsified to d'_i, D_i = w_i d'_i. With consensus: the majority sign of sum D_i (0 counts as
plus) decides, the D_i of that sign are added, and the divisor is the sum of their w_i, element by element.
Without: sum D_i and sum w_i. If normalising, divide. Result: b + lambda * mix.
Task arithmetic is arXiv 2212.04089, TIES 2306.01708; the random methods are in `engine.merging.sparsify`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import torch

from engine.merging.sparsify import drop_extremes, keep_by_rank, keep_largest, keep_random
from engine.merging.spheres import l1, pieces

#: Divisors smaller than this are no weights but rounding errors; nothing is divided by them.
_TINY: Final = 1e-8
#: Sparsifies one change in place.
Sparsifier = Callable[[torch.Tensor], None]


def task_arithmetic(
    base: torch.Tensor,
    tensors: list[torch.Tensor],
    weights: list[float],
    *,
    sparsifiers: list[Sparsifier] | None = None,
    sign_consensus: bool = False,
    normalize: bool = False,
    rescale: bool = False,
    lam: float = 1.0,
) -> torch.Tensor:
    """Base plus weighted changes; with sparsifiers and consensus, every method of the family.

    Args:
        base: b; overwritten with the result.
        tensors: x_i; overwritten.
        weights: w_i.
        sparsifiers: One per model.
        sign_consensus: Keep only what agrees with the majority's sign.
        normalize: Divide by the weights that took part.
        rescale: Scale each sparsified change back to its L1 norm before.
        lam: lambda.
    """
    # In 16-bit arithmetic the weights are 16-bit numbers, too.
    weights = torch.tensor(weights, dtype=base.dtype).tolist()
    changes = []
    for index, tensor in enumerate(tensors):
        change = tensor.sub_(base)
        if sparsifiers is not None:
            before = l1(change) if rescale else 0.0
            sparsifiers[index](change)
            after = l1(change) if rescale else 0.0
            if after > _TINY:
                change.mul_(before / after)
        changes.append(change.mul_(weights[index]))
    if sign_consensus:
        mix = consensus(changes, weights, normalize=normalize)
    else:
        mix = changes[0]
        for change in changes[1:]:
            mix.add_(change)
        total = sum(weights)
        if normalize and abs(total) > _TINY:
            mix.div_(total)
    return base.add_(mix, alpha=lam)


def consensus(changes: list[torch.Tensor], weights: list[float], *, normalize: bool) -> torch.Tensor:
    """Sum of the weighted changes that have the majority's sign, in place of the first.

    Args:
        changes: D_i.
        weights: w_i.
        normalize: Divide each element by the weights of those that agreed there.
    """
    least = min(weights)
    for parts in pieces(*changes):
        total = parts[0].clone()
        for part in parts[1:]:
            total += part
        sign = majority(total)
        mix = torch.zeros_like(total)
        divisor = torch.zeros_like(total)
        for part, weight in zip(parts, weights, strict=True):
            agreeing = torch.relu(part * sign)
            mix += agreeing
            if normalize:
                divisor.add_(indicator(agreeing), alpha=weight)
        if normalize:
            mix.div_(safe_divisor(divisor, least))
        parts[0].copy_(mix.mul_(sign))
    return changes[0]


def majority(total: torch.Tensor) -> torch.Tensor:
    """Sign of a sum of changes as 1 and -1; a sum of zero counts as plus."""
    # Adding zero turns -0 into +0. Signs are multiplied, not compared: on one core torch compares slowly.
    return torch.copysign(torch.ones_like(total), total + 0.0)


def indicator(agreeing: torch.Tensor) -> torch.Tensor:
    """1 where a value is above zero, 0 where it is zero. A dropped element agrees with nobody."""
    return agreeing.clamp(0, 1).ceil_()


def safe_divisor(divisor: torch.Tensor, least: float) -> torch.Tensor:
    """The divisor with 1, or anything that is not zero, where nobody agreed or the weights cancel."""
    if least > _TINY:
        return divisor.clamp_(min=least / 2)  # where nobody agreed the numerator is zero anyway
    return divisor.masked_fill_(divisor.abs() < _TINY, 1.0)


def random_subset(density: float, generator: np.random.Generator) -> Sparsifier:
    """DARE's sparsifier."""
    return lambda change: keep_random(change, density, generator)


def top_magnitudes(density: float) -> Sparsifier:
    """The sparsifier of TIES."""
    return lambda change: keep_largest(change, density)


def without_extremes(density: float, gamma: float) -> Sparsifier:
    """The sparsifier of Breadcrumbs."""
    return lambda change: drop_extremes(change, density, gamma)


def ranked_subset(density: float, epsilon: float, generator: np.random.Generator) -> Sparsifier:
    """DELLA's sparsifier."""
    return lambda change: keep_by_rank(change, density, epsilon, generator)
