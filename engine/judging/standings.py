"""Who stands where by the verdicts of one judge, and how far that judge can be trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import case, func, select

from engine.errors import BakeoffError
from engine.inference.outputs import read_outputs
from engine.judging.agreement import Agreement, agreement
from engine.judging.health import JudgeHealth, judge_health
from engine.judging.prepare import HUMAN
from engine.judging.recorded import newest_contestants, recorded, table_of, verdicts_of
from engine.judging.verdicts import Contestant as Answerer
from engine.judging.verdicts import Verdict
from engine.ranking import HeadToHead, Ranking, VerdictTable, head_to_head, rank, read_verdicts
from engine.ranking.chart import Kind
from engine.workspace import Workspace
from engine.workspace.naming import dataset_named
from engine.workspace.tables import Contestant, Dataset, Model, Parentage
from engine.workspace.tables import Verdict as VerdictRow

Split = Literal["test", "dev"]

#: Beginnings of the names of contestants that nobody has tuned.
_UNTUNED = ("untuned:", "fewshot:")


@dataclass(frozen=True)
class JudgedTask:
    """A dataset on whose test prompts answers were judged.

    Attributes:
        sealed: It was kept for validation.
        judges: Who has judged, and how many usable verdicts each has given; most first.
        stamp: Differs whenever a ranking of it may have become another one.
    """

    dataset: str
    sealed: bool
    judges: tuple[tuple[str, int], ...]
    stamp: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Standings:
    """A ranking, and what is needed to read it.

    Attributes:
        datasets: The tasks that it rests on.
        heads: Who beat whom, in the order of the ranking; by task name, the average under an empty name.
        kinds: What a contestant or entrant is, as far as that is known.
        health: Of the judge, over all its verdicts there; None for verdicts from a file, which say too little.
        votes: How it agrees with people; None where nobody has voted on its pairs, or people are the judge.
        cost_usd: What its verdicts have cost.
        names: Task -> entrant -> the contestant that stands for it there (the first of several repeats).
    """

    datasets: tuple[str, ...]
    judge: str
    ranking: Ranking
    heads: dict[str, HeadToHead]
    kinds: dict[str, Kind]
    health: JudgeHealth | None
    votes: Agreement | None
    cost_usd: float
    names: dict[str, dict[str, str]]


def judged_tasks(workspace: Workspace, split: Split = "test") -> list[JudgedTask]:
    """The datasets with usable verdicts, by name."""
    usable = func.sum(case((VerdictRow.state == "ok", 1), else_=0))
    query = (
        select(Dataset.id, Dataset.name, Dataset.sealed, VerdictRow.judge, usable, func.max(VerdictRow.id))
        .join(VerdictRow, VerdictRow.dataset_id == Dataset.id)
        .where(VerdictRow.split == split)
        .group_by(Dataset.id, Dataset.name, Dataset.sealed, VerdictRow.judge)
    )
    judges: dict[tuple[str, str, bool], list[tuple[str, int]]] = {}
    last: dict[str, int] = {}
    with workspace.catalogue.reading() as session:
        for one, name, sealed, judge, number, newest in session.execute(query):
            last[one] = max(last.get(one, 0), newest)
            if number:
                judges.setdefault((name, one, sealed), []).append((judge, number))
        # A model that was trained anew and answered again takes the place of the earlier one.
        answered = select(Contestant.dataset_id, func.count()).group_by(Contestant.dataset_id)
        answerers = {one: int(number) for one, number in session.execute(answered)}
    return [
        JudgedTask(
            name,
            sealed,
            tuple(sorted(found, key=lambda pair: (-pair[1], pair[0]))),
            (last[one], answerers.get(one, 0)),
        )
        for (name, one, sealed), found in sorted(judges.items())
    ]


def standings(
    workspace: Workspace,
    datasets: Sequence[str],
    judge: str | None,
    contestants: Mapping[str, Collection[str]] | None = None,
    *,
    split: Split = "test",
    reference: str | None = None,
    level: float = 0.95,
    interval: str = "auto",
) -> Standings:
    """Rank everybody whom a judge has judged on some datasets, as ``bakeoff rank`` does.

    Args:
        workspace: Whose catalogue.
        datasets: Each a task.
        judge: Whose verdicts count; may be None where only one judge was asked.
        contestants: Dataset -> names of those that take part; everybody when None.
        split: Of the prompts.
        reference: Whose rating is zero; None: the mean's.
        level: Of the intervals.
        interval: How they are computed (see `engine.ranking.rank`).

    Raises:
        NameUnknownError: There is no such dataset.
        NoVerdictsError: The judge has not judged there.
        RankingError: The verdicts cannot be ranked.
    """
    found = recorded(workspace, datasets, split, judge, contestants)
    table = table_of(found, by_entrant=len(found) > 1)
    ranking = rank(table, reference=reference, level=level, interval=interval)
    verdicts = [one for task in found for one in task.verdicts]
    judge = verdicts[0].judge
    unread = [one for task in found for one in task.unread]
    names = {row.name for one in (ranking, *ranking.tasks.values()) for row in one.contestants}
    return Standings(
        tuple(datasets),
        judge,
        ranking,
        _heads(table, ranking),
        _kinds(workspace, names),
        judge_health([*verdicts, *unread], _answering(workspace, datasets, verdicts)),
        _votes(workspace, datasets, split, judge, verdicts),
        sum(one.cost_usd for one in (*verdicts, *unread)),
        {task.dataset: _by_entrant(task.verdicts) for task in found},
    )


def file_standings(
    file: Path, *, reference: str | None = None, level: float = 0.95, interval: str = "auto"
) -> Standings:
    """Rank everybody in a file of verdicts, as ``bakeoff rank --verdicts`` does.

    Args:
        file: Of ``.csv`` or ``.jsonl`` form, with columns ``a``, ``b`` and ``winner``.
        reference: Whose rating is zero; None: the mean's.
        level: Of the intervals.
        interval: How they are computed (see `engine.ranking.rank`).

    Raises:
        VerdictFileError: It cannot be read.
        RankingError: The verdicts cannot be ranked.
    """
    table = read_verdicts(file)
    ranking = rank(table, reference=reference, level=level, interval=interval)
    return Standings(
        tuple(ranking.tasks),
        "",
        ranking,
        _heads(table, ranking),
        {},
        None,
        None,
        0.0,
        {task: {} for task in ranking.tasks},
    )


def is_human(judge: str) -> bool:
    """Whether a judge is people."""
    return judge == HUMAN or judge.startswith(f"{HUMAN}:")


def _by_entrant(verdicts: Iterable[Verdict]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in verdicts:
        found.setdefault(one.entrant_a, one.name_a)
        found.setdefault(one.entrant_b, one.name_b)
    return found


def _heads(table: VerdictTable, ranking: Ranking) -> dict[str, HeadToHead]:
    heads = {
        name: head_to_head(table, task=name, order=tuple(row.name for row in one.contestants))
        for name, one in ranking.tasks.items()
    }
    whole = tuple(row.name for row in ranking.contestants)
    if len(ranking.tasks) == 1:
        return {"": next(iter(heads.values())), **heads}
    return {"": head_to_head(table, order=whole), **heads}


def _answering(workspace: Workspace, datasets: Iterable[str], verdicts: Sequence[Verdict]) -> list[Answerer]:
    """Those in the verdicts, with what they answered."""
    wanted = {who for one in verdicts for who in (one.contestant_a, one.contestant_b)}
    found = []
    for name in datasets:
        with workspace.catalogue.reading() as session:
            rows = newest_contestants(session, dataset_named(session, name).id)
        for row in rows:
            if row.id not in wanted:
                continue
            try:
                outputs = read_outputs(workspace, row.id)
            except BakeoffError:  # they were removed; only the length of its answers is not known then
                outputs = {}
            answers = {prompt: output.text for prompt, output in outputs.items()}
            found.append(Answerer(row.id, row.name, row.entrant, answers))
    return found


def _votes(
    workspace: Workspace, datasets: Iterable[str], split: Split, judge: str, verdicts: Sequence[Verdict]
) -> Agreement | None:
    if is_human(judge):
        return None
    with workspace.catalogue.reading() as session:
        people = [one for one in session.scalars(select(VerdictRow.judge).distinct()) if is_human(one)]
    if not people:
        return None
    votes = [one for name in datasets for who in people for one in verdicts_of(workspace, name, split, who)]
    found = agreement(judge, verdicts, HUMAN, votes)
    return found if found.pairs else None


def _kinds(workspace: Workspace, names: Iterable[str]) -> dict[str, Kind]:
    """Merges of several models, tuned models, and whatever they are measured against."""
    parents: dict[str, list[str | None]] = {}
    with workspace.catalogue.reading() as session:
        models = {row.id: row for row in session.scalars(select(Model))}
        for edge in session.scalars(select(Parentage).order_by(Parentage.position)):
            parents.setdefault(edge.child_id, []).append(edge.parent_id)
    merged: dict[str, bool] = {}
    for row in models.values():
        whole = models.get(parents.get(row.id, [None])[0] or "", row) if row.kind == "adapter" else row
        merged[row.name] = whole.kind == "merge" and len(parents.get(whole.id, [])) > 1
    found: dict[str, Kind] = {}
    for name in names:
        model = name if name in merged else name.rpartition("@")[0]
        if name.startswith(_UNTUNED) or model not in merged:
            found[name] = "reference"
        else:
            found[name] = "merge" if merged[model] else "tuned"
    return found
