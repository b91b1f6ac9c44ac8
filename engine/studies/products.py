"""What a study has made so far: which models stand for an entrant on a task, and how they are called there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


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
    """

    bases: list[str] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    tuned: dict[str, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def trained_entrants(self) -> list[str]:
        """Bases and merges."""
        return [*self.bases, *(merge.name for merge in self.merges)]

    def contestants(self, task: str, entrants: list[str], *, references: bool) -> list[str]:
        """Names of the contestants of ``entrants`` on ``task``."""
        found = [name for entrant in entrants for name in self.tuned[task].get(entrant, [])]
        return [*found, *(self.references if references else [])]
