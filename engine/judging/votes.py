"""Votes: verdicts of people, who see two answers without names and say which is better.

A ballot knows no window and no terminal. Every vote is in the catalogue when `Ballot.vote` returns, and a ballot on
the same dataset, contestants and voter goes on where another one stopped.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from engine.datasets.library import open_dataset
from engine.judging.errors import JudgingError
from engine.judging.ledger import CatalogueLedger
from engine.judging.pairs import PairChooser
from engine.judging.prepare import HUMAN, prepare
from engine.judging.spec import JudgeSpec
from engine.judging.verdicts import IDENTICAL, Prompt, Question, Verdict, Winner, join, mirrored
from engine.progress import Reporter, SilentReporter
from engine.workspace import Workspace
from engine.workspace.naming import require_name

Choice = Literal["left", "right", "tie", "both_bad"]

#: The explanation of a tie between answers of which neither is of use.
BOTH_BAD: Final = "Both answers are bad."

_WINNERS: Final[dict[Choice, Winner]] = {"left": "a", "right": "b", "tie": "tie", "both_bad": "tie"}
_WORDS: Final[dict[Choice, str]] = {"left": "", "right": "", "tie": "", "both_bad": BOTH_BAD}


@dataclass(frozen=True)
class Pair:
    """What a voter sees: a prompt and two answers, and nothing that tells whose they are."""

    prompt: Prompt
    left: str
    right: str


@dataclass(frozen=True)
class Revealed:
    """The names behind the pair that was voted on."""

    left: str
    right: str


@dataclass(frozen=True)
class Count:
    """How far a ballot is.

    Attributes:
        votes: Cast on this ballot and not taken back, ties included.
        ties: Those of them that are ties, two bad answers included.
        skipped: Pairs passed over on this ballot; another ballot shows them again.
        identical: Pairs with identical answers, which are ties without a vote.
        known: Pairs that were not shown because the same voter had judged them, or the same two texts, before.
        left: Pairs without a verdict, the skipped ones included.
    """

    votes: int
    ties: int
    skipped: int
    identical: int
    known: int
    left: int

    def as_dict(self) -> dict[str, int]:
        """The JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class _Step:
    """One thing that a voter did, so that it can be taken back; ``vote`` is None where the pair was skipped."""

    place: int
    vote: Verdict | None


