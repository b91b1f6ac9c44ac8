"""What came of a job, in words: every figure that the engine's results hold has a name of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

from desktop.language import use_language
from desktop.pages.jobs.result_words import key_words, value_words
from engine.judging.judge import JudgeSummary
from engine.models.inspect import ModelInfo

#: What ``train``, ``dataset import`` and ``merge`` end with.
KEYS = (
    *("model", "steps", "examples_per_second", "tokens_per_second", "supervised_tokens", "train_loss"),
    *("eval_loss", "peak_memory_mb", "seconds", "name", "examples", "train", "test", "format", "rejected"),
    *("duplicates", "warnings", "folder", "tensors", "parameters", "bytes", "dtype", "seed", "parents"),
    *("content_sha256", "weights_sha256", "kind", "file", "form", "quantisation", "drift", "licence"),
)


@pytest.fixture
def german() -> Iterator[None]:
    use_language("de")
    yield
    use_language("en")


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize("key", [*KEYS, *get_type_hints(JudgeSummary), *ModelInfo.model_fields])
def test_every_figure_has_a_german_name(key: str) -> None:
    assert key_words(key) != key.replace("_", " ")


@pytest.mark.parametrize(
    ("key", "value", "english", "german"),
    [
        ("bytes", 362_000_000, "362 MB", "362 MB"),
        ("eval_loss", 0.21043, "0.2104", "0,2104"),
        ("seconds", 0.25, "less than 1 s", "weniger als 1 s"),
        ("cost_usd", 1.23456, "1.2346 USD", "1,2346 USD"),
        ("comparisons", 12_345, "12,345", "12.345"),
        ("seed", 12_345, "12345", "12345"),
        ("stopped", "budget", "the ceiling was reached", "die Obergrenze war erreicht"),
        ("rejected", [{"row": 1}, {"row": 2}], "2", "2"),
        ("private", True, "yes", "ja"),
        ("warnings", [], "", ""),
        ("eval_loss", None, "", ""),
        (
            "drift",
            {"metric": "label", "prompts": 24, "files": [1]},
            "metric label, prompts 24",
            "Maß label, Fragen 24",
        ),
        ("new_thing", 3, "3", "3"),
    ],
)
def test_figures_are_written_as_people_do(key: str, value: Any, english: str, german: str) -> None:
    assert value_words(key, value) == english
    use_language("de")
    try:
        assert value_words(key, value) == german
    finally:
        use_language("en")
    assert key_words("new_thing") == "new thing"
