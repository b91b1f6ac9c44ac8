"""Rankings of a study's contestants, by the verdicts in the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from engine.judging.recorded import NoVerdictsError, recorded_verdicts
from engine.ranking import Ranking, VerdictTable, rank
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
    """Rank contestants by the verdicts of one judge; a task without any is left out, with a warning.

    Args:
        workspace: Where the verdicts are.
        datasets: Names of the tasks.
        split: ``dev`` or ``test``.
        judge: Whose verdicts.
        contestants: Task -> names of the contestants that take part.
        reference: The entrant at zero, if any.
    """
    judged, notes = [], []
    for name in datasets:
        try:
            recorded_verdicts(workspace, [name], split, judge, contestants)
            judged.append(name)
        except NoVerdictsError:
            notes.append(f"Task {name}: there is no verdict on its {split} prompts, so it does not count.")
    table = (
        recorded_verdicts(workspace, judged, split, judge, contestants)
        if judged
        else VerdictTable.from_rows([])
    )
    table = replace(table, notes=(*table.notes, *notes))
    known = {*table.contestants, *table.entrants}
    return rank(table, reference=reference if reference in known else None)


def strongest(ranking: Ranking, among: Sequence[str]) -> list[str]:
    """The entrants of ``among`` that the ranking has, best first; equals in the order of ``among``."""
    ranks = {row.name: row.rank for row in ranking.contestants}
    return sorted((name for name in among if name in ranks), key=lambda name: ranks[name])


def leaders(ranking: Ranking, among: Sequence[str]) -> list[str]:
    """Those of ``among`` that share the first rank among them."""
    order = strongest(ranking, among)
    ranks = {row.name: row.rank for row in ranking.contestants}
    return [name for name in order if ranks[name] == ranks[order[0]]]