class Ballot:
    """Shows pair after pair to one voter, in an order that the seed decides, and stores the votes.

    Args:
        chooser: Deals out the pairs.
        ledger: Where verdicts are kept.
        judge: The voter as a judge (see `voter_judge`).
        seed: Decides which answer of a pair stands on the left.
    """

    def __init__(self, chooser: PairChooser, ledger: CatalogueLedger, judge: str, *, seed: int = 0) -> None:
        self.judge = judge
        self._chooser = chooser
        self._ledger = ledger
        self._seed = seed
        self._by_pair: dict[tuple[str, frozenset[str]], Verdict] = {}
        self._by_key: dict[str, Verdict] = {}
        for verdict in ledger.all(judge):
            self._remember(verdict)
        self._dealt: list[Question] = []
        self._place = 0
        self._steps: list[_Step] = []
        #: Places of `_dealt` that needed no vote, and why.
        self._settled: dict[int, Literal["identical", "known"]] = {}
        self._shown_at = 0.0
        self._advance()

    @property
    def pair(self) -> Pair | None:
        """The pair to vote on; None when nothing is left."""
        question = self._question
        return None if question is None else Pair(question.prompt, *question.answers)

    @property
    def count(self) -> Count:
        """How far the ballot is."""
        votes = [step.vote for step in self._steps if step.vote is not None]
        reasons = list(self._settled.values())
        skipped = len(self._steps) - len(votes)
        return Count(
            votes=len(votes),
            ties=sum(vote.winner == "tie" for vote in votes),
            skipped=skipped,
            identical=reasons.count("identical"),
            known=reasons.count("known"),
            left=self._chooser.total - len(votes) - len(reasons) if self._question else skipped,
        )

    def vote(self, choice: Choice) -> Revealed:
        """Store the vote on the present pair, durably, and go on to the next.

        Returns:
            Whose answers they were.

        Raises:
            JudgingError: There is no pair to vote on.
        """
        question = self._require_question()
        seconds = time.monotonic() - self._shown_at
        vote = _verdict(self.judge, question, _WINNERS[choice], explanation=_WORDS[choice], seconds=seconds)
        self._ledger.add([vote])
        self._remember(vote)
        self._steps.append(_Step(self._place, vote))
        self._place += 1
        self._advance()
        return Revealed(question.first.name, question.second.name)

    def skip(self) -> None:
        """Go on to the next pair without a verdict on this one.

        Raises:
            JudgingError: There is no pair to skip.
        """
        self._require_question()
        self._steps.append(_Step(self._place, None))
        self._place += 1
        self._advance()

    def undo(self) -> bool:
        """Go back to the pair that was voted on or skipped last; its vote is removed.

        What was settled by that vote elsewhere, because the same two texts met again, goes with it.

        Returns:
            False where nothing was done on this ballot that could be taken back.
        """
        if not self._steps:
            return False
        step = self._steps.pop()
        if step.vote is not None:
            gone = {step.vote.key, _key(self.judge, self._dealt[step.place], mirrored=True)}
            self._ledger.revise(self.judge, gone)
            self._by_pair = {pair: one for pair, one in self._by_pair.items() if one.key not in gone}
            for key in gone:
                self._by_key.pop(key, None)
        self._settled = {place: why for place, why in self._settled.items() if place < step.place}
        self._place = step.place
        self._shown_at = time.monotonic()
        return True

    @property
    def _question(self) -> Question | None:
        return self._dealt[self._place] if self._place < len(self._dealt) else None

    def _require_question(self) -> Question:
        if self._question is None:
            raise JudgingError("judging.no_pair", "There is no pair left to vote on.")
        return self._question

    def _advance(self) -> None:
        """Find the next pair that a person has to look at; what needs nobody is settled on the way."""
        unstored: list[Verdict] = []
        while True:
            if self._place == len(self._dealt) and not self._deal():
                break
            question = self._dealt[self._place]
            if _pair(question) in self._by_pair:
                before = self._by_pair[_pair(question)]
                self._settled[self._place] = "identical" if before.explanation == IDENTICAL else "known"
            elif question.identical:
                tie = _verdict(self.judge, question, "tie", explanation=IDENTICAL)
                unstored.append(tie)
                self._remember(tie)
                self._settled[self._place] = "identical"
            elif (same := self._of_same_texts(question)) is not None:
                unstored.append(same)
                self._remember(same)
                self._settled[self._place] = "known"
            else:
                break
            self._place += 1
        if unstored:
            self._ledger.add(unstored)
        self._shown_at = time.monotonic()

    def _deal(self) -> bool:
        """Take another round of pairs; False when there is none."""
        votes = [self._by_pair.get(_pair(question)) for question in self._dealt]
        compared = [join([vote]) for vote in votes if vote is not None]
        dealt = self._chooser.next_round([one for one in compared if one is not None])
        self._dealt += [self._as_shown(question) for question in dealt]
        return bool(dealt)

    def _as_shown(self, question: Question) -> Question:
        place = f"{self._seed}/{question.prompt.id}/{question.first.id}/{question.second.id}"
        return question.swapped() if random.Random(place).random() < 0.5 else question

    def _of_same_texts(self, question: Question) -> Verdict | None:
        """The vote on two other contestants that gave the same answers to the same prompt."""
        for shown in (question, question.swapped()):
            known = self._by_key.get(_key(self.judge, shown))
            if known is not None:
                return known.for_pair(shown)
        return None

    def _remember(self, verdict: Verdict) -> None:
        self._by_pair[_compared(verdict)] = verdict
        self._by_key[verdict.key] = verdict


def open_ballot(
    workspace: Workspace, spec: JudgeSpec, *, voter: str = "", reporter: Reporter | None = None
) -> Ballot:
    """A ballot on a dataset's prompts.

    Args:
        workspace: Whose dataset and contestants.
        spec: What to compare; who judges, and what only other judges need, is not looked at.
        voter: Name of the person, where the votes of several are to be told apart.
        reporter: Hears about prompts that somebody has not answered.

    Raises:
        BakeoffError: What `engine.judging.prepare.prepare` raises, or the voter's name cannot be one.
    """
    judge = voter_judge(voter)
    spec = spec.model_copy(update={"judge": judge, "show_expected": False})
    prepared = prepare(workspace, spec, reporter or SilentReporter())
    chooser = prepared.chooser(spec, everything=False)
    ledger = CatalogueLedger(workspace.catalogue, prepared.dataset.id, spec.split)
    return Ballot(chooser, ledger, judge, seed=spec.seed)


