"""The training recipe: every field with a sentence that the command line, the docs and the form show."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class TrainRecipe(BaseModel):
    """How to train. A field left at ``None`` is chosen from the data, and the choice is an event."""

    model_config = ConfigDict(extra="forbid")

    method: Literal["lora", "qlora"] = Field(
        default="lora",
        title="Method",
        description="lora keeps the base in 16 or 32 bits; qlora stores it in 4 bits (NF4) to save memory.",
    )
    epochs: int | None = Field(
        default=None,
        ge=1,
        le=100,
        title="Epochs",
        description="Passes over the data; by default round(10000/n) between 1 and 10, n the examples.",
    )
    learning_rate: float = Field(
        default=2e-4, gt=0, le=0.1, title="Learning rate", description="Peak of the cosine schedule."
    )
    warmup_share: float = Field(
        default=0.1, ge=0, le=0.5, title="Warm-up", description="Share of the steps in which the rate rises."
    )
    batch_size: int = Field(
        default=8, ge=1, le=1024, title="Batch size", description="Examples per step of the optimiser."
    )
    max_batch_tokens: int = Field(
        default=4096,
        ge=64,
        title="Tokens at once",
        description="A step whose padded batch is larger is computed in several parts (gradient accumulation).",
    )
    max_length: int = Field(
        default=2048, ge=16, title="Longest example", description="Longer examples are left out, and listed."
    )
    lora_rank: int = Field(default=16, ge=1, le=512, title="LoRA rank", description="Size of the adapter.")
    lora_alpha: int = Field(
        default=32, ge=1, title="LoRA alpha", description="The adapter's output is scaled by alpha / rank."
    )
    lora_dropout: float = Field(
        default=0.0, ge=0, lt=1, title="LoRA dropout", description="Share of the adapter's inputs dropped."
    )
    lora_layers: float = Field(
        default=1.0,
        gt=0,
        le=1,
        title="LoRA layers",
        description="Share of the layers that are adapted, from the top; less is faster and takes less memory.",
    )
    weight_decay: float = Field(default=0.0, ge=0, le=1, title="Weight decay", description="Of AdamW.")
    max_grad_norm: float = Field(
        default=1.0, gt=0, title="Gradient clipping", description="Longest gradient, in its Euclidean norm."
    )
    eval_share: float = Field(
        default=0.05,
        ge=0,
        le=0.5,
        title="Evaluation slice",
        description="Share of the train split that is not trained on and measures the evaluation loss.",
    )
    evaluations: int = Field(
        default=4, ge=1, le=1000, title="Evaluations", description="How many times the loss is evaluated."
    )
    keep: Literal["best", "last"] = Field(
        default="best", title="Keep", description="Which checkpoint becomes the model."
    )
    checkpoint_seconds: float = Field(
        default=60.0, ge=0, title="Checkpoint every", description="Seconds between checkpoints."
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", title="Arithmetic", description="auto takes the fastest that this machine computes."
    )
    gradient_checkpointing: bool = Field(
        default=False,
        title="Recompute activations",
        description="Saves memory and costs about a third more time.",
    )
    limit: int | None = Field(
        default=None, ge=1, title="Examples", description="Use at most this many of the train split."
    )
    seed: int = Field(default=0, ge=0, title="Seed", description="Makes a run repeatable.")

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse ``true`` where it would be taken for 1."""
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError("it is not a matter of true or false")
        return value


class TrainSpec(BaseModel):
    """Fine-tune a base on a dataset."""

    base: str = Field(title="Base", description="Name of a base or a merge in the workspace.")
    dataset: str = Field(title="Dataset", description="Name of a dataset in the workspace.")
    name: str = Field(title="Name", description="What the fine-tuned model is called.", max_length=100)
    answers: list[str] = Field(
        default_factory=list,
        title="Only these answers",
        description="Use only examples with one of these answers (for example some labels of many).",
    )
    recipe: TrainRecipe = Field(default_factory=TrainRecipe, title="Recipe", description="How to train.")
