"""Exact match of a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Punctuation that models put after a label and that never changes which label is meant.
_TRAILING: Final = ".,;:!?。！？"


def normal_label(text: str) -> str:
    """The label that ``text`` means.

    Outer whitespace goes, inner runs become one space, letters are case-folded, and trailing
    punctuation (``. , ; : ! ?``) is dropped. Everything else must match: ``card arrival`` and
    ``card_arrival`` are two labels.
    """
    folded = " ".join(text.split()).casefold()
    return folded.rstrip(_TRAILING + " ")


@dataclass(frozen=True)
class LabelMetric:
    """1 when the answer is the expected label after `normal_label`, else 0."""

    name: str = "label"
    title: str = "Exact label"
    margin: float = 0.0

    def score(self, expected: str, answer: str) -> float:
        """1 for the same label, 0 for another."""
        return float(normal_label(expected) == normal_label(answer))
