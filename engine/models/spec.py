"""What to do when a model is added."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ModelAddSpec(BaseModel):
    """Add a base to the workspace."""

    source: str = Field(
        title="Model", description="A local folder, a .gguf file, or a Hugging Face id such as owner/name."
    )
    name: str = Field(title="Name", description="What to call it in this workspace.", max_length=100)
    revision: str = Field(default="main", title="Revision", description="Branch, tag or commit on the Hub.")
