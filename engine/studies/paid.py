"""What in a study costs money, and what it has cost."""

from __future__ import annotations

from typing import Final

from engine.inference.budget import booked_usd
from engine.jobs.directory import all_jobs
from engine.studies.spec import Study
from engine.workspace import Workspace

_LOCAL: Final = ("untuned:", "fewshot:", "local:")


def is_endpoint(name: str) -> bool:
    """Whether a reference or a judge is a model behind an endpoint, ``ENDPOINT:MODEL``."""
    return ":" in name and not name.startswith(_LOCAL)


def paid_models(study: Study) -> list[tuple[str, str]]:
    """``(endpoint, model)`` of the judge and every reference behind an endpoint."""
    names = [name for name in [study.judging.judge, *study.references] if is_endpoint(name)]
    pairs = [name.partition(":") for name in dict.fromkeys(names)]
    return [(endpoint, model) for endpoint, _, model in pairs]


def spent_usd(workspace: Workspace, study: str) -> float:
    """What all jobs of a study have cost so far, those of earlier versions of its file included."""
    return sum(
        booked_usd(job.checkpoints / "budget.jsonl")
        for job in all_jobs(workspace.jobs)
        if job.request().study == study
    )
