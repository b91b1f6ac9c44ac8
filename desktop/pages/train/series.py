"""Numbers over steps, as many as come, and of them as many points as a chart can show. Knows no Qt."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import Final

import numpy as np

#: Share of the past in the smoothed values.
_SMOOTHING: Final = 0.9
#: Points of a curve at most, about two for each of the pixels that a chart is wide.
_MOST: Final = 2_000
#: The newest are all kept.
_NEWEST: Final = 64

Points = tuple[tuple[float, float], ...]


class Series:
    """Values in the order of their steps; adding one and asking for points costs little however many there are."""

    def __init__(self) -> None:
        self._steps = array("d")
        self._values = array("d")
        self._smooth = array("d")
        self._sum = self._weight = 0.0

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, step: float, value: float) -> None:
        """Note a value; that of a step which is known already takes its place."""
        if self._steps and step <= self._steps[-1]:
            at = bisect_left(self._steps, step)
            if self._steps[at] == step:
                self._values[at] = value
            else:
                self._steps.insert(at, step)
                self._values.insert(at, value)
            self._forget()
        else:
            self._steps.append(step)
            self._values.append(value)

    def cut(self, last: float) -> None:
        """Forget what comes after a step."""
        at = bisect_right(self._steps, last)
        if at < len(self._steps):
            del self._steps[at:], self._values[at:]
            self._forget()

    def points(self) -> Points:
        """At most about 2,000 pairs of step and value, no peak lost."""
        return _points(self._steps, self._values)

    def smooth(self) -> Points:
        """The same of an exponential average that is not drawn towards its beginning."""
        for value in self._values[len(self._smooth) :]:
            self._sum = _SMOOTHING * self._sum + value
            self._weight = _SMOOTHING * self._weight + 1.0
            self._smooth.append(self._sum / self._weight)
        return _points(self._steps, self._smooth)

    def _forget(self) -> None:
        del self._smooth[:]
        self._sum = self._weight = 0.0


def _points(steps: array[float], values: array[float]) -> Points:
    """Of each stretch the lowest and the highest; the newest all.

    A stretch is a power of two and counted from the beginning, so that a curve that grows does not flicker.
    """
    count = len(values)
    if count <= _MOST:
        return tuple(zip(steps, values, strict=True))
    stretch = 2
    while 2 * count > _MOST * stretch:
        stretch *= 2
    rows = (count - _NEWEST) // stretch
    parts = np.array(values[: rows * stretch]).reshape(rows, stretch)
    begin = np.arange(rows) * stretch
    kept = np.unique(np.concatenate([begin + parts.argmin(axis=1), begin + parts.argmax(axis=1)]))
    chosen = [*kept.tolist(), *range(rows * stretch, count)]
    return tuple((steps[at], values[at]) for at in chosen)
