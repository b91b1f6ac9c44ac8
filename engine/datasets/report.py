"""What an import has to say when it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.datasets.options import Split
from engine.errors import Words


@dataclass(frozen=True)
class Rejected:
    """A row that did not become an example.

    Attributes:
        row: Its number, counted from 1.
        reason: Why, as a person reads it.
        code: The same as a stable name.
        words: The reason's template and values, for whoever reads it in another language; of the first rows only.
    """

    row: int
    reason: str
    code: str
    words: Words | None = None

    def as_dict(self) -> dict[str, Any]:
        """The entry of ``rejected`` in the command line's JSON."""
        return {"row": self.row, "reason": self.reason, "code": self.code}

    def record(self) -> dict[str, Any]:
        """As it is kept with the dataset."""
        return self.as_dict() | ({"words": self.words.record()} if self.words is not None else {})


@dataclass(frozen=True)
class ImportReport:
    """The outcome of an import.

    Attributes:
        name: The dataset's name.
        counts: Examples per split.
        format: The form of the rows (of several files: all of theirs).
        container: How the file held them.
        encoding: The text encoding.
        rejected: Every row that was left out.
        duplicates: Rows that repeat an earlier one exactly, prompt and answer.
        near_duplicates: Prompts that nearly repeat an earlier one.
        conflicts: Prompts with more than one answer.
        warnings: What the reader should know, in sentences.
        content_sha256: Identity of the examples with their splits.
        sealed: Whether the dataset is closed until validation.
    """

    name: str
    counts: Mapping[Split, int]
    format: str
    container: str
    encoding: str
    rejected: Sequence[Rejected]
    duplicates: int
    near_duplicates: int
    conflicts: int
    warnings: Sequence[str]
    content_sha256: str
    sealed: bool = False
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def examples(self) -> int:
        """How many rows became examples."""
        return sum(self.counts.values())

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``bakeoff dataset import``."""
        return {
            "name": self.name,
            "examples": self.examples,
            "train": self.counts["train"],
            "dev": self.counts["dev"],
            "test": self.counts["test"],
            "format": self.format,
            "container": self.container,
            "encoding": self.encoding,
            "rejected": [row.as_dict() for row in self.rejected],
            "duplicates": self.duplicates,
            "near_duplicates": self.near_duplicates,
            "conflicts": self.conflicts,
            "warnings": list(self.warnings),
            "sealed": self.sealed,
            "content_sha256": self.content_sha256,
        }
