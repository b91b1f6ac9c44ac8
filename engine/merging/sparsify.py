"""Sparsifiers: which elements of a change from the base are kept. All work in place.

n is the number of elements of the tensor, rho the density; rho >= 1 keeps everything. Masks are made and
applied by numpy, whose comparisons are about twenty times as fast as torch's on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.merging.spheres import PIECE, pieces

Mask = NDArray[np.bool_]


def largest(values: torch.Tensor, count: int) -> Mask:
    """Flat mask of the ``count`` largest elements; among equal ones at the border the first in memory win.

    16-bit models have many equal magnitudes, so which of them stay is arbitrary but must be repeatable.
    """
    flat = _flat(values)
    if count <= 0:
        return np.zeros(flat.size, dtype=np.bool_)
    if count >= flat.size:
        return np.ones(flat.size, dtype=np.bool_)
    # Selection, not sorting: linear time, and one copy of the tensor.
    ordered = flat.copy()
    ordered.partition(flat.size - count)
    border = ordered[flat.size - count]
    del ordered
    mask: Mask = np.greater(flat, border)
    open_places = count - int(np.count_nonzero(mask))
    for start in range(0, flat.size, PIECE):
        if open_places <= 0:
            break
        equal = np.flatnonzero(flat[start : start + PIECE] == border)[:open_places]
        mask[start + equal] = True
        open_places -= equal.size
    return mask


def keep(change: torch.Tensor, mask: Mask) -> None:
    """Set everything outside a flat mask to zero."""
    if change.dtype in (torch.float32, torch.float64):
        flat = change.view(-1).numpy()
        np.multiply(flat, mask, out=flat)
    else:
        change.mul_(torch.from_numpy(mask).view(change.shape))


def keep_largest(change: torch.Tensor, density: float) -> None:
    """Keep the k = max(1, int(rho n)) elements of largest magnitude (TIES, arXiv 2306.01708)."""
    if density < 1 and change.numel():
        keep(change, largest(change.abs(), max(1, int(density * change.numel()))))


def keep_random(change: torch.Tensor, density: float, generator: np.random.Generator) -> None:
    """Keep each element with probability rho (DARE, arXiv 2311.03099)."""
    if density >= 1:
        return
    for (part,) in pieces(change):
        keep(part, generator.random(part.numel(), dtype=np.float32) < density)


def drop_extremes(change: torch.Tensor, density: float, gamma: float) -> None:
    """Drop the int(gamma n) largest and keep the next int(rho n) (Model Breadcrumbs, arXiv 2312.06795).

    Where both together are more than there is, the density holds and fewer of the largest are dropped.
    """
    if density >= 1:
        return
    total = change.numel()
    kept = int(density * total)
    dropped = min(int(gamma * total), total - kept)
    magnitudes = change.abs()
    mask = largest(magnitudes, dropped + kept)
    if dropped:
        mask &= ~largest(magnitudes, dropped)
    keep(change, mask)


def keep_by_rank(
    change: torch.Tensor, density: float, epsilon: float, generator: np.random.Generator
) -> None:
    """Keep elements at random, larger ones more often (DELLA, arXiv 2406.11617).

    Per row of c elements, the one with rank r by magnitude (0 the smallest) stays with probability
    (rho - epsilon) + 2 epsilon r / (c - 1), clipped to 0 to 1.
    """
    if density >= 1 or change.numel() == 0:
        return
    width = change.shape[-1] if change.dim() > 1 else change.numel()
    rows = change.view(-1, width)
    chances = np.full(1, density)
    if width > 1:
        chances = (density - epsilon) + 2 * epsilon * np.arange(width) / (width - 1)
    step = max(1, PIECE // width)
    for start in range(0, rows.shape[0], step):
        part = rows[start : start + step]
        order = np.argsort(np.abs(_flat(part).reshape(part.shape)), axis=1, kind="stable")
        draws = generator.random(part.shape, dtype=np.float32)
        mask = np.empty(part.shape, dtype=np.bool_)
        np.put_along_axis(mask, order, np.take_along_axis(draws, order, axis=1) < chances, axis=1)
        keep(part, mask.reshape(-1))


def _flat(values: torch.Tensor) -> NDArray[Any]:
    """A flat numpy view; 16-bit values are widened, which changes none of them."""
    wide = values.float() if values.dtype.itemsize < 4 else values
    flat: NDArray[Any] = wide.detach().contiguous().view(-1).numpy()
    return flat
