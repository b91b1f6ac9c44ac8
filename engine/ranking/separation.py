"""What the verdicts say about contestants whose rating has no finite estimate.

Where a contestant won everything it was compared in, the likelihood grows for ever with its
rating; but it falls on the other side, and that side bounds the rating from below. Write l for
the log-likelihood and l* for its supremum. A value is excluded at level 1 - alpha when

    l* - max l(value) > log(2 / alpha),

which for n wins against a known opponent is exactly the one-sided sign test at alpha / 2,
p^n < alpha / 2 (the usual chi-squared limit of 1.92 instead of 3.69 would exclude truths that
produce such a record in 15% of cases).

Verdicts on one prompt are not independent, and nothing can be learnt about their correlation from
a record without exception. With prompts given, the comparisons between components that share a
prompt therefore count as one observation together, and comparisons within a component are divided
by its design effect. Only comparisons on a path of wins between the two sides asked about are
counted: what somebody did against others takes nothing away from what it did against these.

All of a prompt being one observation, contestants who are equal on average but swing together with
the prompt are not told apart more often than promised: where m always stands between i and j, that
i beats m, m beats j and i beats j on a prompt says no more than the last alone (in simulations with
3-8 contestants and 3-6 prompts they are told apart in 0-3% of runs; dividing each comparison only
by how many its busier side had on the prompt, in up to 13%, with intervals that miss in up to 28%).
"""

from __future__ import annotations

import math
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
        data: The comparisons of K contestants.
        links: Their components.
        rating: K maximum likelihood ratings, each component with mean zero.
        effects: Design effect of each component.
    """

    data: Comparisons
    links: Connectivity
    rating: Floats
    effects: tuple[float, ...]

    def tail(self, better: int, worse: int) -> float:
        """How probable such a record is (two-sided) if ``better`` is not better than ``worse``.

        1 where no path of wins leads from one to the other, or paths lead both ways.
        """
        reach = self.links.reach
        if not reach[better, worse] or reach[worse, better]:
            return 1.0
        between = np.flatnonzero(reach[better] & reach[:, worse])
        wins = self._wins(between)
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
        wins = self._wins(between)
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
            result[int(code)] = log_likelihood(self._inside[np.ix_(mine, mine)], self.rating[mine])
        return result

    def _wins(self, between: Codes) -> Floats:
        """Wins among whole components, (m, m), discounted for correlation within prompts."""
        known = self._known.get(between.tobytes())
        if known is not None:
            return known
        data, rows = self.data, self._across
        chosen = np.zeros(len(self.rating), dtype=np.bool_)
        chosen[between] = True
        rows = rows[chosen[data.a[rows]] & chosen[data.b[rows]]]
        weight = data.weight[rows]
        if data.cluster is not None:
            prompt = data.cluster[rows]
            weight = weight / np.bincount(prompt, minlength=1)[prompt]
        block = np.ix_(between, between)
        wins = self._inside[block] + data.win_matrix(rows, weight)[block]
        self._known[between.tobytes()] = wins
        return wins

    @cached_property
    def _known(self) -> dict[bytes, Floats]:
        """What `_wins` found: most questions are about the same few components."""
        return {}

    @cached_property
    def _across(self) -> Codes:
        """Rows of the comparisons between components."""
        return np.flatnonzero(self.links.component[self.data.a] != self.links.component[self.data.b])

    @cached_property
    def _inside(self) -> Floats:
        """(K, K) wins within components, divided by their design effects."""
        component = self.links.component
        same = component[:, None] == component[None, :]
        inside: Floats = np.where(same, self.data.win_matrix(), 0.0)
        return inside / np.asarray(self.effects, dtype=np.float64)[component][:, None]


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
