"""Everything that is estimated about one task: ratings, their precision, and what stays open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, TypeAlias

import numpy as np

from engine.errors import Words
from engine.ranking.bootstrap import replicate_ratings
from engine.ranking.bradley_terry import maximum_likelihood
from engine.ranking.comparisons import Comparisons
from engine.ranking.connectivity import Connectivity, connectivity
from engine.ranking.distributions import t_reach
from engine.ranking.precision import precision
from engine.ranking.separation import Separation
from engine.ranking.verdicts import Codes, Floats

IntervalKind: TypeAlias = Literal["cluster", "iid", "bootstrap"]

#: Below this number of prompts, intervals are said to be rough.
FEW_PROMPTS: Final = 10


@dataclass(frozen=True)
class TaskFit:
    """Bradley-Terry estimates for the K contestants of one task.

    Attributes:
        data: The comparisons.
        links: The components of the graph of wins.
        rating: K ratings, natural-log units; comparable, with mean zero, within a component only.
        covariance: (K, K), zero between components.
        freedom: K degrees of freedom of the variances of a contestant by itself.
        freedom_to_mean: K degrees of freedom for the difference to the mean of all.
        effects: Design effect of each component.
        interval: How the precision was computed.
        replicates: (R, K) bootstrap ratings (infinite where a replicate has no finite estimate,
            nan where it says nothing), or None.
        notes: What a reader has to know.
    """

    data: Comparisons
    links: Connectivity
    rating: Floats
    covariance: Floats
    freedom: Floats
    freedom_to_mean: Floats
    effects: tuple[float, ...]
    interval: IntervalKind
    replicates: Floats | None
    notes: tuple[str, ...]

    @cached_property
    def separation(self) -> Separation:
        """Answers about contestants between which no finite difference can be estimated."""
        return Separation(self.data, self.links, self.rating, self.effects)

    @cached_property
    def rough_rating(self) -> Floats:
        """Finite ratings (K) under a weak prior, for putting the unrated in some order only."""
        wins = self.data.win_matrix()
        count = len(wins)
        prior = 0.1 * max(float(wins.sum()), 1e-300) / max(1, count * count)
        return maximum_likelihood(wins + prior * (1.0 - np.eye(count)))

    @property
    def units(self) -> int:
        """How many units the intervals take for independent."""
        return len(self.data) if self.data.clusters < 2 else self.data.clusters

    def home(self, codes: Codes) -> int | None:
        """The component that all these contestants are in, if it is one."""
        found = np.unique(self.links.component[codes])
        return int(found[0]) if len(found) == 1 else None

    def ends(self, group: Codes, others: Codes, level: float) -> tuple[float | None, float | None]:
        """Interval of the mean rating of ``group`` minus that of ``others``; None is unbounded."""
        if not len(group) or not len(others):
            return None, None
        if self.home(np.concatenate([group, others])) is None:
            return (
                self.separation.lower_end(group, others, level),
                self.separation.upper_end(group, others, level),
            )
        contrast = np.zeros(len(self.rating))
        np.add.at(contrast, group, 1.0 / len(group))
        np.add.at(contrast, others, -1.0 / len(others))
        middle = float(contrast @ self.rating)
        error = max(0.0, float(contrast @ self.covariance @ contrast)) ** 0.5
        freedom = float(min(self.freedom[group].min(), self.freedom[others].min()))
        if len(others) > 1:
            freedom = float(self.freedom_to_mean[group].min())
        reach = t_reach(level, freedom) * error
        return middle - reach, middle + reach


def fit_task(data: Comparisons, *, interval: str = "auto", replicates: int = 1000, seed: int = 0) -> TaskFit:
    """Estimate one task.

    Args:
        data: Its comparisons.
        interval: ``"cluster"`` by prompt, ``"iid"``, ``"bootstrap"`` (of prompts, or of verdicts
            where there are no prompts) or ``"auto"``: by prompt where there are at least two.
        replicates: Bootstrap replicates.
        seed: Of the bootstrap.
    """
    wins = data.win_matrix()
    links = connectivity(wins)
    count = len(data.names)
    notes: list[str] = []
    cluster = data.cluster
    if cluster is None and len(data):
        notes.append(
            Words(
                "The verdicts have no prompt_id: intervals treat all of them as independent, and are too narrow if "
                "several share a prompt."
            )
        )
    elif cluster is not None and data.clusters < 2 and interval != "iid":
        notes.append(
            Words(
                "All verdicts are on one prompt: intervals treat them as independent and say nothing about other "
                "prompts."
            )
        )
        cluster = None
    elif cluster is not None and interval == "iid":
        notes.append(Words("As asked, intervals treat verdicts on the same prompt as independent."))
        cluster = None
    elif cluster is not None and data.clusters < FEW_PROMPTS:
        notes.append(
            Words("There are only {count} prompts: intervals are wide and rough.", count=data.clusters)
        )
    rating, freedom, to_mean = np.zeros(count), np.ones(count), np.ones(count)
    covariance = np.zeros((count, count))
    few_prompts = np.zeros(count, dtype=np.bool_)
    components = int(links.component.max()) + 1 if count else 0
    effects = [1.0] * components
    place = np.zeros(count, dtype=np.int64)
    for code in range(components):
        mine = links.members(code)
        if len(mine) < 2:
            continue
        block = np.ix_(mine, mine)
        rating[mine] = maximum_likelihood(wins[block])
        place[mine] = np.arange(len(mine))
        inside = slice(None)
        if not links.whole:
            inside = (links.component[data.a] == code) & (links.component[data.b] == code)
        known = precision(
            rating[mine],
            wins[block],
            place[data.a[inside]],
            place[data.b[inside]],
            data.score[inside],
            data.weight[inside],
            None if cluster is None else cluster[inside],
        )
        covariance[block], effects[code] = known.covariance, known.design_effect
        few_prompts[mine] = known.borrowing
        freedom[mine], to_mean[mine] = known.freedom, known.freedom_to_mean
    if cluster is not None:
        few = [data.names[i] for i in links.members(links.core) if few_prompts[i]]
        if few and data.clusters >= FEW_PROMPTS:
            notes.append(
                Words("Compared on very few prompts, so with a rough interval: {names}.", names=_list(few))
            )
    drawn = None
    kind: IntervalKind = "iid" if cluster is None else "cluster"
    if interval == "bootstrap" and links.core is not None:
        drawn = replicate_ratings(data, cluster, links, rating, replicates, seed)
        kind = "bootstrap"
    return TaskFit(
        data=data,
        links=links,
        rating=rating,
        covariance=covariance,
        freedom=freedom,
        freedom_to_mean=to_mean,
        effects=tuple(effects),
        interval=kind,
        replicates=drawn,
        notes=tuple(notes),
    )


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
