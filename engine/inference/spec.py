"""What to do when contestants answer prompts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from engine.inference.constraints import Constraint

#: How long an answer may be; a task of a study says it, too.
LongestAnswer = Annotated[
    int | None,
    Field(
        ge=1,
        le=8192,
        title="Longest answer",
        description="In tokens; by default half as much again as the longest answer of the train split.",
    ),
]
#: What ends an answer; likewise.
StopTexts = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100)]],
    Field(
        max_length=8,
        title="Stop texts",
        description="An answer ends before the first of these, beside the model's own stop tokens.",
    ),
]


class GenerateSpec(BaseModel):
    """Let contestants answer the prompts of a dataset."""

    models: list[str] = Field(
        min_length=1,
        title="Contestants",
        description="Names of models, MODEL@QUANTISATION for its GGUF file, untuned:BASE, dataset (its own "
        "answers) or ENDPOINT:MODEL.",
    )
    dataset: str = Field(title="Dataset", description="Name of a dataset in the workspace.")
    splits: list[Literal["test", "dev"]] = Field(
        default=["test"], min_length=1, title="Splits", description="Choose on dev, report on test."
    )
    limit: int | None = Field(
        default=None, ge=1, title="Prompts", description="Answer at most this many of each split."
    )
    limits: dict[str, int | None] = Field(
        default_factory=dict, title="Prompts per split", description="Answer at most this many of each split."
    )
    only_test: list[str] = Field(
        default_factory=list,
        title="Only on test",
        description="Contestants that answer no dev prompts, because nothing is chosen by them.",
    )
    answers: list[str] = Field(
        default_factory=list,
        title="Only these answers",
        description="Use only examples with one of these answers (for example some labels of many).",
    )
    max_new_tokens: LongestAnswer = None
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=512,
        title="Batch size",
        description="Prompts answered at the same time; by default 16, of a GGUF file 32.",
    )
    constrain: Literal["choices", "json"] | Constraint | None = Field(
        default=None,
        title="Held to",
        description="choices: one of the answers of the train split; json: any JSON object; or a JSON schema or "
        "grammar. For GGUF files.",
    )
    stop: StopTexts = Field(default_factory=list)
    gpu_layers: int = Field(
        default=-1,
        ge=-1,
        title="GPU layers",
        description="Layers of a GGUF file on the accelerator; -1: as many as its free memory holds.",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", title="Arithmetic", description="auto takes the fastest that this machine computes."
    )
    budget_usd: float | None = Field(
        default=None,
        ge=0,
        title="Budget",
        description="Ceiling in USD; needed as soon as a call costs money.",
    )
    entrants: dict[str, str] = Field(
        default_factory=dict,
        title="Entrants",
        description="What each contestant stands for in a ranking, where it is not its base.",
    )
