"""Bradley-Terry ratings by maximum likelihood, from a matrix of wins."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import expit, log_expit

from engine.ranking.errors import RankingError
from engine.ranking.verdicts import Floats

_STEPS: Final = 500
_LONGEST_STEP: Final = 4.0


def log_likelihood(wins: Floats, rating: Floats) -> float:
    """Bradley-Terry log-likelihood of ratings (K) under wins (K, K)."""
    return float((wins * log_expit(rating[:, None] - rating[None, :])).sum())


def gradient(wins: Floats, rating: Floats) -> Floats:
    """Derivative of `log_likelihood` by each rating (K).

    Each pair is summed as wins times the chance of the loss, which keeps full precision where
    one side nearly always wins.
    """
    lost_chance = expit(rating[None, :] - rating[:, None])
    pull = wins * lost_chance
    return np.asarray(pull.sum(axis=1) - pull.sum(axis=0))


def information(wins: Floats, rating: Floats) -> Floats:
    """Negative second derivative of `log_likelihood` (K, K): a graph Laplacian."""
    difference = rating[:, None] - rating[None, :]
    weight = (wins + wins.T) * expit(difference) * expit(-difference)
    np.fill_diagonal(weight, 0.0)
    return np.asarray(np.diag(weight.sum(axis=1)) - weight)


def inverse_information(matrix: Floats) -> Floats:
    """Inverse of an information matrix (K, K) on the ratings that sum to zero."""
    count = len(matrix)
    scale = np.trace(matrix) / max(1, count) or 1.0
    filled = np.linalg.inv(matrix + scale / count)
    return np.asarray(filled - 1.0 / (scale * count))


def maximum_likelihood(wins: Floats) -> Floats:
    """Ratings (K, natural-log units, mean zero) that maximise the likelihood of a win matrix.

    Newton's method with a bounded step, halved while the likelihood falls; the likelihood is
    concave, so this ends at its only maximum.

    Args:
        wins: (K, K) wins of row over column, half a win each for a tie; its graph has to be
            strongly connected (see `engine.ranking.connectivity`), else no maximum exists.

    Source: R. A. Bradley and M. E. Terry, Biometrika 39 (1952); existence: L. R. Ford, American
    Mathematical Monthly 64 (1957).

    Raises:
        RankingError: The maximum was not reached (weights that differ by a factor beyond 1e200).
    """
    count = len(wins)
    if count < 2:
        return np.zeros(count)
    wins = wins / wins.max()
    won, lost = wins.sum(axis=1), wins.sum(axis=0)
    rating = np.log((won + 0.1 * (won + lost)) / (lost + 0.1 * (won + lost)))
    rating -= rating.mean()
    value = log_likelihood(wins, rating)
    for _ in range(_STEPS):
        step = _newton_step(information(wins, rating), gradient(wins, rating))
        longest = float(np.abs(step).max())
        if longest > _LONGEST_STEP:
            step *= _LONGEST_STEP / longest
        for _ in range(40):
            following = log_likelihood(wins, rating + step)
            if following >= value - 1e-12 * abs(value):
                break
            step = step / 2.0
        rating = rating + step
        rating -= rating.mean()
        value = following
        if longest < 1e-11 * max(1.0, float(np.abs(rating).max())):
            return np.asarray(rating)
    raise RankingError(
        "ranking.no_convergence",
        "The ratings could not be computed: the weights of the verdicts differ too much.",
        fix="Use weights of comparable size.",
    )


def _newton_step(matrix: Floats, slope: Floats) -> Floats:
    """Solve the Newton system after giving every rating the same curvature.

    Rare contestants and near-certain pairs make curvatures differ by many orders of magnitude.
    """
    root = np.sqrt(np.maximum(np.diag(matrix), 1e-290))
    scaled = matrix / root[:, None] / root[None, :]
    flat = root / np.linalg.norm(root)
    scaled += np.outer(flat, flat)
    return np.asarray(np.linalg.solve(scaled, slope / root) / root)
