"""What is judged and what comes of it: contestants, questions, verdicts, comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Protocol

Winner = Literal["a", "b", "tie"]
State = Literal["ok", "failed"]

#: A chat message in OpenAI's form.
Message = Mapping[str, Any]

#: Judges that need no second order: they do not see one (the first word of their names).
_ORDERLESS: Final = frozenset({"reference", "human"})


@dataclass(frozen=True)
class Contestant:
    """One answerer with its answers.

    Attributes:
        id: Hash of its identity.
        name: Its name for people; never shown to a judge.
        entrant: Whom it stands for.
        answers: Prompt id -> answer. A prompt may be missing; it is then not compared there.
    """

    id: str
    name: str
    entrant: str
    answers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Prompt:
    """One example without its answer.

    Attributes:
        id: The example's id.
        messages: The conversation up to the answer.
        expected: The dataset's answer, None when it has none.
    """

    id: str
    messages: tuple[Message, ...]
    expected: str | None = None


@dataclass(frozen=True)
class Question:
    """Two contestants' answers to one prompt, in the order in which they are shown."""

    prompt: Prompt
    first: Contestant
    second: Contestant

    @property
    def answers(self) -> tuple[str, str]:
        """The two answers, the one shown first before the other."""
        return self.first.answers[self.prompt.id], self.second.answers[self.prompt.id]

    @property
    def identical(self) -> bool:
        """Whether the answers differ in nothing but outer whitespace."""
        first, second = self.answers
        return first.strip() == second.strip()

    def swapped(self) -> Question:
        """The same pair in the other order."""
        return Question(self.prompt, self.second, self.first)


@dataclass(frozen=True)
class Judgement:
    """A judge's answer to one question.

    Attributes:
        winner: ``a`` is the answer shown first. None when the judgement failed.
        explanation: The judge's own words.
        reason: Why it failed; empty otherwise.
        snapshot: The exact model that judged.
        cost_usd: Also of attempts that brought nothing.
        fault: The endpoint itself failed (as opposed to an answer that cannot be used).
    """

    winner: Winner | None
    explanation: str = ""
    reason: str = ""
    snapshot: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    fault: Exception | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judged pair in one order, as it is stored; contestant a was shown first.

    The fields are those of the catalogue's table (`engine.workspace.tables.Verdict`).
    """

    key: str
    prompt_id: str
    contestant_a: str
    contestant_b: str
    name_a: str
    name_b: str
    entrant_a: str
    entrant_b: str
    judge: str
    judge_prompt_sha256: str
    state: State
    winner: Winner | None
    judge_snapshot: str = ""
    explanation: str = ""
    reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0

    def same_pair(self, question: Question) -> bool:
        """Whether it is the verdict on exactly this question."""
        shown = (question.prompt.id, question.first.id, question.second.id)
        return (self.prompt_id, self.contestant_a, self.contestant_b) == shown

    def for_pair(self, question: Question) -> Verdict:
        """The same verdict for another pair with the same texts; it costs nothing again."""
        first, second = question.first, question.second
        return replace(
            self,
            prompt_id=question.prompt.id,
            contestant_a=first.id,
            contestant_b=second.id,
            name_a=first.name,
            name_b=second.name,
            entrant_a=first.entrant,
            entrant_b=second.entrant,
            input_tokens=0,
            output_tokens=0,
            cost_usd=0.0,
            seconds=0.0,
        )


class VerdictLedger(Protocol):
    """Where verdicts are kept. What `add` has returned from survives any crash.

    `find` is called from several threads at once, `add` from one at a time.
    """

    def find(self, key: str) -> Sequence[Verdict]:
        """All verdicts with this key, oldest first."""
        ...

    def add(self, verdicts: Sequence[Verdict]) -> None:
        """Store verdicts, all or none."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """One judged pair, whatever number of orders it took: what a ranking counts.

    Attributes:
        winner: ``tie`` also where the two orders disagree.
        consistent: Whether both orders agree; None where there was only one, or identical answers.
    """

    prompt_id: str
    contestant_a: str
    contestant_b: str
    name_a: str
    name_b: str
    entrant_a: str
    entrant_b: str
    winner: Winner
    consistent: bool | None


#: The explanation of a verdict on identical answers, by which it is recognised.
IDENTICAL: Final = "The answers are identical."

_MIRROR: Final[dict[Winner, Winner]] = {"a": "b", "b": "a", "tie": "tie"}


def mirrored(winner: Winner) -> Winner:
    """The winner as seen from the other order."""
    return _MIRROR[winner]


def comparisons(verdicts: Iterable[Verdict]) -> list[Comparison]:
    """Join verdicts to comparisons: only these may be ranked.

    A pair counts when every order that its judge needs has a verdict; a failed one counts for nothing,
    neither for nor against anybody. Of several verdicts on the same question the last usable one holds.
    Pairs keep the order of their first verdict; different judges or judge prompts are never joined.
    """
    groups: dict[tuple[str, frozenset[str], str, str], dict[str, Verdict]] = {}
    for verdict in verdicts:
        pair = frozenset((verdict.contestant_a, verdict.contestant_b))
        group = groups.setdefault((verdict.prompt_id, pair, verdict.judge, verdict.judge_prompt_sha256), {})
        if verdict.state == "ok" and verdict.winner is not None:
            group[verdict.contestant_a] = verdict
    joined = (join(list(group.values())) for group in groups.values())
    return [comparison for comparison in joined if comparison is not None]


def join(usable: Sequence[Verdict]) -> Comparison | None:
    """The comparison made by the usable verdicts on one pair (one per order), None while one is missing."""
    if not usable:
        return None
    first = usable[0]
    winner, consistent = first.winner, None
    if not is_orderless(first.judge):
        if len(usable) < 2:
            return None
        other = usable[1].winner
        agree = other is not None and mirrored(other) == winner
        consistent = None if first.explanation == IDENTICAL else agree
        winner = winner if agree else "tie"
    if winner is None:
        return None
    return Comparison(
        first.prompt_id,
        first.contestant_a,
        first.contestant_b,
        first.name_a,
        first.name_b,
        first.entrant_a,
        first.entrant_b,
        winner,
        consistent,
    )


def is_orderless(judge: str) -> bool:
    """Whether one verdict of this judge is a whole comparison."""
    return judge.split(":", 1)[0] in _ORDERLESS
