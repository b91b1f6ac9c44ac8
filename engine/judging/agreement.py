"""How far two judges agree on the same pairs: whether a judge may stand in for the people who voted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from engine.judging.verdicts import IDENTICAL, Verdict, Winner, comparisons, mirrored

#: The normal quantile of 95% intervals.
_QUANTILE: Final = 1.959964


@dataclass(frozen=True)
class Agreement:
    """Two judges on the pairs that both judged, identical answers left out.

    Attributes:
        judges: Their names.
        pairs: How many pairs both judged.
        prompts: On how many prompts.
        agreement: Share of the pairs on which they say the same, ties included; None without pairs.
        agreement_lo: Lower end of its 95% interval.
        agreement_hi: Upper end.
        kappa: Cohen's kappa: the agreement beyond what chance gives, 0 for none and 1 for all of it. None without
            pairs, or where both always say tie.
        kappa_lo: Lower end of its 95% interval.
        kappa_hi: Upper end.
        opposite: Share of the pairs in which one prefers the answer that the other rejects.
    """

    judges: tuple[str, str]
    pairs: int
    prompts: int
    agreement: float | None = None
    agreement_lo: float | None = None
    agreement_hi: float | None = None
    kappa: float | None = None
    kappa_lo: float | None = None
    kappa_hi: float | None = None
    opposite: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return asdict(self)


def agreement(one: str, verdicts: Sequence[Verdict], other: str, others: Sequence[Verdict]) -> Agreement:
    """Compare the verdicts of two judges.

    Which contestant of a pair is called a means nothing, so chance is taken to give a and b equal shares of
    what a judge decides: with tie rates s and t it agrees with probability st + (1-s)(1-t)/2. The interval of
    the agreement is Wilson's, for as many observations as the spread between prompts is worth (all verdicts on
    one prompt may go together); that of kappa follows from it, chance being taken as known, as in Cohen, "A
    coefficient of agreement for nominal scales" (1960).

    Args:
        one: Name of the first judge.
        verdicts: Its verdicts on one split of one dataset.
        other: Name of the second judge.
        others: Its verdicts there, all by one judge prompt.
    """
    first, second = _outcomes(verdicts), _outcomes(others)
    shared = [(pair, first[pair], second[pair]) for pair in first if pair in second]
    prompts: dict[str, list[bool]] = defaultdict(list)
    for (prompt, _, _), said, answered in shared:
        prompts[prompt].append(said == answered)
    count = len(shared)
    if not count:
        return Agreement((one, other), 0, 0)
    share = sum(said == answered for _, said, answered in shared) / count
    low, high = _wilson(share, _worth(list(prompts.values()), share))
    ties = [sum(pair[place] == "tie" for pair in shared) / count for place in (1, 2)]
    chance = ties[0] * ties[1] + (1 - ties[0]) * (1 - ties[1]) / 2
    opposite = sum("tie" not in (said, answered) and said != answered for _, said, answered in shared)
    found = Agreement((one, other), count, len(prompts), share, low, high, opposite=opposite / count)
    if chance == 1:
        return found
    kappa, kappa_lo, kappa_hi = ((value - chance) / (1 - chance) for value in (share, low, high))
    return replace(found, kappa=kappa, kappa_lo=kappa_lo, kappa_hi=kappa_hi)


def course(
    one: str, verdicts: Sequence[Verdict], other: str, others: Sequence[Verdict], points: int = 60
) -> list[Agreement]:
    """How the agreement of two judges has come to be, verdict by verdict of the first one.

    Args:
        one: Name of the first judge.
        verdicts: Its verdicts, oldest first.
        other: Name of the second judge.
        others: Its verdicts.
        points: Of more steps than that, so many are taken, the last one among them.

    Returns:
        The agreement after each step that added a pair.
    """
    shared = {_pair(verdict) for verdict in verdicts}
    counted = [verdict for verdict in others if _pair(verdict) in shared]
    known = {_pair(verdict) for verdict in counted}
    steps = [at + 1 for at, verdict in enumerate(verdicts) if _pair(verdict) in known]
    if len(steps) > points:
        steps = [steps[round((at + 1) * len(steps) / points) - 1] for at in range(points)]
    made = [agreement(one, verdicts[:step], other, counted) for step in steps]
    fresh = [
        after.pairs > before for after, before in zip(made, [0, *(step.pairs for step in made)], strict=False)
    ]
    return [step for step, grown in zip(made, fresh, strict=True) if grown]


def outlook(found: Agreement, pairs: int) -> tuple[float, float] | None:
    """Where the interval of an agreement would be after so many pairs, if the share stays as it is.

    A pair is worth as much as the ones so far, so the interval narrows with the root of their number.
    """
    if found.agreement is None or found.agreement_lo is None or found.agreement_hi is None or not found.pairs:
        return None
    factor = math.sqrt(found.pairs / max(pairs, found.pairs))
    share = found.agreement
    return share - (share - found.agreement_lo) * factor, share + (found.agreement_hi - share) * factor


def _pair(verdict: Verdict) -> tuple[str, frozenset[str]]:
    return verdict.prompt_id, frozenset((verdict.contestant_a, verdict.contestant_b))


def _outcomes(verdicts: Iterable[Verdict]) -> dict[tuple[str, str, str], Winner]:
    """Prompt and pair (in the order of ids) -> who won."""
    found = {}
    for made in comparisons(one for one in verdicts if one.explanation != IDENTICAL):
        one, other = sorted((made.contestant_a, made.contestant_b))
        found[made.prompt_id, one, other] = made.winner if made.contestant_a == one else mirrored(made.winner)
    return found


def _worth(prompts: Sequence[Sequence[bool]], share: float) -> float:
    """How many independent observations the pairs are worth, each prompt being a cluster of them."""
    count = sum(len(pairs) for pairs in prompts)
    if count < 2 or len(prompts) < 2:
        return len(prompts)
    independent = share * (1 - share) / (count - 1)
    if independent == 0:
        return len(prompts)
    spread = sum((sum(pairs) - share * len(pairs)) ** 2 for pairs in prompts) / count**2
    spread *= len(prompts) / (len(prompts) - 1)
    return count / max(1.0, spread / independent)


def _wilson(share: float, count: float) -> tuple[float, float]:
    """Wilson's 95% interval of a share of ``count`` observations."""
    square = _QUANTILE**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _QUANTILE / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)
