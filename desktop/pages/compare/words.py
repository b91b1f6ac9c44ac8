"""Results and ends of answers in words. Knows no Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.amounts import usd as usd
from desktop.language import numeral, tr
from desktop.retold import retold
from desktop.theme.tokens import Tone
from desktop.words import count, told

if TYPE_CHECKING:
    from engine.inference.outputs import Output
    from engine.judging.counted import Tally
    from engine.judging.grid import Judged
    from engine.judging.verdicts import Verdict

#: Shares of wins from which on a cell counts as won or lost.
_WON, _LOST = 2 / 3, 1 / 3


def share(value: float) -> str:
    """A share from 0 to 1."""
    return numeral(value, ".0%")


def won(tally: Tally) -> tuple[str, Tone]:
    """How comparisons went, short, and the tone of it."""
    rate = tally.rate
    if rate is None:
        return tr("not judged"), ""
    tone: Tone = "good" if rate >= _WON else "bad" if rate <= _LOST else ""
    return tr("{share} won", share=share(rate)), tone


def tally_words(tally: Tally) -> str:
    """How comparisons went, in full."""
    return tr("{wins} won, {ties} tied, {losses} lost", wins=tally.wins, ties=tally.ties, losses=tally.losses)


def stop_words(output: Output) -> tuple[str, Tone]:
    """Why an answer ended, and the tone of it."""
    if output.stop == "stop":
        return tr("ended"), ""
    if output.stop == "length":
        return tr("cut at {tokens}", tokens=output.tokens), "warn"
    if output.stop == "refusal":
        return tr("refused"), "bad"
    if output.stop == "content_filter":
        return tr("filtered"), "bad"
    return output.stop, "warn"


def judge_words(judge: str) -> str:
    """A judge's name."""
    if judge == "reference":
        return tr("Reference")
    if judge == "human":
        return tr("People")
    return judge


def agreement_words(judged: Judged) -> tuple[str, Tone]:
    """Whether the orders of a pair agree."""
    made = judged.comparison
    if made is None:
        failed = any(verdict.state != "ok" for verdict in judged.verdicts)
        return (tr("no usable verdict"), "bad") if failed else (tr("one order is missing"), "warn")
    if made.consistent is None:
        return tr("one order is enough"), ""
    if made.consistent:
        return tr("both orders agree"), "good"
    return tr("the orders disagree, so it is a tie"), "warn"


def explanation_words(verdict: Verdict) -> str:
    """Why a verdict is as it is, or why there is none: in the judge's words, except for those that are ours."""
    from engine.judging.reference import words_of_explanation
    from engine.judging.verdicts import IDENTICAL
    from engine.judging.votes import BOTH_BAD

    if verdict.state != "ok":
        return retold(verdict.reason)
    said = verdict.explanation
    ours = {IDENTICAL: tr("The answers are identical."), BOTH_BAD: tr("Both answers are bad.")}
    counted = words_of_explanation(said)
    return ours.get(said, said) if counted is None else told(counted)


def missing_words(number: int) -> str:
    """How many answers there are not."""
    return count(number, tr("{count} answer is missing"), tr("{count} answers are missing"))


def verdict_words(verdict: Verdict) -> tuple[str, Tone]:
    """What a verdict says."""
    if verdict.state != "ok" or verdict.winner is None:
        return tr("no usable verdict"), "bad"
    if verdict.winner == "tie":
        return tr("says tie"), ""
    return tr("picks {name}", name=verdict.name_a if verdict.winner == "a" else verdict.name_b), "good"
