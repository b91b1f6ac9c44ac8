"""How fast a study goes beside its plan: one measure for the study's page, its job and its command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.jobs.directory import Status

#: How much slower or faster than planned the rest is taken to be at most.
_FASTER: Final = 0.1
_SLOWER: Final = 10.0
#: The share of the whole for which the plan is believed beside what jobs tell.
_BELIEVED: Final = 0.05
#: From this share on a running job tells the pace.
_TELLS: Final = 0.1


def pace(jobs: Iterable[tuple[float, Status]], whole: float = 0.0) -> float:
    """Seconds that a planned second takes, as far as jobs that are done or well under way tell; 1 when none does.

    Args:
        jobs: What each was planned to take, in seconds, and how it stands.
        whole: What all jobs together were planned to take. The plan is believed for a share of that: the first jobs
            are small ones, and tell little about those that take long.
    """
    planned = took = _BELIEVED * whole
    for seconds, status in jobs:
        share = share_of(status)
        if status.state == "done" and status.seconds is not None:
            planned += seconds
            took += status.seconds
        elif status.state == "running" and status.seconds is not None and share > _TELLS:
            planned += seconds * share
            took += status.seconds
    return min(_SLOWER, max(_FASTER, took / planned)) if planned else 1.0


def share_of(status: Status) -> float:
    """The share of a job that is done, by its own count; 0 when it has none."""
    done, total = status.progress.get("done"), status.progress.get("total")
    return min(1.0, float(done) / float(total)) if done is not None and total else 0.0
