"""Geometry on flattened tensors: dot products and norms, exact also over 100 million numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

#: Elements handled at a time: small enough for the processor's cache, large enough to keep it busy.
PIECE = 1 << 16


def pieces(*tensors: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    """Walk flat views of equally large, contiguous tensors in pieces that share no memory with the next."""
    flat = [tensor.view(-1) for tensor in tensors]
    for start in range(0, flat[0].numel(), PIECE):
        yield tuple(part[start : start + PIECE] for part in flat)


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    """Inner product of two tensors, in double precision."""
    # Single precision loses the digits that tell two siblings apart, and as many as the threads decide.
    return math.fsum(float(x.double() @ y.double()) for x, y in pieces(a, b))


def norm(a: torch.Tensor) -> float:
    """Euclidean length of a tensor."""
    return math.sqrt(dot(a, a))


def l1(a: torch.Tensor) -> float:
    """Sum of magnitudes of a tensor."""
    return math.fsum(float(x.abs().sum(dtype=torch.float32)) for (x,) in pieces(a))


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    """Cosine between two tensors, clamped to [-1, 1]; 0 where one of them is all zero."""
    lengths = norm(a) * norm(b)
    return 0.0 if lengths == 0 else max(-1.0, min(1.0, dot(a, b) / lengths))


def combine(tensors: list[torch.Tensor], factors: list[float]) -> torch.Tensor:
    """Weighted sum, computed in place of the first tensor; 16-bit tensors are rounded once, at the end."""
    for parts in pieces(*tensors):
        total = parts[0].float() if parts[0].dtype.itemsize < 4 else parts[0]
        total.mul_(factors[0])
        for part, factor in zip(parts[1:], factors[1:], strict=True):
            # Product and sum are rounded one after the other: a fused step would not cancel exactly.
            total.add_(part.to(total.dtype) * factor)
        if total is not parts[0]:
            parts[0].copy_(total)
    return tensors[0]
