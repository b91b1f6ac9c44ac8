"""What to do when a merge recipe becomes a GGUF file without the merged model being written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def provenance_file(out: Path) -> Path:
    """Where it is told how a GGUF file was merged: beside it."""
    return out.with_name(f"{out.stem}.bakeoff.json")


class MergedExportSpec(BaseModel):
    """Merge models by a recipe, and write only the GGUF file of the result."""

    model_config = ConfigDict(extra="forbid")

    recipe: str | dict[str, Any] = Field(
        title="Recipe", description="The recipe as YAML text or as its structure."
    )
    out: str = Field(title="Output", description="The GGUF file.")
    quantisation: str = Field(
        default="q4_k_m",
        title="Quantisation",
        description="How the file stores weights, for example q8_0.",
    )
    model_name: str = Field(title="Name", description="What the file calls the model.", max_length=100)
    recipe_file: str | None = Field(
        default=None,
        title="Recipe file",
        description="Where the recipe lies; relative paths of models are also tried from there.",
    )
    working_folder: str | None = Field(
        default=None,
        title="Working folder",
        description="Relative paths of models are also tried from here.",
    )
    seed: int = Field(
        default=42, ge=0, title="Seed", description="Of the methods that drop changes at random."
    )
    dataset: str | None = Field(
        default=None, title="Dataset", description="Its prompts are tokenised by both programs."
    )
    drift: bool = Field(
        default=False,
        title="Drift",
        description="Compare the file with the merge at 16 bits on the dataset's test prompts. The 16-bit file lies "
        "beside it for that time.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=256, title="Threads", description="By default one per core."
    )
