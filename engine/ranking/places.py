"""Order and ranks: who is surely better than whom, and which ranks that leaves open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.ranking.verdicts import Codes, Floats

#: Ratings closer than this are the same: the last bits of a sum do not decide.
SAME: Final = 1e-8


@dataclass(frozen=True, slots=True)
class Places:
    """An order of E entrants and the ranks compatible with the verdicts.

    Attributes:
        order: Codes of the entrants, best first.
        rank: E positions, counted from 1; entrants that nothing tells apart share the first one.
        rank_lo: E ranks: one more than the entrants that are surely better.
        rank_hi: E ranks: the number of entrants less those that are surely worse.
    """

    order: tuple[int, ...]
    rank: Codes
    rank_lo: Codes
    rank_hi: Codes


def surely_better(tail: Floats, level: float) -> NDArray[np.bool_]:
    """Which pairs are told apart, all of them together, by Holm's method.

    The probability that any pair is called wrongly is at most 1 - level, whatever the dependence
    between pairs (S. Holm, Scandinavian Journal of Statistics 6, 1979), so all rank ranges hold
    together at that level. Chosen over a simulated maximum of |t| because degrees of freedom
    differ between contestants and exact tests of unbeaten contestants fit in.

    Args:
        tail: (E, E); entry i, j is the two-sided tail probability that speaks for i being better
            than j, 1 where nothing does (so of i, j and j, i at least one is 1).
        level: The joint confidence level.

    Returns:
        (E, E): row is surely better than column.
    """
    count = len(tail)
    result = np.zeros((count, count), dtype=np.bool_)
    pairs = count * (count - 1) // 2
    rows, columns = np.nonzero(tail < 1.0)
    order = np.argsort(tail[rows, columns], kind="stable")
    for place, index in enumerate(order):
        i, j = rows[index], columns[index]
        if not tail[i, j] < (1.0 - level) / max(1, pairs - place):
            break
        result[i, j] = True
    return result


def place(better: NDArray[np.bool_], rating: Floats, rough: Floats, names: Sequence[str]) -> Places:
    """Order entrants, best first.

    Those with a rating stand in its order. One without is put before the first whose possible ranks
    have a later middle, but never against what is sure; at the same middle the rough rating decides.
    Equals are placed together, so that nobody comes between them, whatever they are called.

    Args:
        better: (E, E) from `surely_better`.
        rating: E ratings, nan where there is none.
        rough: E finite numbers that order the unrated.
        names: Order equals, so that the order does not depend on that of the verdicts.
    """
    count = len(names)
    rank_lo = 1 + better.sum(axis=0).astype(np.int64)
    rank_hi = count - better.sum(axis=1).astype(np.int64)
    middle = (rank_lo + rank_hi) / 2.0
    rated = sorted((i for i in range(count) if not math.isnan(rating[i])), key=lambda i: -rating[i])
    unrated = [i for i in range(count) if math.isnan(rating[i])]
    order: list[int] = []
    rank = np.empty(count, dtype=np.int64)
    while rated or unrated:
        left = rated + unrated
        free = [i for i in unrated if not better[left, i].any()] or ([] if rated else unrated)
        block = [i for i in rated if rating[i] > rating[rated[0]] - SAME]
        if free:
            first = min(middle[i] for i in free)
            highest = max(rough[i] for i in free if middle[i] == first)
            waiting = [i for i in free if middle[i] == first and rough[i] > highest - SAME]
            held_back = bool(better[np.ix_(left, block)].any())
            if not block or held_back or _not_later((first, highest), block, middle, rough):
                block = waiting
        rank[block] = len(order) + 1
        order += sorted(block, key=lambda i: names[i])
        rated = [i for i in rated if i not in block]
        unrated = [i for i in unrated if i not in block]
    return Places(tuple(order), rank, rank_lo, rank_hi)


def _not_later(waiting: tuple[float, float], block: Sequence[int], middle: Floats, rough: Floats) -> bool:
    """Whether entrants of this middle and rough rating come before (or level with) those of ``block``."""
    first = min(middle[i] for i in block)
    if waiting[0] != first:
        return bool(waiting[0] < first)
    return bool(waiting[1] > max(rough[i] for i in block if middle[i] == first) - SAME)
