"""Which contestants the verdicts connect: who beat whom, directly or through others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from engine.ranking.verdicts import Codes, Floats


@dataclass(frozen=True, slots=True)
class Connectivity:
    """The structure of the graph in which an edge i -> j means that i won something from j.

    A tie is an edge both ways. A maximum likelihood rating exists exactly within a strongly
    connected component (Ford 1957); between components the likelihood has no maximum, it only
    grows as they move apart.

    Attributes:
        component: K codes of the strongly connected components.
        reach: (K, K) whether a path of wins leads from row to column (the diagonal is true).
        core: The component whose contestants get ratings; None where no component deserves it.
    """

    component: Codes
    reach: NDArray[np.bool_]
    core: int | None

    @property
    def whole(self) -> bool:
        """Whether everybody is connected with everybody in both directions."""
        return self.component.size > 0 and int(self.component.max()) == 0

    def members(self, component: int | None) -> Codes:
        """The contestants of a component."""
        if component is None:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(self.component == component)

    def beats_all(self, group: Codes, others: Codes) -> bool:
        """Whether a path of wins leads from each of ``group`` to each of ``others``."""
        return bool(self.reach[np.ix_(group, others)].all())


def connectivity(wins: Floats) -> Connectivity:
    """Find the components of a (K, K) win matrix and the one that can be rated.

    The core is the component with the most contestants, at least two. Of several in one connected
    part of the graph it is the one with more comparisons, then the one that beat the other. Where
    the largest are not connected at all, neither is more the core than the other: there is none.
    """
    count = len(wins)
    graph = csr_array(wins > 0)
    if count == 0:
        return Connectivity(np.empty(0, np.int64), np.empty((0, 0), np.bool_), None)
    number, component = connected_components(graph, directed=True, connection="strong")
    component = component.astype(np.int64)
    if number == 1:
        core = 0 if count > 1 else None
        return Connectivity(component, np.ones((count, count), np.bool_), core)
    reach = (wins > 0) | np.eye(count, dtype=np.bool_)
    while True:
        longer = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0
        if (longer == reach).all():
            break
        reach = longer
    part = connected_components(graph, directed=False)[1]
    return Connectivity(component, reach, _core(wins, component, part, reach))


def _core(wins: Floats, component: Codes, part: Codes, reach: NDArray[np.bool_]) -> int | None:
    sizes = np.bincount(component)
    if sizes.max() < 2:
        return None
    best = np.flatnonzero(sizes == sizes.max())
    homes = np.array([part[np.argmax(component == code)] for code in best])
    part_sizes = np.bincount(part)[homes]
    best, homes = best[part_sizes == part_sizes.max()], homes[part_sizes == part_sizes.max()]
    if len(set(homes.tolist())) > 1:
        return None
    inside = np.array([wins[np.ix_(component == code, component == code)].sum() for code in best])
    best = best[np.isclose(inside, inside.max(), rtol=1e-9)]
    for code in best:
        start = int(np.argmax(component == code))
        if all(reach[start, int(np.argmax(component == other))] for other in best):
            return int(code)
    return None
