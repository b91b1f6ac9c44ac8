"""Quantiles and tail probabilities of Student's t (without the slow import of scipy.stats)."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr, stdtrit

from engine.ranking.verdicts import Floats


def t_quantile(level: float, freedom: Floats) -> Floats:
    """How many standard errors a two-sided interval of that level reaches to each side."""
    return np.asarray(stdtrit(np.minimum(freedom, 1e6), 1.0 - (1.0 - level) / 2.0))


def t_reach(level: float, freedom: float) -> float:
    """`t_quantile` of a single number of degrees of freedom."""
    return float(t_quantile(level, np.array([freedom]))[0])


def t_tail(statistic: Floats, freedom: Floats) -> Floats:
    """Two-sided tail probability of a t statistic."""
    return np.asarray(2.0 * stdtr(np.minimum(freedom, 1e6), -np.abs(statistic)))
