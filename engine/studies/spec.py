"""A study's file: which bases and tasks, how to train, judge, merge and validate."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.inference.spec import LongestAnswer, StopTexts
from engine.training.spec import TrainRecipe


class Part(BaseModel):
    """A part of a study's file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class DataFile(Part):
    """A file of a dataset, with the split of all its rows if it has one."""

    path: str = Field(title="File", description="Relative to the study's file.")
    split: Literal["train", "dev", "test"] | None = Field(
        default=None, title="Split", description="Where all its rows go."
    )


class DataSource(Part):
    """Where a dataset comes from, when the workspace does not have it yet."""

    files: list[DataFile] = Field(min_length=1, title="Files", description="Files that make up the dataset.")
    format: str | None = Field(
        default=None, title="Format", description="Container or form, if not detected."
    )
    map: dict[str, str] = Field(default_factory=dict, title="Mapping", description="Role to column.")
    system: str | None = Field(default=None, title="System", description="Instruction for rows without one.")
    test_share: float = Field(
        default=0.2, ge=0, lt=1, title="Test share", description="Share held out for test."
    )
    dev_share: float = Field(
        default=0.1, ge=0, lt=1, title="Dev share", description="Share held out for dev."
    )
    seed: int = Field(default=0, ge=0, title="Seed", description="Of the split.")


class Limits(Part):
    """At most so many examples of each split."""

    train: int | None = Field(default=None, ge=1, title="Train", description="Examples trained on.")
    dev: int | None = Field(default=None, ge=1, title="Dev", description="Prompts for choosing.")
    test: int | None = Field(default=None, ge=1, title="Test", description="Prompts for the report.")


class Expected(Part):
    """Sizes to reckon with while a dataset is not there yet."""

    train: int = Field(default=1000, ge=1, title="Train", description="Examples.")
    dev: int = Field(default=100, ge=1, title="Dev", description="Prompts.")
    test: int = Field(default=300, ge=1, title="Test", description="Prompts.")
    prompt_tokens: int = Field(default=400, ge=1, title="Prompt", description="Tokens of a prompt.")
    answer_tokens: int = Field(default=80, ge=1, title="Answer", description="Tokens of an answer.")


class Task(Part):
    """A dataset used in the study."""

    dataset: str = Field(title="Dataset", description="Its name in the workspace.")
    source: DataSource | None = Field(
        default=None, title="Source", description="Imported from here if missing."
    )
    metric: Literal["label", "json_fields", "rouge_l"] | None = Field(
        default=None,
        title="Metric",
        description="Of the reference judge; by default chosen from the answers.",
    )
    answers: list[str] = Field(
        default_factory=list, title="Only these answers", description="For example some labels of many."
    )
    limits: Limits = Field(default_factory=Limits, title="Limits", description="Use only a part.")
    max_new_tokens: LongestAnswer = None
    stop: StopTexts = Field(default_factory=list)
    constrain: str | None = Field(
        default=None,
        title="Held to",
        description="choices: one of the answers of the train split; json: any JSON object; or the file of a JSON "
        "schema or grammar (.gbnf). Of GGUF files.",
    )
    training: dict[str, Any] = Field(
        default_factory=dict, title="Training", description="Recipe settings for this task."
    )
    sealed: bool = Field(default=False, title="Sealed", description="Opened only by the validation.")
    expected: Expected = Field(default_factory=Expected, title="Expected", description="Sizes for planning.")


class Sibling(Part):
    """A light fine-tune of another base, folded into its weights: a variant made by the study itself."""

    base: str = Field(title="Base", description="Name of a base of the study.")
    dataset: str = Field(title="Dataset", description="What it is trained on.")
    source: DataSource | None = Field(
        default=None, title="Source", description="Imported from here if missing."
    )
    training: dict[str, Any] = Field(default_factory=dict, title="Training", description="Recipe settings.")


class Base(Part):
    """A candidate."""

    name: str = Field(title="Name", description="Its name in the workspace.", max_length=100)
    source: str | None = Field(
        default=None, title="Source", description="Folder, .gguf file, hub id, or 'demo'; added if missing."
    )
    sibling: Sibling | None = Field(default=None, title="Sibling", description="Made by the study.")
    parameters: float | None = Field(
        default=None,
        gt=0,
        title="Parameters",
        description="Number of weights, for planning before it is here.",
    )


