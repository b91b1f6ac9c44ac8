"""The floor of a learning figure: what an answerer without any knowledge of the prompt reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.metrics.catalog import MetricError
from engine.metrics.label import normal_label


@dataclass(frozen=True)
class Floor:
    """Always giving the same answer.

    Attributes:
        answer: The most frequent expected answer among the known examples, as it is written there first.
        share: The share of the asked prompts for which it is right.
    """

    answer: str
    share: float


def majority_floor(known: Sequence[str], asked: Sequence[str]) -> Floor:
    """Exact match of always answering the majority label.

    Args:
        known: Expected answers of the training examples, which decide the majority label. The first of
            equally frequent ones is taken.
        asked: Expected answers of the prompts that are asked.

    Raises:
        MetricError: One of the two is empty.
    """
    if not known or not asked:
        raise MetricError(
            "metric.no_answers", "The majority label needs training answers and prompts to count on."
        )
    majority, _count = Counter(map(normal_label, known)).most_common(1)[0]
    written = next(answer for answer in known if normal_label(answer) == majority)
    right = sum(normal_label(answer) == majority for answer in asked)
    return Floor(written.strip(), right / len(asked))
