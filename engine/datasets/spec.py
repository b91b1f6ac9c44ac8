"""What to do when a dataset is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from engine.datasets.options import ImportOptions, Source


class SourceSpec(BaseModel):
    """One file of a dataset."""

    path: str = Field(
        min_length=1, title="File", description="JSONL, JSON, CSV, TSV or Parquet, also .gz; absolute."
    )
    split: Literal["train", "dev", "test"] | None = Field(
        default=None, title="Split", description="Where its rows belong, where they do not say so themselves."
    )


class ImportSpec(BaseModel):
    """Import files as one dataset."""

    sources: list[SourceSpec] = Field(min_length=1, title="Files", description="The files with the examples.")
    name: str = Field(
        title="Name", description="What to call it in this workspace.", min_length=1, max_length=100
    )
    format: str | None = Field(
        default=None,
        title="Format",
        description="A container (jsonl, json, csv, tsv, parquet) or a form (openai-chat, input-output, "
        "prompt-completion, alpaca, sharegpt, columns, snips, nlupp); by default told from the content.",
    )
    mapping: dict[str, str] = Field(
        default_factory=dict,
        title="Columns",
        description="Role (system, prompt, completion, messages, split) to column, path or converter.",
    )
    system: str | None = Field(
        default=None, title="Instruction", description="System message for the rows that have none."
    )
    test_share: float = Field(
        default=0.2, ge=0, lt=1, title="Test share", description="Share of the examples to rank on."
    )
    dev_share: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        title="Dev share",
        description="Share of the examples to choose parents and recipes on.",
    )
    seed: int = Field(default=0, ge=0, title="Seed", description="Decides which examples go where.")
    sealed: bool = Field(
        default=False,
        title="Sealed",
        description="Keep it out of preview, generate and judge until a study's validation opens it.",
    )

    def files(self) -> list[Source]:
        """The files, as `engine.datasets.import_files` takes them."""
        return [Source(Path(source.path), source.split) for source in self.sources]

    def options(self) -> ImportOptions:
        """The rest, as `engine.datasets.import_files` takes it."""
        return ImportOptions(
            name=self.name,
            format=self.format,
            mapping=self.mapping,
            system=self.system,
            test_share=self.test_share,
            dev_share=self.dev_share,
            seed=self.seed,
            sealed=self.sealed,
        )
