"""The first sentence of a report claims no more than the table shows, references above the winner among it."""

from __future__ import annotations

import pytest

from engine.studies.conclusions import conclude
from tests.engine.studies.hand_made import TASKS, Kind, drawn, study

KINDS: dict[str, Kind] = {"tuned": "base", "plain": "base", "gpt": "reference"}


@pytest.mark.parametrize(
    ("strengths", "words", "not_said"),
    [
        (
            {"tuned": 3.0, "plain": 0.0, "gpt": -3.0},
            "tuned is the best of all, surely",
            "of what was trained",
        ),
        (
            {"tuned": 0.1, "plain": 0.0, "gpt": -3.0},
            "tuned stands highest, but cannot",
            "of what was trained",
        ),
        (
            {"tuned": 0.0, "plain": -3.0, "gpt": 3.0},
            "highest of what was trained; gpt stands surely above it.",
            "best",
        ),
        (
            {"tuned": 0.1, "plain": 0.0, "gpt": 4.0},
            "gpt stands surely above it. It cannot be told apart from plain",
            "best",
        ),
        (
            {"tuned": 0.0, "plain": -4.0, "gpt": 0.1},
            "of what was trained, but cannot be told apart from gpt",
            "surely above",
        ),
    ],
)
def test_the_winner_is_the_best_of_what_was_trained(
    strengths: dict[str, float], words: str, not_said: str
) -> None:
    for seed in range(20):  # the draw that shows the strengths' own order
        ranking = drawn(strengths, TASKS, 60, seed=seed)
        if [row.name for row in ranking.contestants] == sorted(strengths, key=lambda name: -strengths[name]):
            break
    result = study(strengths, KINDS, plain="plain", winner="tuned", prompts=60, seed=seed)
    sentence = conclude(result, ranking)[0][0]
    assert words in sentence
    assert not_said not in sentence
