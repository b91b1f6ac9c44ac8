"""Choosing a metric."""

import csv
import json
from pathlib import Path

import pytest

from engine.metrics import METRICS, MetricError, guess_metric, metric_named


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        (['{"a": 1}', "```json\n[1]\n```", "{}"], "json_fields"),
        (["yes", "no", "Yes.", "no"], "label"),
        (["renew_card"] * 3 + ["lost card"] * 3, "label"),
        (["Paris", "Rome", "Oslo", "Lima"], "rouge_l"),
        (["The meeting was moved because the hall is being painted this week."] * 4, "rouge_l"),
        (['{"a": 1}', "none"], "rouge_l"),
        (["1", "2", "1", "2"], "label"),
    ],
)
def test_the_expected_answers_decide(answers: list[str], name: str) -> None:
    metric, reason = guess_metric(answers)
    assert metric.name == name
    assert len(reason.split()) > 3


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(MetricError, match="no metric 'bleu'") as caught:
        metric_named("bleu")
    assert all(name in caught.value.fix for name in METRICS)


def test_no_answers_are_no_reason() -> None:
    with pytest.raises(MetricError):
        guess_metric([])


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("text", ["", " ", "[1]", "{}", "a\x00b", "\ud800", "```", "🙂"])
def test_every_score_lies_between_0_and_1(metric, text: str) -> None:
    for other in ("", '{"a": 1}', "words", text):
        assert 0 <= metric.score(other, text) <= 1


def test_public_tasks_get_the_metric_a_person_would_choose(shared: Path) -> None:
    with (shared / "data/banking77/test.csv").open(encoding="utf-8") as stream:
        intents = [row["category"] for row in csv.DictReader(stream)]
    with (shared / "data/scitldr/test.jsonl").open(encoding="utf-8") as stream:
        summaries = [json.loads(line)["target"][0] for line in stream]
    assert guess_metric(intents)[0].name == "label"
    assert guess_metric(summaries)[0].name == "rouge_l"
