"""What finished studies have found out about models: rating, possible places, and how they answer each task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.studies.result import AnswerFigures, StudyResult, TaskResult

#: Contestant and hash of what answered -> what that was made of (see `engine.models.library.ModelFiles.identity`).
MadeOf = Mapping[tuple[str, str], str]


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


@dataclass(frozen=True)
class Subject:
    """Of whom a study speaks.

    Attributes:
        name: As the study calls it.
        weights: Identities of the weights that it had, as far as they are known.
    """

    name: str
    weights: frozenset[str]

    def is_of(self, name: str, identity: str) -> bool:
        """Whether it is a model of the workspace: the same weights, or the same name where no weights are known."""
        return identity in self.weights if self.weights else name == self.name


def read_evidence(workspace: Workspace, models: Mapping[str, str]) -> dict[str, Evidence]:
    """What the newest study says in which a model took part, by the model's name.

    Args:
        workspace: Whose studies.
        models: Name -> identity of its weights (see `engine.models.library.ModelFiles.identity`).
    """
    from pydantic import ValidationError
    from sqlalchemy import select

    from engine.studies.result import StudyResult
    from engine.workspace.tables import Contestant, Export, Study

    with workspace.catalogue.reading() as session:
        query = select(Study.name, Study.result).order_by(Study.created_at.desc())
        documents = [(name, document) for name, document in session.execute(query)]
        exports = {row.sha256: row.made_of for row in session.scalars(select(Export))}
        made_of = {}
        for row in session.scalars(select(Contestant)):
            weights = str(row.identity.get("weights") or "")
            made_of[row.name, weights] = str(row.identity.get("made_of") or exports.get(weights, weights))
    found: dict[str, Evidence] = {}
    for study, document in documents:
        try:
            result = StudyResult.model_validate(document)
        except ValidationError:  # it has none yet
            continue
        for subject, evidence in evidence_of(study, result, made_of):
            for name, identity in models.items():
                if name not in found and subject.is_of(name, identity):
                    found[name] = evidence
    return found


def evidence_of(study: str, result: StudyResult, made_of: MadeOf) -> Iterator[tuple[Subject, Evidence]]:
    """What a study says about each base, merge and fine-tune."""
    tasks = [*result.tasks, *([result.validation.task] if result.validation is not None else [])]
    own = {entrant.name for entrant in result.entrants if entrant.kind != "reference"}
    for name in own:
        figures = [(task, one) for task in tasks for one in task.figures if one.entrant == name]
        # A fine-tune is known by its base's weights and its own.
        weights = {_weights(one, made_of).partition("+")[0] for _, one in figures}
        evidence = _evidence(study, _row(result.ranking, name), _scores(figures), leads=name == result.winner)
        yield Subject(name, frozenset(weights - {""})), evidence
    for task in tasks:
        for one in task.figures:
            if one.entrant in own:
                row = _row(_ranking_on(result, task), one.contestant)
                evidence = _evidence(study, row, _scores([(task, one)]), leads=one.entrant == result.winner)
                weights = {_weights(one, made_of)}
                yield Subject(one.contestant.partition("@")[0], frozenset(weights - {""})), evidence


def _weights(figures: AnswerFigures, made_of: MadeOf) -> str:
    return made_of.get((figures.contestant, figures.weights), figures.weights)


def _scores(figures: Sequence[tuple[TaskResult, AnswerFigures]]) -> tuple[TaskScore, ...]:
    """How tasks are answered, each by the mean of all that answered it."""
    by_task: dict[str, tuple[TaskResult, list[float]]] = {}
    for task, one in figures:
        by_task.setdefault(task.dataset, (task, []))[1].append(one.metric)
    return tuple(
        TaskScore(dataset, task.metric_title, sum(metrics) / len(metrics))
        for dataset, (task, metrics) in by_task.items()
    )


def _ranking_on(result: StudyResult, task: TaskResult) -> dict[str, Any]:
    """The ranking on one task, in which fine-tunes stand by themselves."""
    sealed = result.validation is not None and task is result.validation.task
    whole = result.validation.ranking if sealed and result.validation is not None else result.ranking
    found: dict[str, Any] = whole.get("tasks", {}).get(task.dataset, whole)
    return found


def _row(ranking: dict[str, Any], name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = ranking.get("contestants", [])
    return next((row for row in rows if row["name"] == name), {})


def _evidence(study: str, row: dict[str, Any], scores: tuple[TaskScore, ...], *, leads: bool) -> Evidence:
    return Evidence(
        study, row.get("elo"), int(row.get("rank_lo", 0)), int(row.get("rank_hi", 0)), leads, scores
    )
