"""What judging will take, told before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.inference.pricing import Price, forecast
from engine.judging.judges import Judge
from engine.judging.model_judge import MAX_TOKENS, ModelJudge
from engine.judging.pairs import PairChooser
from engine.judging.prompt import VERDICT_SCHEMA
from engine.judging.verdicts import Message, VerdictLedger, is_orderless

#: Tokens that a verdict with its explanation usually has.
_USUAL_TOKENS: Final = 90


@dataclass(frozen=True)
class JudgingForecast:
    """The plan of a judging.

    Attributes:
        comparisons: Pairs at most; the goals ``best`` and ``beat`` usually need fewer.
        identical: How many of them have identical answers and need no call.
        calls: Questions to ask, both orders counted.
        cached: Questions that are answered already.
        expected_usd: What the calls will probably cost.
        most_usd: What they cost at most, repetitions after failures aside.
        explanation: How that was reckoned.
    """

    comparisons: int
    identical: int
    calls: int
    cached: int
    expected_usd: float
    most_usd: float
    explanation: str


def forecast_judging(
    chooser: PairChooser, judge: Judge, ledger: VerdictLedger, price: Price | None = None
) -> JudgingForecast:
    """Deal out all pairs without asking any (``chooser`` is used up by it).

    Args:
        price: Of the judge's model; None where judging costs nothing.
    """
    pairs = identical = cached = calls = 0
    prompts: list[list[Message]] = []
    while questions := chooser.next_round(()):
        for question in questions:
            pairs += 1
            if question.identical:
                identical += 1
                continue
            for asked in (question,) if is_orderless(judge.name) else (question, question.swapped()):
                if any(verdict.state == "ok" for verdict in ledger.find(judge.key(asked))):
                    cached += 1
                    continue
                calls += 1
                if price is not None and isinstance(judge, ModelJudge):
                    prompts.append(judge.prompt.messages(asked))
    if price is None:
        return JudgingForecast(pairs, identical, calls, cached, 0.0, 0.0, "Judging costs nothing.")
    money = forecast(
        prompts, price, max_tokens=MAX_TOKENS, expected_tokens=_USUAL_TOKENS, schema=VERDICT_SCHEMA
    )
    return JudgingForecast(
        pairs, identical, calls, cached, money.expected_usd, money.most_usd, money.explanation
    )
