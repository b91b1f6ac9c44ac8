"""Who is still undecided, given what was judged: the only place where judging asks the ranking."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from engine.judging.verdicts import Comparison, Contestant
from engine.ranking import Ranking, Verdict, VerdictTable, rank

#: Stricter than the 0.95 of reports, because the question is put again after every round.
_LEVEL: Final = 0.99
#: Before this many comparisons have been made of a contestant, it stays in whatever they say.
_LEAST: Final = 8


def undecided_among(
    contestants: Sequence[Contestant],
) -> Callable[[Sequence[Comparison], str | None], Collection[str]]:
    """The rule that narrows the goals ``best`` and ``beat`` (see `engine.judging.pairs.OpenContestants`).

    For ``best``: everybody whom the data allow to be first. For ``beat``: everybody whose difference to the
    reference may still be zero. Both at level 0.99 by Bradley-Terry with intervals clustered by prompt.
    """
    ids = [contestant.id for contestant in contestants]

    def undecided(so_far: Sequence[Comparison], reference: str | None) -> set[str]:
        counts = dict.fromkeys(ids, 0)
        for comparison in so_far:
            counts[comparison.contestant_a] += 1
            counts[comparison.contestant_b] += 1
        young = {who for who in ids if counts[who] < _LEAST and who != reference}
        judged = {who for who, count in counts.items() if count}
        if not judged or (reference is not None and reference not in judged):
            return young
        ranking = rank(_table(so_far), reference=reference, level=_LEVEL)
        return young | (_may_be_first(ranking) if reference is None else _may_be_equal(ranking, reference))

    return undecided


def _table(so_far: Sequence[Comparison]) -> VerdictTable:
    return VerdictTable.from_rows(
        Verdict(one.contestant_a, one.contestant_b, one.winner, one.prompt_id) for one in so_far
    )


def _may_be_first(ranking: Ranking) -> set[str]:
    return {row.name for row in ranking.contestants if row.rank_lo == 1}


def _may_be_equal(ranking: Ranking, reference: str) -> set[str]:
    return {
        row.name
        for row in ranking.contestants
        if row.name != reference
        and not (row.lo is not None and row.lo > 0)
        and not (row.hi is not None and row.hi < 0)
    }
