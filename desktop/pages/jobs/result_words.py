"""What came of a job, in the window's language: the names of its figures, and the figures themselves."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from desktop.language import numeral, spoken, tr
from desktop.words import duration, size


def key_words(key: str) -> str:
    """The name of an entry of a job's result; one that is not known stays as it is."""
    return _known(spoken()).get(key, key.replace("_", " "))


def value_words(key: str, value: Any) -> str:
    """An entry in words: of a list how many it has, of a structure its plain entries, nothing of nothing."""
    if isinstance(value, dict):
        plain = [(name, one) for name, one in value.items() if not isinstance(one, dict | list)]
        return ", ".join(f"{key_words(name)} {value_words(name, one)}" for name, one in plain)
    if isinstance(value, list):
        return numeral(len(value)) if value else ""
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, int | float):
        return _number(key, value)
    return "" if value is None else _named(key, str(value))


def _number(key: str, value: float) -> str:
    if key == "bytes" or key.endswith("_bytes"):
        return size(value)
    if key == "seconds":
        return duration(value) if value >= 1 else tr("less than 1 s")
    if key.endswith("_usd"):
        return tr("{usd} USD", usd=numeral(value, ",.4f"))
    if isinstance(value, int):
        return str(value) if key == "seed" else numeral(value)
    return numeral(value, ".4g")


def _named(key: str, value: str) -> str:
    """A word that a program would read."""
    if key == "stopped":
        ends = {
            "done": tr("all is done"),
            "budget": tr("the ceiling was reached"),
            "max_comparisons": tr("as many as were asked for"),
        }
        return ends.get(value, value)
    return value


@lru_cache(maxsize=2)
def _known(_language: str) -> dict[str, str]:
    return {
        "agreement": tr("agreement"),
        "architecture": tr("architecture"),
        "bytes": tr("size"),
        "cached": tr("known already"),
        "calls": tr("questions asked"),
        "comparisons": tr("comparisons"),
        "content_sha256": tr("hash of the content"),
        "context": tr("context in tokens"),
        "cost_usd": tr("cost"),
        "dev": tr("for choosing"),
        "disk_bytes": tr("size"),
        "drift": tr("drift report"),
        "dtype": tr("stored as"),
        "duplicates": tr("duplicates"),
        "eval_loss": tr("check loss"),
        "examples": tr("examples"),
        "examples_per_second": tr("examples per second"),
        "failed": tr("without a result"),
        "file": tr("file"),
        "files": tr("files"),
        "folder": tr("folder"),
        "form": tr("form"),
        "format": tr("format"),
        "heads": tr("heads"),
        "hidden": tr("width"),
        "intermediate": tr("width of the MLP"),
        "key_value_heads": tr("heads of keys and values"),
        "kind": tr("kind"),
        "layers": tr("layers"),
        "licence": tr("licence"),
        "metric": tr("metric"),
        "model": tr("model"),
        "model_type": tr("family"),
        "name": tr("name"),
        "outputs": tr("answers"),
        "parameters": tr("parameters"),
        "parents": tr("parents"),
        "peak_memory_mb": tr("most memory in MB"),
        "private": tr("private"),
        "prompts": tr("prompts"),
        "quantisation": tr("quantisation"),
        "ranked": tr("ranked"),
        "reference": tr("reference"),
        "rejected": tr("rejected rows"),
        "repository": tr("repository"),
        "seconds": tr("took"),
        "seed": tr("seed"),
        "sha256": tr("hash"),
        "split": tr("split"),
        "steps": tr("steps"),
        "stopped": tr("ended as"),
        "supervised_tokens": tr("tokens trained on"),
        "swap_consistency": tr("both orders agree"),
        "template_sha256": tr("hash of the chat template"),
        "tensors": tr("tensors"),
        "test": tr("for ranking"),
        "ties": tr("ties"),
        "tokens": tr("tokens"),
        "tokens_per_second": tr("tokens per second"),
        "train": tr("for training"),
        "train_loss": tr("loss"),
        "url": tr("address"),
        "vocabulary": tr("vocabulary"),
        "warnings": tr("warnings"),
        "weights_sha256": tr("hash of the weights"),
    }
