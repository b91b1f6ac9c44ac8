"""Rankings of a study's contestants, by the verdicts in the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from engine.judging.recorded import recorded_verdicts
from engine.ranking import Ranking, rank
from engine.workspace import Workspace


def rank_verdicts(
    workspace: Workspace,
    datasets: Sequence[str],
    split: str,
    judge: str,
    contestants: Mapping[str, Collection[str]],
    *,
    reference: str | None = None,
) -> Ranking:
    """Rank contestants by the verdicts of one judge.

    Args:
        workspace: Where the verdicts are.
        datasets: Names of the tasks.
        split: ``dev`` or ``test``.
        judge: Whose verdicts.
        contestants: Task -> names of the contestants that take part.
        reference: The entrant at zero, if any.
    """
    table = recorded_verdicts(workspace, datasets, split, judge, contestants)
    return rank(table, reference=reference)


def strongest(ranking: Ranking, among: Collection[str]) -> list[str]:
    """The entrants of ``among`` that the ranking has, best first."""
    return [row.name for row in ranking.contestants if row.name in among]
