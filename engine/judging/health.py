"""How far a judge can be trusted, measured on its own verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from engine.errors import Words
from engine.judging.verdicts import IDENTICAL, Comparison, Contestant, Verdict, comparisons, is_orderless

#: Below this share of agreement between the two orders a judge decides by the order too often. (GPT-4
#: reaches 0.70-0.97 on LLMBar.)
_CONSISTENT: Final = 0.7
#: A share is called biased when it is this far from one half, and more standard errors than that.
_BIAS: Final = 0.1
_STANDARD_ERRORS: Final = 2.0
_UNREAD: Final = 0.05


@dataclass(frozen=True)
class JudgeHealth:
    """Shares from 0 to 1; None where nothing was there to measure it on.

    Attributes:
        verdicts: How many verdicts were looked at, ties of identical answers left out.
        swap_consistency: Pairs asked in both orders whose verdicts agree.
        first_position_rate: Decided verdicts that went to the answer shown first, over the pairs asked in
            both orders; 0.5 without a position bias.
        tie_rate: Verdicts that say tie.
        unread_rate: Verdicts that failed.
        longer_rate: Decided comparisons won by the longer answer; far from 0.5 hints at a length effect,
            unless longer answers are better on this task.
        warnings: What a reader of the ranking should know, in sentences.
    """

    verdicts: int
    swap_consistency: float | None
    first_position_rate: float | None
    tie_rate: float | None
    unread_rate: float | None
    longer_rate: float | None
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The measures as JSON."""
        return asdict(self)


def judge_health(verdicts: Iterable[Verdict], contestants: Sequence[Contestant]) -> JudgeHealth:
    """Measure a judge.

    Args:
        verdicts: Of one judge with one judge prompt.
        contestants: Whose answers were compared.
    """
    looked_at = [verdict for verdict in verdicts if verdict.explanation != IDENTICAL]
    usable = [verdict for verdict in looked_at if verdict.state == "ok"]
    joined = comparisons(usable)
    agreeing = [pair.consistent for pair in joined if pair.consistent is not None]
    both_orders = {(pair.prompt_id, pair.contestant_a, pair.contestant_b) for pair in joined}
    shown_first = [
        verdict.winner == "a"
        for verdict in usable
        if verdict.winner != "tie" and not is_orderless(verdict.judge) and _in(verdict, both_orders)
    ]
    longer = list(_longer_won(joined, contestants))
    health = JudgeHealth(
        verdicts=len(looked_at),
        swap_consistency=_share(agreeing),
        first_position_rate=_share(shown_first),
        tie_rate=_share([verdict.winner == "tie" for verdict in usable]),
        unread_rate=_share([verdict.state == "failed" for verdict in looked_at]),
        longer_rate=_share(longer),
        warnings=(),
    )
    return replace(health, warnings=tuple(_warnings(health, len(shown_first), len(longer))))


def _in(verdict: Verdict, pairs: set[tuple[str, str, str]]) -> bool:
    one, other = verdict.contestant_a, verdict.contestant_b
    return (verdict.prompt_id, one, other) in pairs or (verdict.prompt_id, other, one) in pairs


def _longer_won(joined: Iterable[Comparison], contestants: Sequence[Contestant]) -> Iterator[bool]:
    answers = {contestant.id: contestant.answers for contestant in contestants}
    for pair in joined:
        first = answers.get(pair.contestant_a, {}).get(pair.prompt_id, "")
        second = answers.get(pair.contestant_b, {}).get(pair.prompt_id, "")
        if pair.winner != "tie" and len(first) != len(second):
            yield (len(first) > len(second)) == (pair.winner == "a")


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _biased(share: float | None, count: int) -> bool:
    if share is None:
        return False
    return abs(share - 0.5) > max(_BIAS, _STANDARD_ERRORS * math.sqrt(0.25 / count))


def _warnings(health: JudgeHealth, decided: int, lengths: int) -> Iterator[Words]:
    if health.swap_consistency is not None and health.swap_consistency < _CONSISTENT:
        yield Words(
            "The judge agrees with itself in only {share:.0%} of the pairs when the order is swapped; the others "
            "count as ties.",
            share=health.swap_consistency,
        )
    if _biased(health.first_position_rate, decided):
        yield Words(
            "The judge prefers the answer shown first in {share:.0%} of its decisions.",
            share=health.first_position_rate,
        )
    if _biased(health.longer_rate, lengths):
        yield Words(
            "The longer answer wins {share:.0%} of the decided comparisons.", share=health.longer_rate
        )
    if health.unread_rate is not None and health.unread_rate > _UNREAD:
        yield Words("{share:.0%} of the judge's verdicts could not be used.", share=health.unread_rate)
