"""Exact match of a label, and the majority floor."""

import pytest

from engine.metrics import MetricError, majority_floor, metric_named

LABEL = metric_named("label")


@pytest.mark.parametrize(
    "answer", ["renew card", " Renew  card.", "RENEW CARD!", "renew card :", "\nrenew\tcard\n"]
)
def test_case_space_and_trailing_punctuation_do_not_matter(answer: str) -> None:
    assert LABEL.score("renew card", answer) == 1


@pytest.mark.parametrize(
    "answer", ["renew_card", "renew", "renew card please", "", "card renew", ".renew card"]
)
def test_everything_else_matters(answer: str) -> None:
    assert LABEL.score("renew card", answer) == 0


def test_scripts_with_special_case_rules_are_folded() -> None:
    assert LABEL.score("Straße", "STRASSE") == 1


def test_the_floor_is_the_majority_of_the_known_counted_on_the_asked() -> None:
    floor = majority_floor(["A.", "a", "b", "c"], ["a", "b", "b", "A!"])
    assert (floor.answer, floor.share) == ("A.", 0.5)


def test_a_floor_needs_both_sides() -> None:
    with pytest.raises(MetricError):
        majority_floor(["a"], [])
    with pytest.raises(MetricError):
        majority_floor([], ["a"])
