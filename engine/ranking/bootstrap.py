"""Bootstrap of ratings: whole prompts drawn with replacement, every replicate fitted anew.

What is drawn depends on the verdicts and the seed, not on the order of the rows: contestants are
taken by name, and prompts by what happened on them. Prompts with the same record are drawn together.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

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
    core = np.array(sorted(links.members(links.core), key=lambda code: data.names[code]), dtype=np.int64)
    count = len(core)
    inside = (links.component[data.a] == links.core) & (links.component[data.b] == links.core)
    place = np.zeros(len(rating), dtype=np.int64)
    place[core] = np.arange(count)
    a, b = place[data.a[inside]], place[data.b[inside]]
    score, weight = data.score[inside], data.weight[inside]
    unit = np.arange(len(a)) if cluster is None else np.unique(cluster[inside], return_inverse=True)[1]
    units, cells = np.concatenate([unit, unit]), np.concatenate([a * count + b, b * count + a])
    wins_of_unit, sizes = _records(
        units, cells, np.concatenate([weight * score, weight * (1.0 - score)]), count * count
    )
    generator = np.random.default_rng(seed)
    result = np.full((replicates, len(rating)), np.nan)
    shares = sizes / sizes.sum()
    for row in range(replicates):
        drawn = generator.multinomial(int(sizes.sum()), shares)
        wins = np.asarray(drawn @ wins_of_unit, dtype=np.float64).reshape(count, count)
        result[row, core] = _one(wins, rating[core])
    return result


def _records(units: Codes, cells: Codes, wins: Floats, width: int) -> tuple[csr_array, Codes]:
    """The different records of units (cells won), in an order of their own, and how many units have each."""
    # Sums of the same numbers in another order can differ in their last bits.
    order = np.lexsort((wins, cells, units))
    order = order[wins[order] > 0]
    table = csr_array(
        (wins[order], (units[order], cells[order])), shape=(int(units.max(initial=-1)) + 1, width)
    )
    table.sum_duplicates()
    records = [
        table.indices[start:stop].tobytes() + table.data[start:stop].tobytes()
        for start, stop in pairwise(table.indptr.tolist())
    ]
    first: dict[bytes, int] = {}
    for row, record in enumerate(records):
        first.setdefault(record, row)
    counts = Counter(records)
    found = sorted(first)
    return table[[first[record] for record in found]], np.array(
        [counts[record] for record in found], np.int64
    )


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
