"""What every judge offers to the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from engine.judging.verdicts import Judgement, Question


class Judge(Protocol):
    """Compares two answers."""

    @property
    def name(self) -> str:
        """``reference``, ``openai:gpt-4o``, ``local:NAME``: stored with each verdict."""
        ...

    @property
    def prompt_sha256(self) -> str:
        """Hash of what it is asked with."""
        ...

    @property
    def exhaustive(self) -> bool:
        """Whether judging costs next to nothing, so that every pair is judged."""
        ...

    def key(self, question: Question) -> str:
        """Identifies the question to this judge (see `engine.judging.prompt.JudgePrompt.key`)."""
        ...

    def judge(self, question: Question) -> Judgement:
        """Say which of two differing answers is better.

        Raises:
            BakeoffError: The next question would fail as well, or the budget is reached.
        """
        ...

    def stop(self) -> None:
        """Give up what waits to be repeated."""
        ...


@runtime_checkable
class RoundJudge(Judge, Protocol):
    """A judge that is told all questions of a round before it answers the first."""

    def ask_ahead(self, questions: Sequence[Question]) -> None:
        """Find the answers that `judge` gives afterwards.

        Raises:
            BakeoffError: It cannot be asked.
        """
        ...
