"""What a plan says: the jobs of a study, with their time and price."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from engine.models.speed import START_SECONDS

#: Seconds of a job that loads no model.
LIGHT_START: Final = 2.0


@dataclass(frozen=True)
class PlannedJob:
    """One job.

    Attributes:
        seconds: Expected on this machine.
        gpu_seconds: Expected on a 24-GB GPU.
        usd: Expected price of its calls.
    """

    phase: str
    key: str
    title: str
    seconds: float
    gpu_seconds: float = 0.0
    usd: float = 0.0
    comparisons: int = 0

    def limited(self, comparisons: int) -> PlannedJob:
        """The same judging with so many comparisons; it takes as long as a job takes to start, at least."""
        share = comparisons / self.comparisons
        return replace(
            self,
            comparisons=comparisons,
            usd=round(self.usd * share, 4),
            seconds=round(max(min(self.seconds, LIGHT_START), self.seconds * share), 1),
            gpu_seconds=round(max(min(self.gpu_seconds, LIGHT_START), self.gpu_seconds * share), 1),
        )


@dataclass
class Plan:
    """All jobs of a study, in order."""

    study: str
    jobs: list[PlannedJob] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Expected on this machine, one after another."""
        return sum(job.seconds for job in self.jobs)

    @property
    def usd(self) -> float:
        """Expected price of all calls."""
        return sum(job.usd for job in self.jobs)

    @property
    def comparisons(self) -> int:
        """Of all judgings."""
        return sum(job.comparisons for job in self.jobs)

    @property
    def runs(self) -> int:
        """Jobs that fine-tune."""
        return sum(job.key.startswith("train ") for job in self.jobs)

    def of(self, key: str) -> float:
        """Expected seconds of one job; a little for one that was not planned."""
        job = self.job(key)
        return START_SECONDS if job is None else job.seconds

    def job(self, key: str) -> PlannedJob | None:
        """The planned job of this key."""
        return next((job for job in self.jobs if job.key == key), None)

    def usd_after(self, key: str) -> float:
        """Expected price of the calls of all jobs that come after this one."""
        keys = [job.key for job in self.jobs]
        return sum(job.usd for job in self.jobs[keys.index(key) + 1 :]) if key in keys else 0.0

    def limit(self, most: int) -> None:
        """Allow ``most`` comparisons in all; every judging keeps its share, one at least."""
        total = self.comparisons
        if total <= most:
            return
        shares = [job.comparisons * most / total for job in self.jobs]
        given = [math.floor(share) for share in shares]
        # What rounding leaves over goes to those that lost most by it.
        by_loss = sorted(range(len(shares)), key=lambda place: given[place] - shares[place])
        for place in by_loss[: most - sum(given)]:
            given[place] += 1
        self.jobs = [
            job.limited(max(comparisons, 1)) if job.comparisons else job
            for job, comparisons in zip(self.jobs, given, strict=True)
        ]

    def as_dict(self) -> dict[str, Any]:
        """The document of ``study run --dry-run``."""
        return {
            "study": self.study,
            "jobs": [asdict(job) for job in self.jobs],
            "seconds": round(self.seconds, 1),
            "gpu_seconds": round(sum(job.gpu_seconds for job in self.jobs), 1),
            "usd": round(self.usd, 4),
            "comparisons": self.comparisons,
            "runs": self.runs,
            "notes": self.notes,
        }