def add_votes(
    workspace: Workspace, dataset: str, votes: Iterable[tuple[Question, Choice]], *, voter: str = ""
) -> int:
    """Store votes that were cast elsewhere, in a conversation say, on prompts that are rows of a dataset.

    The question's first contestant stood on the left. Its id is the hash of what answered, so that a ranking
    can tell answers of another model, or of other settings, from those of the contestant with the same name.

    Returns:
        How many were stored: of several votes on one pair the last one counts and replaces the others, also
        those stored before; one that says the same again is not stored.

    Raises:
        NameUnknownError: There is no such dataset.
        SealedError: It is sealed.
        JudgingError: A prompt is not in the test or dev split. Nothing is stored then.
    """
    judge = voter_judge(voter)
    opened = open_dataset(workspace, dataset, "vote")
    of_split: dict[str, list[Verdict]] = {"test": [], "dev": []}
    prompts = {split: set(opened.store.prompt_ids(split)) for split in ("test", "dev")}
    for question, choice in votes:
        split = next((name for name, ids in prompts.items() if question.prompt.id in ids), None)
        if split is None:
            raise JudgingError(
                "judging.not_a_row",
                "The prompt of a vote is in neither the test nor the dev split of '{name}'.",
                fix="Vote on prompts of these splits.",
                name=dataset,
            )
        of_split[split].append(_verdict(judge, question, _WINNERS[choice], explanation=_WORDS[choice]))
    stored = 0
    for split, verdicts in of_split.items():
        ledger = CatalogueLedger(workspace.catalogue, opened.id, split)
        before = {_compared(one): one for one in ledger.all(judge)}
        new = {_compared(one): one for one in verdicts}
        changed = [one for pair, one in new.items() if pair not in before or _differ(before[pair], one)]
        if changed:
            gone = [before[_compared(one)].key for one in changed if _compared(one) in before]
            ledger.revise(judge, gone, changed)
        stored += len(changed)
    return stored


def voter_judge(voter: str = "") -> str:
    """The judge whose verdicts a person's votes are: ``human``, or ``human:NAME``.

    Raises:
        NameTakenError: ``voter`` cannot be a name.
    """
    return f"{HUMAN}:{require_name(voter)}" if voter else HUMAN


def _compared(verdict: Verdict) -> tuple[str, frozenset[str]]:
    return verdict.prompt_id, frozenset((verdict.contestant_a, verdict.contestant_b))


def _differ(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts on one pair have another outcome, or are about other texts."""
    if one.contestant_a == other.contestant_a:
        return (one.key, one.winner) != (other.key, other.winner)
    return one.winner is None or mirrored(one.winner) != other.winner


def _pair(question: Question) -> tuple[str, frozenset[str]]:
    return question.prompt.id, frozenset((question.first.id, question.second.id))


def _key(judge: str, question: Question, *, mirrored: bool = False) -> str:
    """Identifies prompt, texts and their order for this voter."""
    texts: Sequence[str] = question.answers[::-1] if mirrored else question.answers
    asked: list[Any] = ["vote", judge, [dict(message) for message in question.prompt.messages], *texts]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("ascii")).hexdigest()


def _verdict(
    judge: str, question: Question, winner: Winner, *, explanation: str = "", seconds: float = 0.0
) -> Verdict:
    first, second = question.first, question.second
    return Verdict(
        key=_key(judge, question),
        prompt_id=question.prompt.id,
        contestant_a=first.id,
        contestant_b=second.id,
        name_a=first.name,
        name_b=second.name,
        entrant_a=first.entrant,
        entrant_b=second.entrant,
        judge=judge,
        judge_prompt_sha256="",
        state="ok",
        winner=winner,
        explanation=explanation,
        seconds=seconds,
    )
