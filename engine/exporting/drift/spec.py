"""What to compare."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DriftSpec(BaseModel):
    """Compare GGUF files of one model on a task's test prompts."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(title="Model", description="Name of a model whose GGUF files are in the workspace.")
    dataset: str = Field(title="Dataset", description="Its test prompts are answered.")
    reference: str = Field(
        default="bf16", title="Reference", description="The quantisation that the others are compared with."
    )
    quantisations: list[str] = Field(
        min_length=1, title="Quantisations", description="Those that are compared with the reference."
    )
    metric: str | None = Field(
        default=None, title="Metric", description="How answers are compared; by default told by their form."
    )
    limit: int = Field(default=100, ge=1, title="Prompts", description="Answer at most this many.")
