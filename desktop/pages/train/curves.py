"""The course of a training run, read from its events as they come. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psutil

from engine.jobs.directory import JobDirectory

#: Share of the past in the smoothed loss.
_SMOOTHING: Final = 0.9

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curves:
    """What a run has told so far; pairs of step and value.

    Attributes:
        smooth: The loss, its past weighted by 0.9 per step.
        peak_memory: Bytes; None until the run has ended.
        memory: Bytes that its process holds now; None where it does not run.
    """

    loss: Points = ()
    smooth: Points = ()
    evaluations: Points = ()
    rate: Points = ()
    speed: Points = ()
    peak_memory: float | None = None
    memory: float | None = None


class Follower:
    """Reads the events of one job, each once."""

    def __init__(self, job: JobDirectory) -> None:
        self._job = job
        self._reader = job.reader()
        self._steps: dict[int, tuple[float, float, float | None]] = {}
        self._evaluations: dict[int, float] = {}
        self._peak: float | None = None
        self._curves = Curves()

    def read(self) -> Curves:
        """The curves as they are now; a step that was taken again after a resumption counts as it was last."""
        grown = False
        for event in self._reader.new():
            data = event.data
            grown = True
            if event.type == "train.step":
                self._steps[int(data["step"])] = (
                    data["loss"],
                    data["learning_rate"],
                    data["tokens_per_second"],
                )
            elif event.type == "train.evaluation":
                self._evaluations[int(data["step"])] = data["loss"]
            elif event.type == "train.resumed":
                last = int(data["step"])
                self._steps = {step: values for step, values in self._steps.items() if step <= last}
                self._evaluations = {step: loss for step, loss in self._evaluations.items() if step <= last}
            elif event.type == "job.done":
                peak = data.get("summary", {}).get("peak_memory_mb")
                self._peak = None if peak is None else peak * 1e6
        memory = self._memory()
        if grown or memory != self._curves.memory:
            self._curves = self._made(memory)
        return self._curves

    def _made(self, memory: float | None) -> Curves:
        steps = sorted(self._steps.items())
        loss = tuple((float(step), values[0]) for step, values in steps)
        return Curves(
            loss,
            smoothed(loss),
            tuple((float(step), value) for step, value in sorted(self._evaluations.items())),
            tuple((float(step), values[1]) for step, values in steps),
            tuple((float(step), values[2]) for step, values in steps if values[2] is not None),
            self._peak,
            memory,
        )

    def _memory(self) -> float | None:
        status = self._job.status()
        if status.state != "running" or status.pid is None:
            return None
        try:
            return float(psutil.Process(status.pid).memory_info().rss)
        except psutil.Error:
            return None


def smoothed(points: Points) -> Points:
    """An exponential average that is not drawn towards its beginning."""
    made, total, weight = [], 0.0, 0.0
    for step, value in points:
        total = _SMOOTHING * total + value
        weight = _SMOOTHING * weight + 1.0
        made.append((step, total / weight))
    return tuple(made)


def thinned(points: Points, most: int) -> Points:
    """At most about ``most`` points: of each stretch the lowest and the highest, so that no peak is lost."""
    if len(points) <= most or most < 4:
        return points
    stretch = -(-2 * len(points) // most)
    made: list[tuple[float, float]] = []
    for at in range(0, len(points), stretch):
        part = points[at : at + stretch]
        low, high = min(part, key=lambda one: one[1]), max(part, key=lambda one: one[1])
        made += [low] if low == high else sorted((low, high))
    return tuple(made)
