"""What must be right before judging begins, so that a job does not start in vain."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import Words
from engine.inference.paid import require_budget
from engine.jobs.kinds import Lane
from engine.judging.prepare import LOCAL, REFERENCE, prepare, split_judge
from engine.judging.spec import JudgeSpec
from engine.progress import SilentReporter
from engine.workspace import Workspace


@dataclass(frozen=True)
class JudgingStart:
    """How the job of judging is asked for (see `engine.jobs.client.JobClient.submit`)."""

    title: str
    lane: Lane | None
    own_runner: bool


def require_judgeable(workspace: Workspace, spec: JudgeSpec) -> JudgingStart:
    """Refuse a request that could not be fulfilled.

    Raises:
        BakeoffError: What `engine.judging.prepare.prepare` raises; a price or a budget is missing, or the goal names
            nobody.
    """
    local = spec.judge.startswith(LOCAL)
    paid = not local and spec.judge != REFERENCE
    if paid:
        require_budget(workspace, [split_judge(spec.judge)], spec.budget_usd)
    prepare(workspace, spec, SilentReporter()).chooser(spec, everything=False)
    return JudgingStart(
        Words("{judge} judges {dataset}", judge=spec.judge, dataset=spec.dataset),
        "compute" if local else None,
        paid,
    )
