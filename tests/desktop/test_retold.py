"""Reasons that were kept as texts are told in the window's language all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desktop.language import use_language
from desktop.retold import retold
from engine.inference.endpoint_failures import Where


@pytest.fixture
def german() -> Iterator[None]:
    use_language("de")
    yield
    use_language("en")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The judge's answer holds no verdict.", "Die Antwort des Richters enthält kein Urteil."),
        ("The judge refused: I would rather not.", "Der Richter lehnte ab: I would rather not."),
        (
            "The judge's answer is empty (stopped by: length).",
            "Die Antwort des Richters ist leer (beendet durch: length).",
        ),
        ("Something that nobody of us has said.", "Something that nobody of us has said."),
        ("", ""),
    ],
)
def test_a_reason_is_told_in_german(german: None, text: str, told: str) -> None:
    assert retold(text) == told


def test_a_failed_call_is_told_in_german(german: None) -> None:
    error = Where("openai", "https://example.org/v1", "gpt-4", str, 60.0).unreadable()
    assert retold(error.message) != error.message
    assert "openai" in retold(error.message)


def test_in_english_nothing_changes() -> None:
    assert retold("The judge refused: no.") == "The judge refused: no."