class Judging(Part):
    """How answers are compared."""

    judge: str = Field(
        default="reference", title="Judge", description="reference, ENDPOINT:MODEL, local:MODEL."
    )
    goal: str = Field(default="ranking", title="Goal", description="ranking, best, or beat:CONTESTANT.")
    max_comparisons: int | None = Field(
        default=None,
        ge=1,
        title="Comparisons",
        description="In all rounds together; references answer first, each judging gets its share.",
    )
    show_expected: bool = Field(
        default=False, title="Show the expected answer", description="Show it to a judging model."
    )


class Merging(Part):
    """Which bases are merged and how."""

    parents: int = Field(default=2, ge=2, title="Parents", description="The strongest so many bases on dev.")
    recipes: list[str | dict[str, Any]] = Field(
        default=["slerp", "ties"],
        title="Recipes",
        description="Names of presets, or recipes in which $parent1, $parent2 ... and $base stand for models.",
    )


class Study(Part):
    """A whole study, as in ``study.yml``."""

    name: str = Field(title="Name", description="What the study is called.", max_length=60)
    about: str = Field(default="", title="About", description="A sentence for the report.")
    seed: int = Field(default=0, ge=0, title="Seed", description="Makes it repeatable.")
    bases: list[Base] = Field(
        min_length=1, title="Bases", description="The first is the plain base that merges must beat."
    )
    tasks: list[Task] = Field(min_length=1, title="Tasks", description="What the models are to learn.")
    references: list[str] = Field(
        default_factory=list,
        title="References",
        description="untuned:BASE, fewshot:BASE or ENDPOINT:MODEL, ranked in the same table.",
    )
    training: dict[str, Any] = Field(
        default_factory=dict, title="Training", description="Recipe settings for every run."
    )
    repeats: int = Field(default=1, ge=1, le=20, title="Repeats", description="Fine-tunes per base and task.")
    judging: Judging = Field(
        default_factory=Judging, title="Judging", description="How answers are compared."
    )
    merging: Merging | None = Field(
        default_factory=Merging, title="Merging", description="null leaves merging out."
    )
    opening: Literal["at_end", "by_hand"] = Field(
        default="at_end",
        # Left out where it is the usual one, so that studies from before there was a choice are the same studies.
        exclude_if=lambda value: value == "at_end",
        title="Opening",
        description="When the sealed task is opened: at_end, by the study itself, or by_hand, when somebody says so.",
    )
    budget_usd: float | None = Field(
        default=None, ge=0, title="Budget", description="Ceiling for the whole study."
    )
    quantisation: str | None = Field(
        default="q8_0",
        title="Answer as",
        description="Contestants answer as GGUF files in this quantisation, as they would be shipped; null: by "
        "transformers, from the weights as trained.",
    )
    batch_size: int | None = Field(
        default=None, ge=1, title="Batch size", description="Prompts answered at once."
    )

    def open_tasks(self) -> list[Task]:
        """The tasks that everybody sees."""
        return [task for task in self.tasks if not task.sealed]

    def sealed_task(self) -> Task | None:
        """The task that only the validation sees."""
        return next((task for task in self.tasks if task.sealed), None)

    def recipe(self, task: Task | None, *, seed: int, own: dict[str, Any] | None = None) -> TrainRecipe:
        """The training recipe for a task: the study's settings, then the task's, then ``own``."""
        settings = {**self.training, **(task.training if task else {}), **(own or {}), "seed": seed}
        if task is not None and task.limits.train is not None:
            settings.setdefault("limit", task.limits.train)
        return TrainRecipe.model_validate(settings)


class StudySpec(BaseModel):
    """Run a study."""

    study: Study = Field(title="Study", description="Its file.")
    folder: str = Field(title="Folder", description="Where the study's file lies; paths in it begin there.")

    def with_budget(self, usd: float | None) -> StudySpec:
        """The same study with another ceiling, or without one."""
        study = Study.model_validate({**self.study.model_dump(), "budget_usd": usd})
        return self.model_copy(update={"study": study})
