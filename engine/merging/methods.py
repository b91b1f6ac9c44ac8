"""Merge methods that average models: each one typed function from tensors to a tensor.

Every function takes equally shaped floating-point tensors that it may overwrite, and returns one of that
shape. Notation: x_i inputs, b base, d_i = x_i - b, w_i weight. Methods that combine sparse changes from a
base are in `engine.merging.task_vectors`.
"""

from __future__ import annotations

import math
from typing import Final

import torch

from engine.merging.sparsify import keep, largest
from engine.merging.spheres import combine, cosine, dot, norm, pieces
from engine.merging.task_vectors import indicator, majority, safe_divisor

#: Above this cosine two tensors are so nearly parallel that the arc is a straight line.
_PARALLEL: Final = 0.9995
_TINY: Final = 1e-8
#: Smallest distance by which nearswap divides.
_NEAREST: Final = 1e-6


def linear(tensors: list[torch.Tensor], weights: list[float], *, normalize: bool = True) -> torch.Tensor:
    """Weighted average: sum w_i x_i, divided by sum w_i when normalising."""
    total = sum(weights)
    divisor = total if normalize and abs(total) > _TINY else 1.0
    return combine(tensors, [weight / divisor for weight in weights])


def slerp(a: torch.Tensor, b: torch.Tensor, *, t: float) -> torch.Tensor:
    """Point at ``t`` on the arc from ``a`` (t = 0) to ``b`` (t = 1), over the flattened tensors.

    With th the angle between them: [sin((1-t) th) a + sin(t th) b] / sin th, on the un-normalised tensors
    (Shoemake 1985); the straight line where they are nearly parallel.
    """
    return combine([a, b], list(_arc(cosine(a, b), t)))


def nuslerp(
    tensors: list[torch.Tensor],
    weights: list[float],
    *,
    base: torch.Tensor | None = None,
    flatten: bool = True,
    row_wise: bool = False,
) -> torch.Tensor:
    """SLERP of two models at t = w_2 / (w_1 + w_2); of their changes where there is a base.

    Args:
        tensors: Two tensors.
        weights: Their weights.
        base: What is subtracted before and added after.
        flatten: One angle for the whole tensor; otherwise one per vector along the last dimension.
        row_wise: When not flattened, vectors run along the first dimension instead.
    """
    total = sum(weights)
    t = 0.5 if abs(total) < _TINY else weights[1] / total
    a, b = _changes(tensors, base)
    if flatten or a.dim() < 2:
        mixed = slerp(a, b, t=t)
    else:
        mixed = _slerp_along(a, b, t=t, dim=0 if row_wise else -1)
    return mixed if base is None else mixed.add_(base)


def multislerp(
    tensors: list[torch.Tensor],
    weights: list[float],
    *,
    base: torch.Tensor | None = None,
    normalize_weights: bool = True,
) -> torch.Tensor:
    """Average of directions on the sphere: tangents at the mean direction, averaged and mapped back.

    With unit vectors u_i and their weighted mean m, normalised: T = sum w_i (u_i - <u_i, m> m), and the
    result is (cos|T| m + sin|T| T/|T|) sum w_i |x_i|.
    """
    total = sum(weights)
    if normalize_weights and abs(total) > _TINY:
        weights = [weight / total for weight in weights]
    vectors = _changes(tensors, base)
    lengths = [norm(vector) for vector in vectors]
    length = sum(weight * own for weight, own in zip(weights, lengths, strict=True))
    for vector, own in zip(vectors, lengths, strict=True):
        vector.div_(max(own, _TINY))
    mean = combine([vectors[0].clone(), *vectors[1:]], weights)
    mean_length = norm(mean)
    if mean_length < _TINY:
        # The directions cancel: there is no mean direction, and nothing to add to the base.
        mixed = mean.zero_()
    else:
        mean.div_(mean_length)
        along = [dot(vector, mean) for vector in vectors]
        tangent = combine(vectors, weights)
        tangent.sub_(mean, alpha=sum(w * part for w, part in zip(weights, along, strict=True)))
        mixed = _walk(mean, tangent).mul_(length)
    return mixed if base is None else mixed.add_(base)


def karcher(tensors: list[torch.Tensor], *, max_iter: int = 10, tol: float = 1e-5) -> torch.Tensor:
    """Karcher mean of the directions (least squared arc distance), times the mean length.

    Fixed-point iteration: average the tangents towards all directions at the present point, step there, stop
    when the step is shorter than ``tol`` (Karcher 1977).
    """
    lengths = [norm(tensor) for tensor in tensors]
    mean_length = sum(lengths) / len(lengths)
    units = [x.div_(own) for x, own in zip(tensors, lengths, strict=True) if own > _TINY]
    if not units:
        return tensors[0]
    share = 1 / len(units)
    point = combine([units[0].clone(), *units[1:]], [share] * len(units))
    start = norm(point)
    point = point.div_(start) if start > _TINY else units[0].clone()
    for _ in range(max_iter):
        factors, back = [], 0.0
        for unit in units:
            cos = max(-1.0, min(1.0, dot(unit, point)))
            angle = math.acos(cos)
            factor = share * (angle / math.sin(angle) if math.sin(angle) > _TINY else 1.0)
            factors.append(factor)
            back += factor * cos
        step = combine([units[0].clone(), *units[1:]], factors).sub_(point, alpha=back)
        length = norm(step)
        if length < tol:
            break
        point = _walk(point, step)
        point.div_(norm(point))
    return point.mul_(mean_length)


