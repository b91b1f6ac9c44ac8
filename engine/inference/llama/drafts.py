"""Guesses of how an answer goes on. The model confirms or refutes them in the batch, so the answer stays the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

#: Most tokens that are guessed at once.
_LONGEST: Final = 12


class Drafts(Protocol):
    """Something that guesses."""

    @property
    def longest(self) -> int:
        """Most tokens of one guess."""

    def guess(self, prompt: Sequence[int], answer: Sequence[int]) -> list[int]:
        """How ``answer`` to ``prompt`` may go on; empty where there is no good guess."""


class NoDrafts:
    """Guesses nothing."""

    longest = 0

    def guess(self, _prompt: Sequence[int], _answer: Sequence[int]) -> list[int]:
        """Nothing."""
        return []


class AnswerDrafts:
    """Goes on as the task's training answers do that begin like this one.

    The guess is what all of them have in common, and at a fork what most of them say.

    Args:
        answers: Token ids of training answers, with the token that ends them.
        least: A branch is followed when at least this share of the answers that came so far takes it.
    """

    longest = _LONGEST

    def __init__(self, answers: Iterable[Sequence[int]], *, least: float = 0.6) -> None:
        self._root = _Node()
        self._least = least
        for answer in answers:
            node = self._root
            node.count += 1
            for token in answer:
                node = node.children.setdefault(token, _Node())
                node.count += 1

    def guess(self, _prompt: Sequence[int], answer: Sequence[int]) -> list[int]:
        """The way that most training answers take from here."""
        node: _Node | None = self._root
        for token in answer:
            node = node.children.get(token) if node is not None else None
        found: list[int] = []
        while node is not None and node.children and len(found) < _LONGEST:
            token, child = max(node.children.items(), key=lambda item: item[1].count)
            if child.count < self._least * node.count:
                break
            found.append(token)
            node = child
        return found


class PromptDrafts:
    """Goes on as the prompt does where it says what the answer said last (an extraction, a summary).

    Args:
        run: So many last tokens of the answer have to stand in the prompt.
    """

    longest = _LONGEST

    def __init__(self, *, run: int = 3) -> None:
        self._run = run

    def guess(self, prompt: Sequence[int], answer: Sequence[int]) -> list[int]:
        """What follows in the prompt where the end of the answer stands last."""
        if len(answer) < self._run:
            return []
        wanted = list(answer[-self._run :])
        for start in range(len(prompt) - self._run - 1, -1, -1):
            if prompt[start + self._run - 1] == wanted[-1] and prompt[start : start + self._run] == wanted:
                return list(prompt[start + self._run : start + self._run + _LONGEST])
        return []


class FirstOf:
    """The first guess of several guessers.

    Args:
        guessers: The surest first.
    """

    def __init__(self, *guessers: Drafts) -> None:
        self._guessers = guessers
        self.longest = max((guesser.longest for guesser in guessers), default=0)

    def guess(self, prompt: Sequence[int], answer: Sequence[int]) -> list[int]:
        """What the first of them guesses that has a guess."""
        return next((found for guesser in self._guessers if (found := guesser.guess(prompt, answer))), [])


class _Node:
    """A place in the tree of training answers."""

    __slots__ = ("children", "count")

    def __init__(self) -> None:
        self.children: dict[int, _Node] = {}
        self.count = 0
