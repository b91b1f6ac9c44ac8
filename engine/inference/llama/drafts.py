"""Guesses of how an answer goes on. The model confirms or refutes them in the batch, so the answer stays the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

#: Most tokens that are guessed at once.
_LONGEST: Final = 12
#: So many tokens cost as much as reading the weights does, where a step is as cheap as it can be.
_STEP: Final = 6
#: So many guessed tokens count as right before the first one is.
_TRUSTED: Final = 24
#: Guesses that were made longer ago count less.
_REMEMBERED: Final = 256
#: Where guessing does not pay, one in so many guesses is made.
_AGAIN: Final = 32


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


class Hits:
    """How often guesses were right of late, and so whether guessing pays.

    A step costs what reading the weights costs, and something for each token. A right guess saves its sequence's
    share of a step, a wrong one costs a token. With ``active`` sequences in a step whose weights cost as much as
    ``_STEP`` tokens, guessing pays when more than ``active / (active + _STEP)`` of the guessed tokens are right.
    Where it does not, one guess in ``_AGAIN`` is made all the same, since answers may become alike later.
    """

    def __init__(self) -> None:
        self._right = self._guessed = float(_TRUSTED)
        self._passed = 0

    def pays(self, active: int) -> bool:
        """Whether the next guess is to be made while so many sequences answer."""
        if self._right * (active + _STEP) > self._guessed * active:
            return True
        self._passed = (self._passed + 1) % _AGAIN
        return self._passed == 0

    def count(self, guessed: int, right: int) -> None:
        """So many tokens were guessed, and so many of them were right."""
        if self._guessed > _REMEMBERED:
            self._guessed, self._right = self._guessed / 2, self._right / 2
        self._guessed += guessed
        self._right += right


class _Node:
    """A place in the tree of training answers."""

    __slots__ = ("children", "count")

    def __init__(self) -> None:
        self.children: dict[int, _Node] = {}
        self.count = 0
