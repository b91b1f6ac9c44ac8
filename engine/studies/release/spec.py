"""What to release."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ReleaseSpec(BaseModel):
    """Bundle a model in all its forms with a card that carries the evidence."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(title="Model", description="Name of a base, an adapter or a merge.")
    out: str = Field(title="Folder", description="Where the bundle goes; must not exist yet.")
    quantisations: list[str] = Field(
        default=["q4_k_m"],
        title="Quantisations",
        description="Of the GGUF files; empty: no GGUF file.",
    )
    safetensors: bool = Field(
        default=True, title="Safetensors", description="Whether the whole model is bundled unquantised."
    )
    study: str | None = Field(
        default=None,
        title="Study",
        description="Whose ranking is shown; by default the newest that ranked the model, else recorded verdicts.",
    )
    judge: str | None = Field(
        default=None, title="Judge", description="Whose verdicts are shown, where several judges were asked."
    )
    dataset: str | None = Field(
        default=None,
        title="Dataset",
        description="Quantisations are compared on its test prompts; by default what the model was trained on.",
    )
    drift: bool = Field(
        default=True, title="Drift", description="Whether quantisations are compared with 16 bits."
    )
    threads: int | None = Field(
        default=None, ge=1, le=256, title="Threads", description="By default one per core."
    )
