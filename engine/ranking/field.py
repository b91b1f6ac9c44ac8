"""A field of entrants over one or several tasks: means with equal task weight, and who beats whom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from engine.ranking.distributions import t_reach, t_tail
from engine.ranking.fit import TaskFit
from engine.ranking.places import SAME
from engine.ranking.verdicts import Codes, Floats

#: Estimate (None: not finite), lower and upper end (None: not bounded by the data).
Estimate: TypeAlias = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Field:
    """E entrants, each with its contestants on each of T tasks.

    The rating of an entrant is the equal-weight mean over tasks of the equal-weight mean over its
    contestants there. Tasks share no prompts, so variances add: var = sum_t var_t / T^2, with
    Satterthwaite's degrees of freedom, (sum v_t)^2 / sum (v_t^2 / f_t).

    Attributes:
        names: E names.
        fits: T tasks.
        groups: For each task, for each entrant, its contestants (none where it took no part).
    """

    names: tuple[str, ...]
    fits: tuple[TaskFit, ...]
    groups: tuple[tuple[Codes, ...], ...]

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """E flags: takes part in every task."""
        return np.array([all(len(task[e]) for task in self.groups) for e in range(len(self.names))], np.bool_)

    @cached_property
    def homes(self) -> NDArray[np.int64]:
        """(T, E) component of each entrant on each task, -1 where it has none or several."""
        table = np.full((len(self.fits), len(self.names)), -1, dtype=np.int64)
        for t, fit in enumerate(self.fits):
            for e, group in enumerate(self.groups[t]):
                home = fit.home(group)
                table[t, e] = -1 if home is None else home
        return table

    @cached_property
    def central(self) -> NDArray[np.bool_]:
        """E flags: is in the core of every task."""
        cores = [-2 if fit.links.core is None else fit.links.core for fit in self.fits]
        return np.asarray((self.homes == np.array(cores)[:, None]).all(axis=0), dtype=np.bool_)

    @cached_property
    def rated(self) -> NDArray[np.bool_]:
        """E flags: has a finite rating, being in the core of every task, and not alone there."""
        # A mean over one would make that one zero for certain.
        return self.central if self.central.sum() > 1 else np.zeros_like(self.central)

    @cached_property
    def _together(self) -> NDArray[np.bool_]:
        """(E, E): the difference of the two has a finite estimate."""
        same = self.homes[:, :, None] == self.homes[:, None, :]
        return np.asarray((same & (self.homes >= 0)[:, :, None]).all(axis=0), dtype=np.bool_)

    @cached_property
    def _by_task(self) -> list[tuple[Floats, Floats, Floats, Floats]]:
        """For each task: ratings (E), covariance (E, E), degrees of freedom alone and to the mean (E)."""
        result = []
        for fit, groups in zip(self.fits, self.groups, strict=True):
            average = np.zeros((len(self.names), len(fit.rating)))
            alone, to_mean = np.ones(len(self.names)), np.ones(len(self.names))
            for e, group in enumerate(groups):
                if len(group):
                    average[e, group] = 1.0 / len(group)
                    alone[e] = fit.freedom[group].min()
                    to_mean[e] = fit.freedom_to_mean[group].min()
            spread = average @ fit.covariance @ average.T
            result.append((average @ fit.rating, spread, alone, to_mean))
        return result

    @cached_property
    def _means(self) -> Floats:
        """E mean ratings, comparable between those in the same component of every task."""
        total = np.zeros(len(self.names))
        for rating, *_ in self._by_task:
            total += rating
        return total / max(1, len(self.fits))

    def differences(self) -> tuple[Floats, Floats, Floats]:
        """Difference, standard error and degrees of freedom of all pairs, each (E, E).

        Meaningful for pairs whose difference is finite, nan for the others.
        """
        count, tasks, mean = len(self.names), len(self.fits), self._means
        variance, share = np.zeros((count, count)), np.zeros((count, count))
        for _, covariance, freedom, _ in self._by_task:
            own = np.diag(covariance)
            between = np.maximum(0.0, own[:, None] + own[None, :] - 2.0 * covariance) / tasks**2
            variance += between
            share += between**2 / np.minimum(freedom[:, None], freedom[None, :])
        difference = np.where(self._together, mean[:, None] - mean[None, :], np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            freedom = np.where(share > 0, variance**2 / share, 1.0)
        return difference, np.sqrt(variance), freedom

    def tails(self, level: float) -> Floats:
        """(E, E): tail probability speaking for row being better than column (see `places`)."""
        count = len(self.names)
        difference, error, freedom = self.differences()
        with np.errstate(invalid="ignore", divide="ignore"):
            tail = t_tail(difference / error, freedom)
        tail = np.where(self._together & (difference > SAME), tail, 1.0)
        apart = ~self._together & self.present[:, None] & self.present[None, :]
        simple = len(self.fits) == 1 and all(len(group) <= 1 for group in self.groups[0])
        pairs = max(1, count * (count - 1) // 2)
        for i, j in zip(*np.nonzero(apart), strict=True):
            if i == j:
                continue
            if simple:
                better, worse = int(self.groups[0][i][0]), int(self.groups[0][j][0])
                tail[i, j] = self.fits[0].separation.tail(better, worse)
            else:
                # No single tail probability over several tasks: ask at the strictest level of Holm.
                lower, _ = self._ends([int(i)], [int(j)], 1.0 - (1.0 - level) / pairs)
                tail[i, j] = 0.0 if lower is not None and lower > 0 else 1.0
        return tail

    def estimates(self, zero: Codes | None, level: float, *, bootstrap: bool) -> list[Estimate]:
        """Rating and its ends for each entrant.

        Args:
            zero: The entrants whose mean rating is zero, usually one; None: those that are rated.
            level: Confidence level of each interval.
            bootstrap: Take the ends from the replicates.
        """
        if zero is None:
            finite: NDArray[np.bool_] = self.rated
            base = np.flatnonzero(finite)
        else:
            finite, base = np.asarray(self._together[zero].all(axis=0)), zero
        result: list[Estimate] = []
        wide = base if len(base) else np.flatnonzero(self.present)
        drawn = self._replicates(base) if bootstrap and self.rated[base].all() and len(base) else None
        means = self._means
        for e in range(len(self.names)):
            if zero is not None and zero.tolist() == [e]:
                result.append((0.0, 0.0, 0.0))
            elif len(wide) < 2 and zero is None:
                result.append((None, None, None))
            elif not finite[e]:
                lo, hi = self._ends([e], wide.tolist(), level)
                result.append((None, lo, hi))
            else:
                middle = float(means[e] - means[base].mean())
                if abs(middle) < SAME:
                    middle = 0.0
                lo, hi = self._wald(e, base, middle, level)
                if drawn is not None:
                    lo, hi = _percentiles(drawn[:, e], self._expanded_tail(level))
                result.append((middle, lo, hi))
        return result

    def _wald(self, e: int, base: Codes, middle: float, level: float) -> tuple[float, float]:
        contrast = np.zeros(len(self.names))
        contrast[e] += 1.0
        contrast[base] -= 1.0 / len(base)
        variance = share = 0.0
        for _, covariance, alone, to_mean in self._by_task:
            part = max(0.0, float(contrast @ covariance @ contrast)) / len(self.fits) ** 2
            own = to_mean[e] if len(base) > 1 else min(alone[e], alone[base[0]])
            variance += part
            share += part**2 / own
        degrees = variance**2 / share if share > 0 else 1.0
        reach = t_reach(level, degrees) * variance**0.5
        return middle - reach, middle + reach

    def _ends(
        self, entrants: Sequence[int], base: Sequence[int], level: float
    ) -> tuple[float | None, float | None]:
        """Ends of a mean difference that is not finite on every task.

        Each task is bounded at 1 - (1 - level) / T; the mean of ends that hold together is an end
        of the mean.
        """
        each = 1.0 - (1.0 - level) / len(self.fits)
        lower: list[float | None] = []
        upper: list[float | None] = []
        for fit, groups in zip(self.fits, self.groups, strict=True):
            left = np.concatenate([groups[e] for e in entrants])
            if any(not len(groups[e]) for e in entrants):
                return None, None
            right = np.concatenate([groups[e] for e in base]) if base else np.empty(0, np.int64)
            lo, hi = fit.ends(left, right, each)
            lower.append(lo)
            upper.append(hi)
        return _mean(lower), _mean(upper)

    def _replicates(self, base: Codes) -> Floats | None:
        """(R, E) bootstrap replicates of ratings less the base."""
        total: Floats | None = None
        for fit, groups in zip(self.fits, self.groups, strict=True):
            if fit.replicates is None:
                return None
            drawn = np.full((len(fit.replicates), len(self.names)), np.nan)
            with np.errstate(invalid="ignore"):
                for e, group in enumerate(groups):
                    if len(group):
                        drawn[:, e] = fit.replicates[:, group].mean(axis=1)
                # Infinite in opposite directions on two tasks: nothing is known (nan).
                total = drawn if total is None else total + drawn
        if total is None:
            return None
        total /= len(self.fits)
        if len(base) == 1:
            with np.errstate(invalid="ignore"):
                return total - total[:, base]
        means = self._means
        # A replicate in which somebody is infinite is centred by the others.
        middle = np.where(np.isfinite(total[:, base]), total[:, base], means[base]).mean(axis=1)
        return np.asarray(total - middle[:, None])

    def _expanded_tail(self, level: float) -> float:
        """Share of replicates beyond each end.

        The bootstrap spreads too little by a factor of sqrt((n - 1) / n) and knows no t; T. Hesterberg's
        expanded percentiles (The American Statistician 69, 2015) make up for both.
        """
        units = min(fit.units for fit in self.fits)
        if units < 2:
            return (1.0 - level) / 2.0
        return float(ndtr(-math.sqrt(units / (units - 1.0)) * t_reach(level, units - 1.0)))

    def rough(self) -> Floats:
        """E finite numbers that order entrants without a rating (mean over the tasks they are in)."""
        values = np.zeros(len(self.names))
        for e in range(len(self.names)):
            parts = [
                float(fit.rough_rating[groups[e]].mean())
                for fit, groups in zip(self.fits, self.groups, strict=True)
                if len(groups[e])
            ]
            values[e] = sum(parts) / len(parts) if parts else 0.0
        return values

    def means(self) -> Floats:
        """E ratings for the order: nan without a finite one."""
        return np.where(self.rated, self._means, np.nan)

    def tallies(self) -> tuple[Codes, Codes, Codes]:
        """Wins, ties and losses of each entrant over all its contestants and tasks."""
        result = [np.zeros(len(self.names), dtype=np.int64) for _ in range(3)]
        for fit, groups in zip(self.fits, self.groups, strict=True):
            for total, counts in zip(result, fit.data.tallies(), strict=True):
                total += np.array([int(counts[group].sum()) for group in groups], dtype=np.int64)
        return result[0], result[1], result[2]


def _mean(ends: Sequence[float | None]) -> float | None:
    known = [end for end in ends if end is not None]
    return sum(known) / len(known) if known and len(known) == len(ends) else None


def _percentiles(values: Floats, tail: float) -> tuple[float | None, float | None]:
    """Percentile interval; an end that lies in infinite replicates is None."""
    low = float(np.quantile(np.where(np.isnan(values), -np.inf, values), tail, method="lower"))
    high = float(np.quantile(np.where(np.isnan(values), np.inf, values), 1.0 - tail, method="higher"))
    return (low if np.isfinite(low) else None), (high if np.isfinite(high) else None)
