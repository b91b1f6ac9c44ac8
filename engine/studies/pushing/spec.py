"""What to push, and where."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PushSpec(BaseModel):
    """Push a release to the Hugging Face Hub."""

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(title="Folder", description="A bundle that a release made.")
    repository: str = Field(title="Repository", description="On the Hub, as USER/NAME.")
    public: bool = Field(
        default=False, title="Public", description="Everybody may see it; otherwise only its owner."
    )
