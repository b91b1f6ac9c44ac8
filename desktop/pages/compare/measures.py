"""Answers measured by the task's metric, little by little in the background, the first prompts first. No widgets."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from desktop.background import Background
from desktop.problem import Problem

if TYPE_CHECKING:
    from engine.judging.grid import Grid
    from engine.judging.verdicts import Prompt

#: Seconds for which answers are measured in one go.
_SLICE: Final = 0.2


@dataclass(frozen=True)
class _Slice:
    """Scores of some answers; the means of all where these were the last."""

    scores: dict[tuple[str, str], float | None]
    means: dict[str, float] | None = None


class Measures(QObject):
    """Scores from 0 to 1 of the answers of one grid.

    Attributes:
        scores: Prompt and contestant id -> score, as far as measured.
        means: Contestant id -> mean score, once all answers were measured.
    """

    #: More answers were measured.
    changed = Signal()

    def __init__(self, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self.scores: dict[tuple[str, str], float | None] = {}
        self.means: dict[str, float] = {}
        self._background = background
        self._grid: Grid | None = None
        #: Answers still to be looked at; None when all were.
        self._todo: Iterator[tuple[Prompt, str]] | None = None
        self._busy = False

    def take(self, grid: Grid) -> None:
        """Measure the answers of a grid; what was measured of an earlier one of the same prompts stays."""
        if self._grid is grid:
            return
        if self._grid is not None and self._todo is None and self._grid.answers_stamp == grid.answers_stamp:
            self._grid = grid  # only judges have said more
            return
        if self._grid is None or self._grid.stamp[:2] != grid.stamp[:2]:
            # A slice under way may still read the old ones.
            self.scores, self.means = {}, {}
        self._grid, self._todo = grid, _answers(grid)
        self._next()

    def _next(self) -> None:
        grid, todo, scores = self._grid, self._todo, self.scores
        if grid is None or todo is None or self._busy:
            return
        self._busy = True

        def done(found: _Slice) -> None:
            self._busy = False
            if scores is self.scores:
                scores.update(found.scores)  # between two slices only
                if found.means is not None and todo is self._todo:
                    self._todo = None
                    self.means = found.means
                self.changed.emit()
            self._next()

        def failed(_problem: Problem) -> None:
            self._busy = False  # a metric that fails leaves its cells without a number

        self._background.run(self, lambda: _measured(grid, todo, scores), done, failed)


def _answers(grid: Grid) -> Iterator[tuple[Prompt, str]]:
    return (
        (prompt, one.id)
        for prompt in grid.prompts
        for one in grid.answerers
        if prompt.id in grid.outputs[one.id]
    )


def _measured(
    grid: Grid, todo: Iterator[tuple[Prompt, str]], known: Mapping[tuple[str, str], float | None]
) -> _Slice:
    deadline = time.monotonic() + _SLICE
    found: dict[tuple[str, str], float | None] = {}
    for prompt, who in todo:
        if (prompt.id, who) not in known:
            found[prompt.id, who] = grid.score(prompt, who)
            if time.monotonic() > deadline:
                return _Slice(found)
    every = {**known, **found}
    means = {}
    for one in grid.answerers:
        values = [every.get((prompt, one.id)) for prompt in grid.outputs[one.id]]
        scores = [value for value in values if value is not None]
        if scores:
            means[one.id] = sum(scores) / len(scores)
    return _Slice(found, means)
