"""What a study's file would do here, how long it takes and what it costs. Knows no Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.language import tr
from desktop.references.planning import NOTHING, REFERENCE, Cost, cost_of
from desktop.words import told
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.jobs.client import JobClient
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


def read_study(workspace: Workspace, file: Path, budget: Callable[[], float | None] | None) -> FileStudy:
    """Read a file, and plan what it describes.

    Args:
        workspace: Where it would run.
        file: Where it lies.
        budget: Reads the ceiling in USD that was typed; None: the file's own.

    Raises:
        BakeoffError: It is no study.
    """
    from engine.studies.lines import study_lines
    from engine.studies.plan import plan_study
    from engine.studies.reading import load_study

    spec = load_study(file)
    study = spec.study
    plan = plan_study(study, workspace)
    cost = cost_of(workspace, lambda: spec if budget is None else with_ceiling(spec, budget()))
    there = next((line.state for line in study_lines(workspace) if line.name == study.name), "")
    return replace(_shown(study, plan), there=there, cost=cost)


def with_ceiling(spec: StudySpec, usd: float | None) -> StudySpec:
    """The same study with another ceiling, or without one."""
    return spec.model_copy(update={"study": spec.study.model_copy(update={"budget_usd": usd})})


def start_file(workspace: Workspace, client: JobClient, file: Path, usd: float | None) -> str:
    """Start what a file describes; returns the study's name.

    Raises:
        BakeoffError: It cannot be started.
    """
    from engine.studies.reading import load_study
    from engine.studies.starting import start_study

    spec = with_ceiling(load_study(file), usd)
    start_study(workspace, client, spec)
    return spec.study.name


def _shown(study: Study, plan: Plan) -> FileStudy:
    sealed = study.sealed_task()
    merging = study.merging
    facts = [
        (tr("Bases"), ", ".join(base.name for base in study.bases)),
        (tr("Tasks"), ", ".join(task.dataset for task in study.open_tasks())),
        (tr("Sealed task"), sealed.dataset if sealed is not None else ""),
        (tr("Merges"), ", ".join(map(_recipe_name, merging.recipes)) if merging is not None else tr("none")),
        (tr("References"), ", ".join(study.references)),
        (tr("Judge"), tr("the reference judge") if study.judging.judge == REFERENCE else study.judging.judge),
    ]
    return FileStudy(
        study.name,
        study.about,
        tuple((name, words) for name, words in facts if words),
        tuple(PlannedLine(told(job.title), job.seconds, job.usd) for job in plan.jobs),
        sum(job.key.startswith("train ") for job in plan.jobs),
        sum(job.comparisons for job in plan.jobs),
        plan.seconds,
        study.budget_usd,
    )


def _recipe_name(recipe: str | dict[str, object]) -> str:
    from engine.studies.recipes import recipe_name

    return recipe_name(recipe)
