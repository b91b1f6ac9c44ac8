"""A ranking: what is known about every contestant, in the shape that other programs rely on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from engine.ranking.errors import RankingError
from engine.ranking.fit import IntervalKind

#: Elo points per unit of rating, and the Elo of rating zero.
ELO_PER_UNIT: Final = 400.0 / math.log(10.0)
ELO_ZERO: Final = 1000.0


def elo(rating: float | None) -> float | None:
    """A rating in Elo points."""
    return None if rating is None else ELO_ZERO + ELO_PER_UNIT * rating


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of a ranking.

    Attributes:
        name: The contestant (in an average: the entrant).
        rating: Natural-log units; None where the data have no finite estimate.
        lo: Lower end of the rating's interval; None where the data do not bound it.
        hi: Upper end, likewise.
        rank: Position, from 1; the first one shared by those that nothing tells apart.
        rank_lo: Best rank compatible with the data.
        rank_hi: Worst rank compatible with the data.
        wins: Number of comparisons won; ``ties`` and ``losses`` likewise.
    """

    name: str
    rating: float | None
    lo: float | None
    hi: float | None
    rank: int
    rank_lo: int
    rank_hi: int
    wins: int
    ties: int
    losses: int

    @property
    def elo(self) -> float | None:
        """The rating in Elo points: 1000 + 400 / ln(10) * rating."""
        return elo(self.rating)

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON."""
        return {
            "name": self.name,
            "rating": self.rating,
            "elo": self.elo,
            "lo": self.lo,
            "hi": self.hi,
            "rank": self.rank,
            "rank_lo": self.rank_lo,
            "rank_hi": self.rank_hi,
            "wins": self.wins,
            "ties": self.ties,
            "losses": self.losses,
        }


@dataclass(frozen=True, slots=True)
class Settle:
    """What it would take to tell the first two apart, if their difference is what it seems now.

    Attributes:
        first: Name of the leader; ``second`` of the next.
        comparisons: How many more comparisons, spread as the present ones.
        prompts: How many more prompts that means (0 where the verdicts name none).
    """

    first: str
    second: str
    comparisons: int
    prompts: int


@dataclass(frozen=True)
class Table:
    """Contestants in order, with what tells them apart.

    Attributes:
        contestants: Best first.
        comparisons: How many comparisons it rests on.
        prompts: On how many prompts.
        apart: Pairs (better, worse) of names that are surely different, all at the joint level.
        settle: What would tell the first two apart; None where they are, or nothing can be said.
        band: Where the reference is zero, the ends of its own interval about the mean of all, moved to zero: how
            well the reference itself is placed. Each is None where the data do not bound it.
    """

    contestants: tuple[Standing, ...]
    comparisons: int
    prompts: int
    apart: frozenset[tuple[str, str]] = field(repr=False)
    settle: Settle | None
    band: tuple[float | None, float | None] | None

    def standing(self, name: str) -> Standing:
        """The row of a contestant.

        Raises:
            RankingError: Nobody of that name is in the table.
        """
        for row in self.contestants:
            if row.name == name:
                return row
        raise RankingError(
            "ranking.unknown_contestant",
            "There is no contestant {name} in this ranking.",
            fix="Its contestants are {known}.",
            name=name,
            known=", ".join(row.name for row in self.contestants)[:300],
        )

    def separable(self, i: str, j: str) -> bool:
        """Whether the two are surely different, in either direction."""
        self.standing(i), self.standing(j)
        return (i, j) in self.apart or (j, i) in self.apart

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The longest runs of neighbours among whom no two can be told apart (two or more)."""
        names = [row.name for row in self.contestants]
        runs: list[tuple[int, int]] = []
        start = 0
        for end in range(1, len(names) + 1):
            while start < end - 1 and any(
                self._apart(names[k], names[end - 1]) for k in range(start, end - 1)
            ):
                start += 1
            if runs and runs[-1][0] == start:
                runs[-1] = (start, end)
            elif end - start > 1:
                runs.append((start, end))
        return tuple(tuple(names[a:b]) for a, b in runs)

    def _apart(self, i: str, j: str) -> bool:
        return (i, j) in self.apart or (j, i) in self.apart

    def as_dict(self) -> dict[str, Any]:
        """The table as JSON: contestants, comparisons, prompts."""
        return {
            "contestants": [row.as_dict() for row in self.contestants],
            "comparisons": self.comparisons,
            "prompts": self.prompts,
        }


@dataclass(frozen=True)
class Ranking(Table):
    """The whole result: over all tasks, and each task by itself.

    Attributes:
        interval: How the intervals were computed; the least careful of the tasks' ways.
        level: Their confidence level.
        reference: The contestant whose rating is zero; None: the mean is.
        warnings: What a reader has to know, in words.
        tasks: Each task by itself.
    """

    interval: IntervalKind
    level: float
    reference: str | None
    warnings: tuple[str, ...]
    tasks: dict[str, Table]

    def as_dict(self) -> dict[str, Any]:
        """The ranking as JSON, in the shape of ``bakeoff rank --json``."""
        return {
            **super().as_dict(),
            "interval": self.interval,
            "level": self.level,
            "warnings": list(self.warnings),
            "tasks": {name: table.as_dict() for name, table in self.tasks.items()},
        }
