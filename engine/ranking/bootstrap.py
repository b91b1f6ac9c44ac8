"""Bootstrap of ratings: whole prompts drawn with replacement, every replicate fitted anew."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from engine.ranking.bradley_terry import maximum_likelihood
from engine.ranking.comparisons import Comparisons
from engine.ranking.connectivity import Connectivity, connectivity
from engine.ranking.verdicts import Codes, Floats


def replicate_ratings(
    data: Comparisons, cluster: Codes | None, links: Connectivity, rating: Floats, replicates: int, seed: int
) -> Floats:
    """Ratings of bootstrap replicates, as a matrix (replicates, K).

    A replicate in which a contestant lost its connection to the others is not thrown away, which
    would make the data look better than they are: the contestant is infinite there.

    Args:
        data: The comparisons.
        cluster: Prompt of each comparison; None draws single comparisons instead.
        links: The components; only the core is drawn for, others are nan.
        rating: The estimates that the replicates scatter around.
        replicates: How many to draw.
        seed: Of the drawing.
    """
    core = links.members(links.core)
    count = len(core)
    inside = (links.component[data.a] == links.core) & (links.component[data.b] == links.core)
    place = np.zeros(len(rating), dtype=np.int64)
    place[core] = np.arange(count)
    a, b = place[data.a[inside]], place[data.b[inside]]
    score, weight = data.score[inside], data.weight[inside]
    if cluster is None:
        # Equal comparisons are drawn together: their number is what varies.
        cells = np.stack([a * count + b, score * 2.0, weight], axis=1)
        _, first, unit, sizes = np.unique(
            cells, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        a, b, score, weight = a[first], b[first], score[first], weight[first]
        unit = np.arange(len(first))
    else:
        unit = np.unique(cluster[inside], return_inverse=True)[1]
        sizes = np.ones(int(unit.max()) + 1, dtype=np.int64)
    places = (np.concatenate([unit, unit]), np.concatenate([a * count + b, b * count + a]))
    values = np.concatenate([weight * score, weight * (1.0 - score)])
    wins_of_unit = csr_array((values, places), shape=(len(sizes), count * count))
    generator = np.random.default_rng(seed)
    result = np.full((replicates, len(rating)), np.nan)
    shares = sizes / sizes.sum()
    for row in range(replicates):
        drawn = generator.multinomial(int(sizes.sum()), shares)
        wins = (drawn @ wins_of_unit).reshape(count, count)
        if cluster is None:
            wins = wins.astype(np.float64)
        result[row, core] = _one(np.asarray(wins), rating[core])
    return result


def _one(wins: Floats, around: Floats) -> Floats:
    links = connectivity(wins)
    members = links.members(links.core)
    result = np.full(len(wins), np.nan)
    if not len(members):
        return result
    above = links.reach[:, members[0]]
    below = links.reach[members[0], :]
    result[above] = np.inf
    result[below] = -np.inf
    fitted = maximum_likelihood(wins[np.ix_(members, members)])
    result[members] = fitted + around[members].mean()
    return result
