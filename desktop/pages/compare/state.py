"""What the Compare page shows. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop.feed import JobRow
from desktop.pages.compare.difference import Difference
from desktop.pages.compare.filters import Filter
from desktop.problem import Problem

if TYPE_CHECKING:
    from engine.datasets.options import Split
    from engine.inference.outputs import Output
    from engine.judging.counted import Tally
    from engine.judging.grid import Answerer, Grid, Judged
    from engine.judging.verdicts import Prompt


@dataclass(frozen=True)
class Side:
    """One of two answers that are compared.

    Attributes:
        output: None where it has not answered.
        score: By the task's metric, from 0 to 1.
    """

    id: str
    name: str
    output: Output | None
    tally: Tally
    score: float | None


@dataclass(frozen=True)
class Detail:
    """Two answers to a prompt and what judges said on them.

    Attributes:
        number: Of the prompt's row in the dataset.
        right: None where there is nobody to compare with.
        others: Names of those that the left one can be compared with.
    """

    number: int
    prompt: Prompt
    left: Side
    right: Side | None
    others: tuple[str, ...]
    judged: tuple[Judged, ...]
    difference: Difference | None


@dataclass(frozen=True)
class Work:
    """A job on this dataset that is under way.

    Attributes:
        spent_usd: Booked so far; ``budget_usd`` is its ceiling.
    """

    job: JobRow
    what: str
    spent_usd: float = 0.0
    budget_usd: float | None = None


@dataclass(frozen=True)
class CompareState:
    """What the page shows.

    Attributes:
        datasets: Names of those with answers, the newest last.
        problem: Why the chosen one cannot be shown.
        shown: Contestants in columns.
        x: Id of the one that the filter ``loses`` is about.
        rows: Places of the prompts that are shown.
        counts: How many prompts each filter leaves.
        selected: Prompt and contestant id of the cell that is told in full.
    """

    datasets: tuple[str, ...] = ()
    dataset: str = ""
    split: Split = "test"
    grid: Grid | None = None
    problem: Problem | None = None
    shown: tuple[Answerer, ...] = ()
    x: str = ""
    filter: Filter = "all"
    search: str = ""
    rows: tuple[int, ...] = ()
    counts: tuple[tuple[Filter, int], ...] = ()
    selected: tuple[str, str] = ("", "")
    detail: Detail | None = None
    work: tuple[Work, ...] = ()
