"""Reading the verdicts of a study back from the catalogue as a ranking."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import select

from engine.ranking import Ranking, Verdict, VerdictTable, rank
from engine.workspace import Workspace
from engine.workspace.tables import Dataset
from engine.workspace.tables import Verdict as VerdictRow


def rank_verdicts(
    workspace: Workspace,
    datasets: Collection[str],
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
    rows = [
        verdict
        for name in datasets
        for verdict in verdicts_of(workspace, name, split, judge, contestants[name])
    ]
    return rank(VerdictTable.from_rows(rows), reference=reference)


def verdicts_of(
    workspace: Workspace, dataset: str, split: str, judge: str, contestants: Collection[str]
) -> Iterator[Verdict]:
    """The scored and unscored verdicts on one task among the given contestants.

    Of several answers of the same question (a failed one that was asked again), the last one counts.
    """
    wanted = set(contestants)
    latest: dict[tuple[str, str, str], VerdictRow] = {}
    with workspace.catalogue.reading() as session:
        query = (
            select(VerdictRow)
            .join(Dataset, Dataset.id == VerdictRow.dataset_id)
            .where(Dataset.name == dataset, VerdictRow.split == split, VerdictRow.judge == judge)
            .order_by(VerdictRow.id)
        )
        for row in session.scalars(query):
            if row.name_a in wanted and row.name_b in wanted:
                latest[(row.prompt_id, row.contestant_a, row.contestant_b)] = row
    for row in latest.values():
        yield Verdict(
            a=row.name_a,
            b=row.name_b,
            winner=row.winner if row.state == "ok" else None,
            prompt_id=row.prompt_id,
            task=dataset,
            entrant_a=row.entrant_a,
            entrant_b=row.entrant_b,
            judge=row.judge,
        )


def strongest(ranking: Ranking, among: Collection[str]) -> list[str]:
    """The entrants of ``among`` that the ranking has, best first."""
    return [row.name for row in ranking.contestants if row.name in among]
