"""What a study's file would do here, how long it takes and what it costs. Knows no Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from desktop.language import tr
from desktop.references.planning import NOTHING, REFERENCE, Cost, cost_of
from desktop.words import told
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.studies.planned import Plan
    from engine.studies.spec import Study, StudySpec

#: Of files that may hold a study.
ENDINGS = (".yml", ".yaml")


@dataclass(frozen=True)
class PlannedLine:
    """A job that the study would do; seconds on this machine."""

    title: str
    seconds: float
    usd: float


@dataclass(frozen=True)
class FileStudy:
    """What a file describes.

    Attributes:
        facts: Name and words of what it has: bases, tasks and so on.
        runs: Jobs that fine-tune.
        seconds: Of all jobs, one after another.
        there: State of the study of this name that the workspace has; empty where it has none.
        cost: With the ceiling that was typed, and why the study cannot be started, where it cannot.
    """

    name: str
    about: str
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[PlannedLine, ...] = ()
    runs: int = 0
    comparisons: int = 0
    seconds: float = 0.0
    ceiling_usd: float | None = None
    there: str = ""
    cost: Cost = NOTHING


def plan_file(workspace: Workspace, spec: StudySpec, budget: Callable[[], float | None] | None) -> FileStudy:
    """Plan what a file describes.

    Args:
        workspace: Where it would run.
        spec: What was read from the file.
        budget: Reads the ceiling in USD that was typed; None: the file's own.
    """
    from engine.studies.lines import study_lines
    from engine.studies.plan import plan_study

    study = spec.study
    plan = plan_study(study, workspace)
    cost = cost_of(workspace, lambda: spec if budget is None else spec.with_budget(budget()))
    there = next((line.state for line in study_lines(workspace) if line.name == study.name), "")
    return replace(_shown(study, plan), there=there, cost=cost)


def _shown(study: Study, plan: Plan) -> FileStudy:
    sealed = study.sealed_task()
    merging = study.merging
    facts = [
        (tr("Bases"), ", ".join(base.name for base in study.bases)),
        (tr("Tasks"), ", ".join(task.dataset for task in study.open_tasks())),
        (tr("Sealed task"), sealed.dataset if sealed is not None else ""),
        (tr("Merges"), ", ".join(map(_recipe_name, merging.recipes)) if merging is not None else tr("none")),
        (tr("References"), ", ".join(study.references)),
        (
            tr("The judge"),
            tr("the reference judge") if study.judging.judge == REFERENCE else study.judging.judge,
        ),
    ]
    return FileStudy(
        study.name,
        study.about,
        tuple((name, words) for name, words in facts if words),
        tuple(PlannedLine(told(job.title), job.seconds, job.usd) for job in plan.jobs),
        plan.runs,
        plan.comparisons,
        plan.seconds,
        study.budget_usd,
    )


def _recipe_name(recipe: str | dict[str, object]) -> str:
    from engine.studies.recipes import recipe_name

    return recipe_name(recipe)