def model_stock(
    base: torch.Tensor, tensors: list[torch.Tensor], *, filter_wise: bool = False
) -> torch.Tensor:
    """Between base and average as far as the changes agree (Model Stock, arXiv 2403.19522).

    c = mean over pairs of cos(d_i, d_j), t = N c / (1 + (N-1) c), result t mean(x) + (1-t) b;
    with ``filter_wise`` one c per row.
    """
    count = len(tensors)
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    changes = _changes(tensors, base)
    rows = filter_wise and base.dim() > 1
    if rows:
        c = sum((_row_cosine(changes[i], changes[j]) for i, j in pairs), torch.zeros(())) / len(pairs)
    else:
        c = torch.tensor(sum(cosine(changes[i], changes[j]) for i, j in pairs) / len(pairs))
    denominator = 1 + (count - 1) * c
    t = torch.where(denominator.abs() < _TINY, 0.0, count * c / denominator)
    mean = combine(changes, [1 / count] * count)
    # t mean(x) + (1 - t) b = b + t mean(d)
    factor = t.reshape(-1, *[1] * (base.dim() - 1)) if rows else t
    return mean.mul_(factor.to(mean.dtype)).add_(base)


def nearswap(base: torch.Tensor, tensor: torch.Tensor, *, t: float) -> torch.Tensor:
    """The other model's value where it is near the base's: w x + (1-w) b, w = clamp(t / |b - x|, 0, 1)."""
    for x, b in pieces(tensor, base):
        weight = (t / (b - x).abs_().clamp_(min=_NEAREST)).clamp_(0, 1)
        b.add_(weight.mul_(x.sub_(b)))
    return base


def sce(base: torch.Tensor, tensors: list[torch.Tensor], *, select_topk: float = 1.0) -> torch.Tensor:
    """Select, calculate, erase (FuseChat, arXiv 2408.07990).

    Of the elements that vary over the models, keeps the share ``select_topk`` with the highest variance;
    weights models by the mean square of what is kept; erases what is against the sign of the unweighted sum.
    """
    changes = _changes(tensors, base)
    if select_topk < 1:
        spread = torch.empty_like(base)
        for target, *parts in pieces(spread, *changes):
            stack = torch.stack(parts)
            target.copy_(stack.var(dim=0, unbiased=False))
        kept = largest(spread, int(select_topk * int(torch.count_nonzero(spread))))
        for change in changes:
            keep(change, kept)
    energies = [dot(change, change) for change in changes]
    total = sum(energies)
    weights = [energy / total if total > 0 else 1 / len(energies) for energy in energies]
    for target, *parts in pieces(base, *changes):
        sign = majority(torch.stack(parts).sum(dim=0))
        mix, divisor = torch.zeros_like(target), torch.zeros_like(target)
        for part, weight in zip(parts, weights, strict=True):
            agreeing = torch.relu(part * sign)
            divisor.add_(indicator(agreeing), alpha=weight)
            mix.add_(agreeing, alpha=weight)
        target.add_(mix.div_(safe_divisor(divisor, min(weights))).mul_(sign))
    return base


def scaled(tensor: torch.Tensor, *, scale: float = 1.0) -> torch.Tensor:
    """The tensor times a factor (passthrough)."""
    return tensor if scale == 1.0 else tensor.mul_(scale)


def _arc(cos: float, t: float) -> tuple[float, float]:
    """Factors of start and end at ``t`` on the arc between two vectors with this cosine."""
    if abs(cos) > _PARALLEL:
        return 1 - t, t
    angle = math.acos(cos)
    return math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)


def _slerp_along(a: torch.Tensor, b: torch.Tensor, *, t: float, dim: int) -> torch.Tensor:
    """SLERP of every vector along ``dim`` by itself."""
    lengths = a.norm(dim=dim, keepdim=True) * b.norm(dim=dim, keepdim=True)
    cos = ((a * b).sum(dim=dim, keepdim=True) / lengths.clamp(min=_TINY)).clamp(-1, 1)
    angle = torch.acos(cos)
    sine = torch.sin(angle)
    straight = cos.abs() > _PARALLEL
    first = torch.where(straight, 1 - t, torch.sin((1 - t) * angle) / sine)
    second = torch.where(straight, t, torch.sin(t * angle) / sine)
    return a.mul_(first).add_(b.mul_(second))


def _walk(point: torch.Tensor, tangent: torch.Tensor) -> torch.Tensor:
    """The exponential map: from a unit vector along a tangent, cos|T| p + sin|T| T/|T|."""
    length = norm(tangent)
    if length < _TINY:
        return point
    return combine([point, tangent], [math.cos(length), math.sin(length) / length])


def _row_cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    flat_a, flat_b = a.flatten(1), b.flatten(1)
    lengths = flat_a.norm(dim=1) * flat_b.norm(dim=1)
    cos: torch.Tensor = (flat_a * flat_b).sum(dim=1) / lengths.clamp(min=_TINY)
    return cos.clamp(-1, 1)


def _changes(tensors: list[torch.Tensor], base: torch.Tensor | None) -> list[torch.Tensor]:
    """d_i = x_i - b, in place; the tensors themselves without a base."""
    return tensors if base is None else [tensor.sub_(base) for tensor in tensors]
