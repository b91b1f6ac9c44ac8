"""Which columns hold what: those that a form uses, and those that look like question and answer by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: Form -> role -> its column.
_OF_FORM: Final[dict[str, dict[str, str]]] = {
    "openai-chat": {"messages": "messages"},
    "sharegpt": {"messages": "conversations", "system": "system"},
    "alpaca": {"prompt": "instruction", "completion": "output", "system": "system"},
    "prompt-completion": {"prompt": "prompt", "completion": "completion", "system": "system"},
    "input-output": {"prompt": "input", "completion": "output", "system": "system"},
    "snips": {"prompt": "data", "completion": "data"},
    "nlupp": {"prompt": "text", "completion": "slots"},
}
#: What people call such columns, the plainest first.
_PROMPTS: Final = (
    *("prompt", "question", "input", "query", "instruction", "message", "text", "utterance", "sentence"),
    *("document", "article", "source", "request", "content", "review", "title"),
)
_ANSWERS: Final = (
    *("completion", "answer", "output", "response", "reply", "label", "category", "intent", "class"),
    *("target", "summary", "translation", "sentiment", "tag", "result"),
)


def columns_of(form: str, columns: Sequence[str]) -> dict[str, str]:
    """Role -> column, as far as a form of rows says it and the column is there (in any case)."""
    there = {column.strip().lower(): column for column in columns}
    return {role: there[name] for role, name in _OF_FORM.get(form, {}).items() if name in there}


def likely_columns(columns: Sequence[str]) -> dict[str, str]:
    """``prompt`` and ``completion`` by the names of the columns; empty unless both are found.

    A file of two columns of which one is known has the other in the other one.
    """
    prompt, answer = _named(columns, _PROMPTS), _named(columns, _ANSWERS)
    if len(columns) == 2 and (prompt is None) != (answer is None):
        known = prompt if prompt is not None else answer
        other = columns[1] if columns[0] == known else columns[0]
        prompt, answer = (prompt, other) if prompt is not None else (other, answer)
    if prompt is None or answer is None or prompt == answer:
        return {}
    return {"prompt": prompt, "completion": answer}


def _named(columns: Sequence[str], names: Sequence[str]) -> str | None:
    plain = {column.strip().lower().replace("-", "_"): column for column in columns}
    for name in names:
        if name in plain:
            return plain[name]
    return next(
        (
            column
            for name in names
            for low, column in plain.items()
            if low.startswith(f"{name}_") or low.endswith(f"_{name}")
        ),
        None,
    )
