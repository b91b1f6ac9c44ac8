"""What a study found: one document from which the report, the window and the command line read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class EntrantResult(BaseModel):
    """Someone in the table.

    Attributes:
        kind: ``base``, ``merge`` or ``reference``.
        parents: Of a merge: the bases it was made from.
        recipe: Of a merge: how.
    """

    name: str
    kind: Literal["base", "merge", "reference"]
    parents: list[str] = Field(default_factory=list)
    recipe: str = ""


class AnswerFigures(BaseModel):
    """How a contestant answered one task's test prompts.

    Attributes:
        weights: Hash of what answered (see `ModelFiles.identity`, or of its GGUF file); empty behind an endpoint.
        metric: Mean of the task's metric, 0 to 1.
        cut_off: Share of answers that ran into the longest length.
    """

    contestant: str
    entrant: str
    weights: str = ""
    prompts: int
    metric: float
    cut_off: float
    seconds_per_1000: float
    usd_per_1000: float


class TaskResult(BaseModel):
    """One task of the report.

    Attributes:
        floor: Mean metric of always giving the most frequent answer of the train split; labels only.
        few_shot: Mean metric of the untuned plain base shown a few solved examples.
    """

    dataset: str
    metric: str
    metric_title: str
    prompts: int
    train_examples: int
    sealed: bool = False
    floor: float | None = None
    floor_answer: str = ""
    few_shot: float | None = None
    untuned: float | None = None
    figures: list[AnswerFigures] = Field(default_factory=list)


class Choice(BaseModel):
    """Something that was decided on dev prompts, with the ranking it rests on."""

    what: str
    chosen: list[str]
    sentence: str
    ranking: dict[str, Any]


class Validation(BaseModel):
    """The sealed task: whether the order of two entrants holds there.

    Attributes:
        difference: Rating of ``first`` minus that of ``second`` there, natural-log units; None if not finite.
        verdict: ``holds`` (the first is surely better), ``reversed`` (surely worse), ``not separable``, or
            ``not judged`` where the budget had ended.
        sealed_until_now: Nobody had seen the task before this study opened it.
    """

    dataset: str
    first: str
    second: str
    difference: float | None
    lo: float | None
    hi: float | None
    verdict: Literal["holds", "not separable", "reversed", "not judged"]
    sentence: str
    sealed_until_now: bool = True
    ranking: dict[str, Any]
    task: TaskResult


class StepResult(BaseModel):
    """One job of the study."""

    step: str
    title: str
    kind: str
    job: str
    seconds: float
    planned_seconds: float
    summary: dict[str, Any]


class StudyResult(BaseModel):
    """Everything a report says.

    Attributes:
        ranking: The document of ``bakeoff rank`` over all tasks on test prompts.
        groups: Runs of neighbours in the average that nothing tells apart.
        conclusions: What follows, in sentences, most important first.
        cautions: What a reader has to know before believing it.
        words: The templates of such sentences with their values, by the sentence (see `engine.errors.Words`).
        still_sealed: The sealed task, where it waits for somebody to open it.
    """

    study: str
    about: str = ""
    judge: str
    level: float = 0.95
    repeats: int = 1
    plain: str
    winner: str | None = None
    entrants: list[EntrantResult]
    tasks: list[TaskResult]
    ranking: dict[str, Any]
    groups: list[list[str]] = Field(default_factory=list)
    choices: list[Choice] = Field(default_factory=list)
    validation: Validation | None = None
    still_sealed: str = ""
    conclusions: list[str] = Field(default_factory=list)
    cautions: list[str] = Field(default_factory=list)
    words: dict[str, dict[str, Any]] = Field(default_factory=dict)
    steps: list[StepResult] = Field(default_factory=list)
    seconds: float = 0.0
    cost_usd: float = 0.0
    machine: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    report: str = ""

    def fine_tunes(self, entrant: str) -> list[tuple[str, str]]:
        """Each task, and the model that an entrant has learned it with (the first of several repeats)."""
        found: dict[str, str] = {}
        for task in self.tasks:
            for figures in task.figures:
                if figures.entrant == entrant:
                    found.setdefault(task.dataset, figures.contestant.partition("@")[0])
        return list(found.items())
