"""Checkpoints of jobs that are done: kept for a while, for whoever looks into them, then removed."""

from __future__ import annotations

import shutil
import time
from typing import Final

from engine.jobs.directory import JobDirectory
from engine.jobs.kinds import KINDS

_DAY: Final = 86_400.0


def drop_checkpoints(job: JobDirectory, days: int) -> int:
    """Remove what a job that is done needed only to go on, ``days`` after its end; returns how many that were."""
    names = KINDS[job.request().kind].resuming
    ended = job.status().ended
    if not names or ended is None or time.time() - ended < days * _DAY:
        return 0
    found = [path for name in names for path in job.checkpoints.glob(name)]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(found)
