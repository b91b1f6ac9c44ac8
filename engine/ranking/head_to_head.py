"""Who beat whom how often, as a square table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.ranking.comparisons import comparisons_by_task
from engine.ranking.errors import RankingError
from engine.ranking.verdicts import Floats, VerdictTable


@dataclass(frozen=True, slots=True)
class HeadToHead:
    """Comparisons and share of wins of all pairs.

    Attributes:
        names: E names; rows and columns of the tables.
        comparisons: (E, E), summed weights of the comparisons between the two.
        share: (E, E), the part that the row won from the column, a tie being half a win; nan for
            pairs that never met.
    """

    names: tuple[str, ...]
    comparisons: Floats
    share: Floats

    def as_dict(self) -> dict[str, Any]:
        """The tables as JSON, None for pairs that never met."""
        return {
            "names": list(self.names),
            "comparisons": self.comparisons.tolist(),
            "share": [[None if np.isnan(x) else float(x) for x in row] for row in self.share],
        }


def head_to_head(
    table: VerdictTable, *, task: str | None = None, order: tuple[str, ...] | None = None
) -> HeadToHead:
    """Count wins between all pairs.

    Args:
        table: The verdicts (both orders of a pair count as one comparison, as in `rank`).
        task: Only this task, by contestants; None: all tasks together, by entrants.
        order: Names in the order wanted, such as that of a ranking; others are left out.

    Raises:
        RankingError: There is no such task.
    """
    by_task, _ = comparisons_by_task(table)
    if task is not None and task not in by_task:
        raise RankingError(
            "ranking.unknown_task",
            "There is no task {task} among these verdicts.",
            fix="Its tasks are {known}.",
            task=task,
            known=", ".join(str(name) for name in by_task),
        )
    parts = list(by_task.values()) if task is None else [by_task[task]]
    labels = [data.entrants if task is None else data.names for data in parts]
    names = order or tuple(dict.fromkeys(name for part in labels for name in part))
    places = {name: place for place, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for data, own in zip(parts, labels, strict=True):
        kept = np.array([i for i, name in enumerate(own) if name in places], dtype=np.int64)
        spots = np.array([places[own[i]] for i in kept], dtype=np.int64)
        np.add.at(wins, np.ix_(spots, spots), data.win_matrix()[np.ix_(kept, kept)])
    np.fill_diagonal(wins, 0.0)
    comparisons = wins + wins.T
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(comparisons > 0, wins / comparisons, np.nan)
    return HeadToHead(names, comparisons, share)
