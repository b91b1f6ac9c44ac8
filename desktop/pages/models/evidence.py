"""What finished studies have found out about models: rating, possible places, and how they answer each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.studies.result import StudyResult, TaskResult


@dataclass(frozen=True)
class TaskScore:
    """How a model answers the test prompts of a task.

    Attributes:
        metric: Its mean, 0 to 1; ``title`` says of what.
    """

    dataset: str
    title: str
    metric: float


@dataclass(frozen=True)
class Evidence:
    """Where a model stands in a study.

    Attributes:
        elo: Its rating: of a base or merge the average over all tasks, of a fine-tune that on its task. None where it
            is not finite.
        best: Best place that the data allow, and ``worst`` the worst; 0 where it has none.
        leads: Whether it, or the one that it is a fine-tune of, has won.
        tasks: What it was asked.
    """

    study: str
    elo: float | None
    best: int
    worst: int
    leads: bool
    tasks: tuple[TaskScore, ...]


def read_evidence(workspace: Workspace) -> dict[str, Evidence]:
    """What the newest study says in which a model took part, by the model's name."""
    from pydantic import ValidationError
    from sqlalchemy import select

    from engine.studies.result import StudyResult
    from engine.workspace.tables import Study

    found: dict[str, Evidence] = {}
    with workspace.catalogue.reading() as session:
        query = select(Study.name, Study.result).order_by(Study.created_at.desc())
        documents = [(name, document) for name, document in session.execute(query)]
    for name, document in documents:
        try:
            result = StudyResult.model_validate(document)
        except ValidationError:  # it has none yet
            continue
        for model, evidence in evidence_of(name, result).items():
            found.setdefault(model, evidence)
    return found


def evidence_of(study: str, result: StudyResult) -> dict[str, Evidence]:
    """What a study says about each of its models, by the model's name."""
    tasks = [*result.tasks, *([result.validation.task] if result.validation is not None else [])]
    found = {}
    own = {entrant.name for entrant in result.entrants if entrant.kind != "reference"}
    for entrant in result.entrants:
        if entrant.name in own:
            row = _row(result.ranking, entrant.name)
            scores = [_score(task, name=entrant.name) for task in tasks]
            found[entrant.name] = _evidence(study, row, scores, leads=entrant.name == result.winner)
    for task in tasks:
        ranking = result.ranking.get("tasks", {}).get(task.dataset, {})
        if result.validation is not None and task is result.validation.task:
            ranking = result.validation.ranking
        for figures in task.figures:
            model = figures.contestant.partition("@")[0]
            if figures.entrant in own and model not in found:
                row = _row(ranking, figures.contestant) or _row(result.ranking, figures.entrant)
                score = TaskScore(task.dataset, task.metric_title, figures.metric)
                found[model] = _evidence(study, row, [score], leads=figures.entrant == result.winner)
    return found


def _score(task: TaskResult, name: str) -> TaskScore | None:
    """How an entrant answers a task: the mean of its contestants."""
    metrics = [figures.metric for figures in task.figures if figures.entrant == name]
    return TaskScore(task.dataset, task.metric_title, sum(metrics) / len(metrics)) if metrics else None


def _row(ranking: dict[str, Any], name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = ranking.get("contestants", [])
    return next((row for row in rows if row["name"] == name), {})


def _evidence(
    study: str, row: dict[str, Any], scores: Sequence[TaskScore | None], *, leads: bool
) -> Evidence:
    return Evidence(
        study,
        row.get("elo"),
        int(row.get("rank_lo", 0)),
        int(row.get("rank_hi", 0)),
        leads,
        tuple(score for score in scores if score is not None),
    )
