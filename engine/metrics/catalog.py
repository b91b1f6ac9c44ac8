"""Which metrics there are, and which one fits a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.errors import BakeoffError, Words
from engine.metrics.json_fields import JsonFieldsMetric, parse_json
from engine.metrics.label import LabelMetric, normal_label
from engine.metrics.metric import Metric
from engine.metrics.rouge_l import RougeLMetric

_LABEL: Final = LabelMetric()
_JSON: Final = JsonFieldsMetric()
_ROUGE_L: Final = RougeLMetric()

#: All metrics by name.
METRICS: Final[dict[str, Metric]] = {metric.name: metric for metric in (_LABEL, _JSON, _ROUGE_L)}

#: A label is at most this long, and has at most this many words.
_LABEL_CHARACTERS: Final = 64
_LABEL_WORDS: Final = 6
#: A label occurs on average at least this often; answers that rarely repeat are free text.
_LABEL_REPEATS: Final = 2


class MetricError(BakeoffError):
    """A metric cannot be chosen."""

    title = "The metric is unknown"


def metric_named(name: str) -> Metric:
    """The metric called ``name``.

    Raises:
        MetricError: There is no such metric.
    """
    if name not in METRICS:
        raise MetricError(
            "metric.unknown",
            "There is no metric '{name}'.",
            fix="Choose one of: {known}.",
            name=name,
            known=", ".join(METRICS),
        )
    return METRICS[name]


def guess_metric(expected_answers: Sequence[str]) -> tuple[Metric, str]:
    """Choose the metric that fits a task, from the expected answers of all its examples.

    Returns:
        The metric, and the reason in a sentence.

    Raises:
        MetricError: There are no answers to look at.
    """
    if not expected_answers:
        raise MetricError("metric.no_answers", "A metric cannot be chosen without a single expected answer.")
    if all(map(_is_json_container, expected_answers)):
        return _JSON, Words("every expected answer is a JSON object or array")
    distinct = len({normal_label(answer) for answer in expected_answers})
    if all(map(_is_short, expected_answers)) and distinct * _LABEL_REPEATS <= len(expected_answers):
        return _LABEL, Words(
            "the {count} expected answers are {distinct} distinct short labels",
            count=len(expected_answers),
            distinct=distinct,
        )
    return _ROUGE_L, Words("the expected answers are free text")


def _is_json_container(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict | list)
    except ValueError:
        return False


def _is_short(text: str) -> bool:
    label = text.strip()
    return len(label) <= _LABEL_CHARACTERS and len(label.split()) <= _LABEL_WORDS and "\n" not in label
