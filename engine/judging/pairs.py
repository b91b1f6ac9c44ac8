"""Which pairs of answers to judge next."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from engine.judging.errors import JudgingError
from engine.judging.verdicts import Comparison, Contestant, Prompt, Question

#: Comparisons per pair of contestants before a goal begins to drop any.
_OPENING: Final = 6
#: Comparisons per remaining pair of contestants in each further round.
_ROUND: Final = 4


@dataclass(frozen=True)
class Goal:
    """What the judging is for.

    Attributes:
        kind: ``ranking`` places everybody, ``best`` finds the winner, ``beat`` asks who differs from
            ``reference``.
        reference: Name or id of a contestant; only for ``beat``.
    """

    kind: Literal["ranking", "best", "beat"]
    reference: str | None = None

    @classmethod
    def parse(cls, text: str) -> Goal:
        """Read ``ranking``, ``best`` or ``beat:REF``.

        Raises:
            JudgingError: It is none of these.
        """
        kind, colon, reference = text.partition(":")
        if kind == "beat" and reference:
            return cls("beat", reference)
        if not colon and kind in ("ranking", "best"):
            return cls("ranking" if kind == "ranking" else "best")
        raise JudgingError(
            "judging.goal",
            "'{goal}' is no goal of judging.",
            fix="Choose ranking, best or beat:CONTESTANT.",
            goal=text,
        )


#: Who may still be the best, or who is still undecided against a reference, given what was judged.
#: Called with the comparisons and the reference's id (None for the goal ``best``); returns contestant ids.
OpenContestants = Callable[[Sequence[Comparison], str | None], Collection[str]]


class PairChooser:
    """Deals out pairs, round by round: balanced over contestants and prompts, the same for the same seed.

    Every pair of contestants walks through all prompts once, each starting at another prompt. One step of
    all pairs is a sweep, in which everybody is compared equally often and nearly every comparison has its
    own prompt; the pairs of a sweep are ordered so that already the first few connect all contestants.

    Args:
        contestants: At least two with different ids.
        prompts: Prompts; one that a contestant has no answer to is not used for its pairs.
        goal: What the judging is for.
        undecided: Narrows the goals ``best`` and ``beat`` after each round.
        max_comparisons: Most pairs dealt out in all; None for no limit.
        seed: Decides which contestants and prompts come first.
        everything: Deal out all pairs in one round (where judging costs nothing).
        growing: Deal out as many in each further round as in all before it, for a judge that is slow to answer a
            round whatever its size.
        across_entrants: Leave out pairs of contestants that stand for the same entrant.

    Raises:
        JudgingError: Too few contestants, twice the same, an unknown reference, or no common prompt.
    """

    def __init__(
        self,
        contestants: Sequence[Contestant],
        prompts: Sequence[Prompt],
        goal: Goal,
        *,
        undecided: OpenContestants,
        max_comparisons: int | None = None,
        seed: int = 0,
        everything: bool = False,
        growing: bool = False,
        across_entrants: bool = False,
    ) -> None:
        _check_contestants(contestants)
        self._goal = goal
        self._undecided = undecided
        self._left = max_comparisons
        self._everything = everything
        self._growing = growing
        self._sweeps = 0
        self._reference = _find(contestants, goal.reference) if goal.reference is not None else None
        # Sorted first, so that the order in which contestants were named changes nothing.
        shuffled = sorted(contestants, key=lambda contestant: contestant.id)
        ordered = sorted(prompts, key=lambda prompt: prompt.id)
        dealer = random.Random(seed)
        dealer.shuffle(shuffled)
        dealer.shuffle(ordered)
        pairs = _ring_order(shuffled)
        if goal.kind == "beat":
            pairs = [pair for pair in pairs if self._reference in (pair[0].id, pair[1].id)]
        if across_entrants:
            pairs = [pair for pair in pairs if pair[0].entrant != pair[1].entrant]
        #: Per pair of contestants, the questions not dealt out yet, next one last.
        self._waiting = [
            (pair, [_question(prompt, pair) for prompt in reversed(_usable(_rotated(ordered, place), pair))])
            for place, pair in enumerate(pairs)
        ]
        self.total = sum(len(questions) for _, questions in self._waiting)
        if max_comparisons is not None:
            self.total = min(self.total, max_comparisons)
        self._rounds = 0
        if self.total == 0 and max_comparisons != 0:
            raise JudgingError(
                "judging.nothing_common",
                "The contestants have no prompt that two of them answered.",
                fix="Let them answer the same dataset first: bakeoff generate",
            )

    @property
    def limited(self) -> bool:
        """Whether the limit of comparisons ended the dealing."""
        return self._left == 0 and any(questions for _, questions in self._waiting)

    def next_round(self, so_far: Sequence[Comparison]) -> list[Question]:
        """The questions to ask next (one order each); empty when the goal is reached or nothing is left.

        Args:
            so_far: All comparisons there are by now.
        """
        active = [(pair, questions) for pair, questions in self._waiting if questions]
        if active and self._rounds and self._goal.kind != "ranking":
            active = self._narrowed(active, so_far)
        sweeps = _OPENING if self._rounds == 0 else _ROUND
        if self._everything:
            sweeps = max((len(questions) for _, questions in active), default=0)
        elif self._growing and self._rounds:
            sweeps = self._sweeps
        self._rounds += 1
        self._sweeps += sweeps
        dealt: list[Question] = []
        for _ in range(sweeps):
            for _pair, questions in active:
                if questions and self._left != 0:
                    dealt.append(questions.pop())
                    self._left = None if self._left is None else self._left - 1
        return dealt

    def _narrowed(
        self, active: list[tuple[tuple[Contestant, Contestant], list[Question]]], so_far: Sequence[Comparison]
    ) -> list[tuple[tuple[Contestant, Contestant], list[Question]]]:
        """The pairs that can still change the answer."""
        still_open = set(self._undecided(so_far, self._reference))
        if self._goal.kind == "best":
            return [(pair, rest) for pair, rest in active if {pair[0].id, pair[1].id} <= still_open]
        return [(pair, rest) for pair, rest in active if {pair[0].id, pair[1].id} & still_open]


def missing_answers(contestants: Sequence[Contestant], prompts: Sequence[Prompt]) -> dict[str, int]:
    """How many of the prompts each contestant has no answer to; contestants without gaps are left out."""
    gaps = {one.name: sum(prompt.id not in one.answers for prompt in prompts) for one in contestants}
    return {name: count for name, count in gaps.items() if count}


def _ring_order(contestants: Sequence[Contestant]) -> list[tuple[Contestant, Contestant]]:
    """All pairs, neighbours on a ring first: the first ones connect everybody, and then evenly."""
    count = len(contestants)

    def distance(pair: tuple[int, int]) -> int:
        return min(pair[1] - pair[0], count - pair[1] + pair[0])

    places = sorted(combinations(range(count), 2), key=distance)
    return [(contestants[first], contestants[second]) for first, second in places]


def _rotated(prompts: Sequence[Prompt], places: int) -> list[Prompt]:
    start = places % len(prompts) if prompts else 0
    return [*prompts[start:], *prompts[:start]]


def _usable(prompts: Sequence[Prompt], pair: tuple[Contestant, Contestant]) -> list[Prompt]:
    return [prompt for prompt in prompts if prompt.id in pair[0].answers and prompt.id in pair[1].answers]


def _question(prompt: Prompt, pair: tuple[Contestant, Contestant]) -> Question:
    """The pair in its canonical order, so that the same pair has the same key in every run."""
    first, second = sorted(pair, key=lambda contestant: contestant.id)
    return Question(prompt, first, second)


def _check_contestants(contestants: Sequence[Contestant]) -> None:
    if len(contestants) < 2:
        raise JudgingError(
            "judging.too_few",
            "Judging needs at least two contestants.",
            fix="Name them with --contestants A,B",
        )
    seen: set[str] = set()
    for contestant in contestants:
        if contestant.id in seen:
            name = contestant.name
            raise JudgingError("judging.twice", "The contestant '{name}' is named twice.", name=name)
        seen.add(contestant.id)


def _find(contestants: Sequence[Contestant], reference: str) -> str:
    for contestant in contestants:
        if reference in (contestant.id, contestant.name):
            return contestant.id
    raise JudgingError(
        "judging.reference",
        "'{name}' is not among the contestants.",
        fix="Name it in --contestants as well.",
        name=reference,
    )
