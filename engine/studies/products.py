"""What a study has made so far: which models stand for an entrant on a task, and how they are called there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.inference.contestants import DATASET
from engine.studies.paid import is_endpoint


@dataclass
class Merge:
    """A merge that the study made.

    Attributes:
        parents: Names of the bases it was made from.
        recipe: The preset's name, or a recipe of one's own as YAML.
    """

    name: str
    parents: list[str]
    recipe: str


@dataclass
class Products:
    """Models of a study.

    Attributes:
        bases: Entrants in the order of the study's file.
        merges: Those that were made.
        tuned: Task -> entrant -> names of its fine-tunes there (one per repeat).
        references: Contestants that answer every task beside them.
        quantisation: Of the GGUF files that answer for models; None where the weights as trained do.
    """

    bases: list[str] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    quantisation: str | None = None
    tuned: dict[str, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def trained_entrants(self) -> list[str]:
        """Bases and merges."""
        return [*self.bases, *(merge.name for merge in self.merges)]

    def contestants(self, task: str, entrants: list[str], *, references: bool) -> list[str]:
        """Names of the contestants of ``entrants`` on ``task``."""
        return list(self.entrants_of(task, entrants, references=references))

    def entrants_of(self, task: str, entrants: list[str], *, references: bool) -> dict[str, str]:
        """Contestants of ``entrants`` on ``task``, and the entrant that each stands for."""
        found = {
            self.answering(name): entrant
            for entrant in entrants
            for name in self.tuned[task].get(entrant, [])
        }
        return found | ({self.answering(name): name for name in self.references} if references else {})

    def answering(self, name: str) -> str:
        """The contestant that answers for a fine-tune or a reference: itself, or its GGUF file."""
        if self.quantisation is None or name == DATASET or is_endpoint(name):
            return name
        return f"{name}@{self.quantisation}"

    def models_of(self, names: Iterable[str]) -> list[str]:
        """The models whose GGUF files answer for fine-tunes and references."""
        if self.quantisation is None:
            return []
        suffix = f"@{self.quantisation}"
        files = [name.removesuffix(suffix) for name in names if name.endswith(suffix)]
        return list(dict.fromkeys(name.rpartition(":")[2] for name in files))
