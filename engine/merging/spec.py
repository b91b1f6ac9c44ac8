"""What to do when models are merged."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

#: Tensors at a time.
USUAL_THREADS: Final = 2
MOST_THREADS: Final = 16


class MergeSpec(BaseModel):
    """Merge models by a recipe."""

    model_config = ConfigDict(extra="forbid")

    recipe: str | dict[str, Any] = Field(
        title="Recipe", description="The recipe as YAML text or as its structure."
    )
    name: str = Field(title="Name", description="What the merge is called in the workspace.", max_length=100)
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
    folder: str | None = Field(
        default=None,
        title="Output folder",
        description="Where the merged model goes; must not exist yet. By default a folder of the workspace.",
    )
    seed: int = Field(
        default=42, ge=0, title="Seed", description="Of the methods that drop changes at random."
    )
    threads: int = Field(
        default=USUAL_THREADS,
        ge=1,
        le=MOST_THREADS,
        title="Tensors at a time",
        description="More are faster and need more memory; the result is the same.",
    )
