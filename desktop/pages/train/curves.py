"""The course of a training run, read from its events as they come. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from desktop.pages.train.series import Points, Series
from engine.jobs.directory import JobDirectory


@dataclass(frozen=True)
class Curves:
    """What a run has told so far; pairs of step and value, of long runs as many as can be seen (see `Series`).

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
        self._loss, self._rate, self._speed, self._evaluations = Series(), Series(), Series(), Series()
        self._peak: float | None = None
        self._curves = Curves()

    def read(self) -> Curves:
        """The curves as they are now; a step that was taken again after a resumption counts as it was last."""
        grown = False
        for event in self._reader.new():
            data = event.data
            grown = True
            if event.type == "train.step":
                step = data["step"]
                self._loss.add(step, data["loss"])
                self._rate.add(step, data["learning_rate"])
                if data["tokens_per_second"] is not None:
                    self._speed.add(step, data["tokens_per_second"])
            elif event.type == "train.evaluation":
                self._evaluations.add(data["step"], data["loss"])
            elif event.type == "train.resumed":
                for series in (self._loss, self._rate, self._speed, self._evaluations):
                    series.cut(data["step"])
            elif event.type == "job.done":
                peak = data.get("summary", {}).get("peak_memory_mb")
                self._peak = None if peak is None else peak * 1e6
        memory = self._memory()
        if grown or memory != self._curves.memory:
            self._curves = self._made(memory)
        return self._curves

    def _made(self, memory: float | None) -> Curves:
        return Curves(
            self._loss.points(),
            self._loss.smooth(),
            self._evaluations.points(),
            self._rate.points(),
            self._speed.points(),
            self._peak,
            memory,
        )

    def _memory(self) -> float | None:
        status = self._job.status()
        if (
            status.state != "running" or status.pid is None or not self._job.alive()
        ):  # its number may be another's
            return None
        try:
            return float(psutil.Process(status.pid).memory_info().rss)
        except psutil.Error:
            return None


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
