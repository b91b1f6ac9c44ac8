"""What the verdicts say about contestants whose rating has no finite estimate.

Where a contestant won everything it was compared in, the likelihood grows for ever with its
rating; but it falls on the other side, and that side bounds the rating from below. Write l for
the log-likelihood and l* for its supremum. A value is excluded at level 1 - alpha when

    l* - max l(value) > log(2 / alpha),

which for n wins against a known opponent is exactly the one-sided sign test at alpha / 2,
p^n < alpha / 2 (the usual chi-squared limit of 1.92 instead of 3.69 would exclude truths that
produce such a record in 15% of cases).

Verdicts on one prompt are not independent, and nothing can be learnt about their correlation from
a record without exception. With prompts given, the comparisons of a component with the rest that
share a prompt therefore count as one observation together, and comparisons within a component are
divided by its design effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.ranking.bradley_terry import gradient, information, log_likelihood, maximum_likelihood
from engine.ranking.comparisons import Comparisons
from engine.ranking.connectivity import Connectivity
from engine.ranking.verdicts import Codes, Floats


@dataclass(frozen=True)
class Separation:
    """Answers questions across the components of a graph of wins.

    Attributes:
        wins: (K, K) wins, discounted for correlation within prompts.
        links: The components.
        rating: K maximum likelihood ratings, each component with mean zero.
    """

    wins: Floats
    links: Connectivity
    rating: Floats

    def tail(self, better: int, worse: int) -> float:
        """How probable such a record is (two-sided) if ``better`` is not better than ``worse``.

        1 where no path of wins leads from one to the other, or paths lead both ways.
        """
        reach = self.links.reach
        if not reach[better, worse] or reach[worse, better]:
            return 1.0
        between = np.flatnonzero(reach[better] & reach[:, worse])
        wins = self.wins[np.ix_(between, between)]
        first, second = (int(np.flatnonzero(between == i)[0]) for i in (better, worse))
        merged = wins.copy()
        merged[first] += merged[second]
        merged[:, first] += merged[:, second]
        merged = np.delete(np.delete(merged, second, 0), second, 1)
        np.fill_diagonal(merged, 0.0)
        # Wins between the two themselves are coin tosses once they are equal.
        tosses = (wins[first, second] + wins[second, first]) * math.log(0.5)
        equal = log_likelihood(merged, maximum_likelihood(merged)) + tosses
        drop = self._supremum(between) - equal
        return min(1.0, 2.0 * math.exp(-max(0.0, drop)))

    def lower_end(self, group: Codes, others: Codes, level: float) -> float | None:
        """Lower end of mean rating of ``group`` minus mean rating of ``others``; None if unbounded."""
        return self._end(group, others, level)

    def upper_end(self, group: Codes, others: Codes, level: float) -> float | None:
        """Upper end of mean rating of ``group`` minus mean rating of ``others``; None if unbounded."""
        end = self._end(others, group, level)
        return None if end is None else -end

    def _end(self, high: Codes, low: Codes, level: float) -> float | None:
        """The least mean difference of ``high`` to ``low`` that the verdicts do not exclude."""
        if not len(high) or not len(low) or not self.links.beats_all(high, low):
            return None
        reach = self.links.reach
        # Only contestants on a path of wins from high to low hold the two together.
        between = np.flatnonzero(reach[high].any(axis=0) & reach[:, low].any(axis=1))
        contrast = np.zeros(len(self.rating))
        np.add.at(contrast, high, 1.0 / len(high))
        np.add.at(contrast, low, -1.0 / len(low))
        contrast = contrast[between]
        if not contrast.any():
            return 0.0
        wins = self.wins[np.ix_(between, between)]
        target = self._supremum(between) - math.log(2.0 / (1.0 - level))
        return _least_contrast(wins, contrast, target)

    def _supremum(self, members: Codes) -> float:
        """Supremum of the log-likelihood over whole components: each at its own maximum."""
        component = self.links.component
        return float(sum(self._maxima[code] for code in np.unique(component[members])))

    @cached_property
    def _maxima(self) -> dict[int, float]:
        result = {}
        for code in np.unique(self.links.component):
            mine = self.links.members(int(code))
            result[int(code)] = log_likelihood(self.wins[np.ix_(mine, mine)], self.rating[mine])
        return result


def discounted_wins(data: Comparisons, links: Connectivity, effects: Sequence[float]) -> Floats:
    """The (K, K) win matrix with correlation within prompts taken into account.

    Args:
        data: The comparisons.
        links: Their components.
        effects: Design effect of each component.
    """
    if data.cluster is None or not len(data):
        return data.win_matrix()
    left, right = links.component[data.a], links.component[data.b]
    inside = left == right
    components = len(effects)
    share = np.ones(len(data))
    share[inside] = 1.0 / np.asarray(effects)[left[inside]]
    cross = ~inside
    size = (int(data.cluster.max()) + 1) * components
    keys = [data.cluster[cross] * components + side[cross] for side in (left, right)]
    together = np.bincount(np.concatenate(keys), minlength=size)
    crowd = [together[key] for key in keys]
    # The core meets everybody: what counts is how often the contestant outside it was judged.
    for place, side in enumerate((left, right)):
        crowd[place] = np.where(side[cross] == links.core, 0, crowd[place])
    share[cross] = 1.0 / np.maximum(1, np.maximum(crowd[0], crowd[1]))
    return data.win_matrix(data.weight * share)


def _least_contrast(wins: Floats, contrast: Floats, target: float) -> float:
    """The least c'r with max of the log-likelihood at least ``target``.

    The profile h(t) = max {l(r) : c'r = t} is concave and rises to the supremum, so Newton's
    method from a point below the target climbs to the root without passing it; h' is the
    Lagrange multiplier of the constraint.
    """
    value = 0.0
    rating, height, slope = _constrained(wins, contrast, value, np.zeros(len(wins)))
    jump = 1.0
    while height > target:
        value, jump = value - jump, jump * 2.0
        rating, height, slope = _constrained(wins, contrast, value, rating)
    for _ in range(100):
        step = (target - height) / max(slope, 1e-300)
        value += step
        rating, height, slope = _constrained(wins, contrast, value, rating)
        if abs(step) < 1e-9 * max(1.0, abs(value)):
            break
    return value


def _constrained(wins: Floats, contrast: Floats, value: float, start: Floats) -> tuple[Floats, float, float]:
    """Maximise the log-likelihood where c'r = value: ratings, the maximum, and its slope in value."""
    count = len(wins)
    rating = start + contrast * (value - contrast @ start) / (contrast @ contrast)
    height, slope = log_likelihood(wins, rating), 0.0
    for _ in range(200):
        matrix, force = information(wins, rating), gradient(wins, rating)
        scale = float(np.trace(matrix)) / count
        system = np.zeros((count + 1, count + 1))
        # The ridge only matters where a curvature has vanished; the halving below keeps it honest.
        system[:count, :count] = matrix + scale / count + 1e-12 * scale * np.eye(count)
        system[:count, count] = system[count, :count] = contrast
        solution = np.linalg.solve(system, np.append(force, 0.0))
        step, slope = solution[:count], float(solution[count])
        longest = float(np.abs(step).max())
        if longest > 4.0:
            step = step * (4.0 / longest)
        for _ in range(40):
            following = log_likelihood(wins, rating + step)
            if following >= height - 1e-12 * abs(height):
                break
            step = step / 2.0
        rating, height = rating + step, following
        if longest < 1e-9:
            break
    return rating, height, slope
