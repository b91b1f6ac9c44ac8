"""Texts that end an answer and are no part of it, beside the model's own stop tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StopTexts:
    """Finds stop texts in answers.

    Args:
        tokenizer: Of the model that answers.
        texts: Those that end an answer; without any, none is ended.
    """

    def __init__(self, tokenizer: Any, texts: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._texts = [text for text in texts if text]
        # A token is a byte at least, so that so many tokens hold the longest text, wherever it begins.
        self._looked_at = max((len(text.encode("utf-8")) for text in self._texts), default=0) + 4

    def __bool__(self) -> bool:
        return bool(self._texts)

    def reached(self, answer: Sequence[int]) -> bool:
        """Whether the last tokens of an answer have brought a stop text."""
        if not self._texts:
            return False
        end = self._tokenizer.decode(answer[-self._looked_at :], skip_special_tokens=True)
        return any(text in end for text in self._texts)


def cut_at(text: str, stops: Sequence[str]) -> str:
    """``text`` before the first of the stop texts that it holds."""
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text
