"""Sparsifiers: which elements of a change from the base are kept. All work in place.

n is the number of elements of the tensor, rho the density; rho >= 1 keeps everything.
"""

from __future__ import annotations

import torch

from engine.merging.spheres import PIECE, pieces


def largest(values: torch.Tensor, count: int) -> torch.Tensor:
    """Mask of the ``count`` largest elements; among equal ones at the border the first in memory win.

    16-bit models have many equal magnitudes, so which of them stay is arbitrary but must be repeatable.
    """
    mask = torch.zeros(values.shape, dtype=torch.bool)
    total = values.numel()
    if count <= 0 or total == 0:
        return mask
    if count >= total:
        return mask.fill_(True)
    # Selection, not sorting: linear time, and one copy of the tensor.
    ordered = values.detach().float().contiguous().view(-1).numpy().copy()
    ordered.partition(total - count)
    border = float(ordered[total - count])
    del ordered
    above = sum(int((part > border).sum()) for (part,) in pieces(values))
    open_places = count - above
    for part, chosen in pieces(values, mask):
        torch.gt(part, border, out=chosen)
        if open_places > 0:
            equal = torch.nonzero(part == border).view(-1)[:open_places]
            chosen[equal] = True
            open_places -= equal.numel()
    return mask


def keep_largest(change: torch.Tensor, density: float) -> None:
    """Keep the k = max(1, int(rho n)) elements of largest magnitude (TIES, arXiv 2306.01708)."""
    if density < 1:
        change.mul_(largest(change.abs(), max(1, int(density * change.numel()))))


def keep_random(change: torch.Tensor, density: float, generator: torch.Generator) -> None:
    """Keep each element with probability rho (DARE, arXiv 2311.03099)."""
    if density >= 1:
        return
    for (part,) in pieces(change):
        part.mul_(torch.rand(part.shape, generator=generator) < density)


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
    change.mul_(mask)


def keep_by_rank(change: torch.Tensor, density: float, epsilon: float, generator: torch.Generator) -> None:
    """Keep elements at random, larger ones more often (DELLA, arXiv 2406.11617).

    Per row of c elements, the one with rank r by magnitude (0 the smallest) stays with probability
    (rho - epsilon) + 2 epsilon r / (c - 1), clipped to 0 to 1.
    """
    if density >= 1 or change.numel() == 0:
        return
    width = change.shape[-1] if change.dim() > 1 else change.numel()
    rows = change.view(-1, width)
    step = max(1, PIECE // width)
    for start in range(0, rows.shape[0], step):
        part = rows[start : start + step]
        order = torch.argsort(part.abs(), dim=1, stable=True)
        ranks = torch.empty_like(order)
        ranks.scatter_(1, order, torch.arange(width).expand_as(order))
        if width > 1:
            keep = (density - epsilon) + 2 * epsilon * ranks.float() / (width - 1)
        else:
            keep = torch.full(part.shape, density)
        part.mul_(torch.rand(part.shape, generator=generator) < keep)
