"""The metrics of the tasks, without the seconds that the library for summaries takes to load."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from engine.metrics import Metric, metric_named

METRICS: Final = {
    "library-intents": "label",
    "request-extraction": "json_fields",
    "note-summaries": "rouge_l",
    "lost-property": "json_fields",
}


@dataclass(frozen=True)
class _LongestCommon:
    """ROUGE-L, reckoned here: the F-measure of the longest common subsequence of words."""

    name: str = "rouge_l"
    title: str = "ROUGE-L"
    margin: float = 0.05

    def score(self, expected: str, answer: str) -> float:
        wanted, given = (re.findall(r"\w+", text.lower()) for text in (expected, answer))
        row = [0] * (len(given) + 1)
        for word in wanted:
            before = 0
            for place, other in enumerate(given, start=1):
                before, row[place] = (
                    row[place],
                    before + 1 if word == other else max(row[place], row[place - 1]),
                )
        return 2 * row[-1] / (len(wanted) + len(given)) if wanted and given else 0.0


def metric_of(task: str) -> Metric:
    """The metric of a task."""
    name = METRICS[task]
    return _LongestCommon() if name == "rouge_l" else metric_named(name)
