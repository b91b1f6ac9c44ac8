"""A ballot that several threads may ask, one after another; who votes names the pair that was seen. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from engine.judging.votes import Ballot, Choice, Count, Pair, Revealed

Act = Literal["left", "right", "tie", "both_bad", "skip", "undo"]


@dataclass(frozen=True)
class Seen:
    """What a voter sees at a moment; nothing in it tells whose the answers are.

    Attributes:
        number: Differs from that of every other moment.
        pair: None when nothing is left.
        can_undo: Whether something was done that can be taken back.
    """

    number: int
    pair: Pair | None
    count: Count
    can_undo: bool


@dataclass(frozen=True)
class Done:
    """What came of an act: what is seen now, and the names behind the pair before where they are told."""

    seen: Seen
    revealed: Revealed | None = None


class Booth:
    """A ballot with a lock on its door.

    Args:
        ballot: See `engine.judging.votes.Ballot`.
        reveal: Names are told after each vote; such a vote cannot be taken back, since the pair would be known.
    """

    def __init__(self, ballot: Ballot, *, reveal: bool) -> None:
        self.judge = ballot.judge
        self._ballot = ballot
        self._reveal = reveal
        self._lock = Lock()
        self._number = 0
        #: Acts that can be taken back.
        self._open = 0

    def look(self) -> Seen:
        """What is to be seen now."""
        with self._lock:
            return self._seen()

    def act(self, number: int, act: Act) -> Done:
        """Vote on the pair that was seen at the moment ``number``, pass it over, or take back what was done last.

        An act on a pair that is no longer there, such as a key pressed twice, does nothing.

        Raises:
            BakeoffError: The vote cannot be stored.
        """
        with self._lock:
            if number != self._number:
                return Done(self._seen())
            revealed = self._do(act)
            self._number += 1
            return Done(self._seen(), revealed)

    def _do(self, act: Act) -> Revealed | None:
        ballot = self._ballot
        if act == "undo":
            if self._open:
                ballot.undo()
                self._open -= 1
            return None
        if ballot.pair is None:
            return None
        if act == "skip":
            ballot.skip()
            self._open += 1
            return None
        choice: Choice = act
        names = ballot.vote(choice)
        self._open = 0 if self._reveal else self._open + 1
        return names if self._reveal else None

    def _seen(self) -> Seen:
        return Seen(self._number, self._ballot.pair, self._ballot.count, self._open > 0)
