"""What to do when a judge compares answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class JudgeSpec(BaseModel):
    """Let a judge compare contestants' answers pair by pair."""

    dataset: str = Field(title="Dataset", description="Name of a dataset in the workspace.")
    contestants: list[str] = Field(
        min_length=2,
        title="Contestants",
        description="Names of models, untuned:BASE, dataset (its own answers) or ENDPOINT:MODEL; all have answered.",
    )
    split: Literal["test", "dev"] = Field(
        default="test", title="Split", description="Choose on dev, report on test."
    )
    judge: str = Field(
        default="reference",
        title="Judge",
        description="reference (the dataset's answers and a metric; free), ENDPOINT:MODEL or local:MODEL.",
    )
    goal: str = Field(
        default="ranking",
        title="Goal",
        description="ranking places everybody, best finds the winner, beat:CONTESTANT compares with that one.",
    )
    budget_usd: float | None = Field(
        default=None, ge=0, title="Budget", description="Ceiling in USD that the calls never pass."
    )
    max_comparisons: int | None = Field(
        default=None,
        ge=1,
        title="Comparisons",
        description="Compare at most this many pairs of answers; by default all that the goal needs.",
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        title="Prompts",
        description="Use only this many prompts of the split, the same that as many answers are generated to.",
    )
    metric: Literal["label", "json_fields", "rouge_l"] | None = Field(
        default=None,
        title="Metric",
        description="What the reference judge goes by; by default chosen from the expected answers.",
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        le=1,
        title="Tie margin",
        description="Scores at most this far apart are a tie for the reference judge; by default the metric's own.",
    )
    show_expected: bool = Field(
        default=False,
        title="Show the expected answer",
        description="Show the dataset's answer to a judging model, as a help.",
    )
    across_entrants: bool = Field(
        default=False,
        title="Across entrants",
        description="Leave out pairs that stand for the same entrant, such as two runs of one base.",
    )
    parallel: int = Field(
        default=4,
        ge=1,
        le=64,
        title="Calls at one time",
        description="How many calls an endpoint gets at once.",
    )
    batch: bool = Field(
        default=False,
        title="As a batch",
        description="Ask an endpoint for all verdicts of a round at once, answered within a day at a lower price.",
    )
    seed: int = Field(
        default=0, ge=0, title="Seed", description="Decides which prompts and pairs come first."
    )
