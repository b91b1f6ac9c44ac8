"""How fast a study goes beside its plan."""

from __future__ import annotations

import time

import pytest

from engine.jobs.directory import Status
from engine.studies.pace import pace, share_of


def _done(seconds: float) -> Status:
    return Status(state="done", started=1000.0, ended=1000.0 + seconds)


def test_without_a_job_that_tells_the_plan_is_believed() -> None:
    assert pace([]) == 1.0
    assert pace([(60.0, Status(state="queued"))]) == 1.0


def test_jobs_that_are_done_tell_by_all_their_seconds() -> None:
    assert pace([(10.0, _done(30.0)), (30.0, _done(30.0))]) == pytest.approx(1.5)


def test_a_running_job_tells_by_its_share_once_it_is_under_way() -> None:
    early = Status(state="running", started=time.time() - 90.0, progress={"done": 1, "total": 20})
    later = Status(state="running", started=time.time() - 60.0, progress={"done": 10, "total": 20})
    assert share_of(later) == 0.5
    assert pace([(40.0, early)]) == 1.0
    assert pace([(40.0, later)]) == pytest.approx(3.0, rel=0.05)


def test_a_pace_beyond_belief_is_bounded() -> None:
    assert pace([(1.0, _done(1000.0))]) == 10.0
    assert pace([(1000.0, _done(0.5))]) == 0.1


def test_small_jobs_at_the_start_tell_little_of_a_long_study() -> None:
    imports = [(3.0, _done(1.0))] * 6
    assert pace(imports) == pytest.approx(1 / 3)
    assert pace(imports, 2000.0) == pytest.approx(0.9, abs=0.02)
    trainings = [(500.0, _done(1000.0))] * 3
    assert pace([*imports, *trainings], 2000.0) == pytest.approx(1.9, abs=0.1)
