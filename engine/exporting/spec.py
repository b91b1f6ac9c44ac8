"""What to do when a model is exported."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

#: What a GGUF file is called whose header names no quantisation that is known here.
UNKNOWN: Final = "converted"
#: The forms in which a model leaves the workspace.
Form = Literal["gguf", "merged", "adapter", "ollama"]


class ExportSpec(BaseModel):
    """Bring a model of the workspace into a form that other programs read."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(title="Model", description="Name of a base, an adapter or a merge.")
    others: list[str] = Field(
        default_factory=list,
        title="Others",
        description="More models to become GGUF files of the workspace in the same way, in the same process.",
    )
    form: Form = Field(
        default="gguf",
        title="Form",
        description="gguf: one file for llama.cpp; merged: a Hugging Face folder; adapter: a PEFT folder; ollama: a "
        "GGUF file with the Modelfile that tells Ollama how to use it.",
    )
    quantisation: str = Field(
        default="q4_k_m",
        title="Quantisation",
        description="How a GGUF file stores weights, for example q8_0.",
    )
    out: str | None = Field(
        default=None,
        title="Output",
        description="The file, or the folder for other forms than gguf; by default a file of the workspace.",
    )
    dataset: str | None = Field(
        default=None,
        title="Dataset",
        description="Its prompts are tokenised by both programs to see that they agree, and its training text tells "
        "which weights matter; by default the one that the model was trained on.",
    )
    importance: bool | None = Field(
        default=None,
        title="Importance",
        description="Measure on the dataset's training text which weights matter, and round the others more; by "
        "default only where the quantisation needs it.",
    )
    drift: bool = Field(
        default=False,
        title="Drift",
        description="Compare the file with the model's 16-bit one on the dataset's test prompts.",
    )
    converted: str | None = Field(
        default=None,
        title="Converted file",
        description="A GGUF file that a converter of llama.cpp made of the model; it is checked and taken over.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=256, title="Threads", description="By default one per core."
    )
