"""The workspace's verdicts as a table to rank: of the judge that is meant, of the contestants as they are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Final, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.errors import BakeoffError
from engine.judging.verdicts import Comparison, comparisons
from engine.judging.verdicts import Verdict as StoredVerdict
from engine.ranking import Verdict as RankedVerdict
from engine.ranking import VerdictTable
from engine.workspace import Workspace
from engine.workspace.naming import dataset_named
from engine.workspace.tables import Contestant, Dataset, Verdict

Kept = TypeVar("Kept", Verdict, StoredVerdict)

_FIELDS: Final = tuple(item.name for item in fields(StoredVerdict))


class NoVerdictsError(BakeoffError):
    """The workspace has no verdicts that fit the request, or too many kinds of them."""

    title = "There is nothing to rank"


def recorded_verdicts(
    workspace: Workspace,
    datasets: Sequence[str],
    split: str,
    judge: str | None,
    contestants: Mapping[str, Collection[str]] | None = None,
    *,
    by_entrant: bool = True,
) -> VerdictTable:
    """The verdicts on some datasets, each dataset being a task.

    A name that stands for several contestants (a model trained anew under its old name) means the one
    that answered last; a judge that was asked with several judge prompts, the one asked last. Whatever
    is left out because of that, or because judging failed, is told in the table's notes.

    Args:
        workspace: Whose catalogue.
        datasets: Names of datasets.
        split: ``test`` or ``dev``.
        judge: Whose verdicts; may be None where only one judge was asked.
        contestants: Dataset -> names of those that take part; everybody when None.
        by_entrant: Whether contestants stand for their entrants; otherwise for themselves.

    Raises:
        NameUnknownError: There is no such dataset.
        NoVerdictsError: A dataset has no verdicts, or several judges were asked and none is named.
    """
    rows: list[tuple[str, Verdict]] = []
    notes: list[str] = []
    with workspace.catalogue.reading() as session:
        for name in dict.fromkeys(datasets):
            dataset = dataset_named(session, name)
            query = select(Verdict).where(Verdict.dataset_id == dataset.id, Verdict.split == split)
            found = list(session.scalars(query.order_by(Verdict.id)))
            if contestants is not None:
                wanted = set(contestants[name])
                found = [row for row in found if row.name_a in wanted and row.name_b in wanted]
            if judge is not None:
                found = _of_judge(found, judge, name, split)
            if not found:
                raise NoVerdictsError(
                    "rank.no_verdicts",
                    "There are no verdicts on the {split} split of '{name}' yet.",
                    fix="Let a judge compare answers first, with: bakeoff judge --dataset {name} --contestants A,B",
                    split=split,
                    name=name,
                )
            kept, told = _current(found, _newest(session, dataset.id))
            rows += [(name, row) for row in kept]
            notes += [f"{name}: {note}" for note in told]
    _require_one_judge({row.judge for _, row in rows})
    table = VerdictTable.from_rows(
        _ranked(name, by, one, by_entrant=by_entrant) for name, by, one in _joined(rows)
    )
    return replace(table, notes=(*table.notes, *notes))


def verdicts_of(workspace: Workspace, dataset: str, split: str, judge: str) -> list[StoredVerdict]:
    """The verdicts of one judge that a ranking would count, oldest first; empty when there are none.

    Raises:
        NameUnknownError: There is no such dataset.
    """
    with workspace.catalogue.reading() as session:
        of_dataset = dataset_named(session, dataset).id
        # Columns instead of objects of the catalogue: there may be a hundred thousand.
        query = select(*(getattr(Verdict, field) for field in _FIELDS)).where(
            Verdict.dataset_id == of_dataset, Verdict.split == split, Verdict.judge == judge
        )
        found = [StoredVerdict(*row) for row in session.execute(query.order_by(Verdict.id))]
        return _current(found, _newest(session, of_dataset))[0]


def newest_contestants(session: Session, dataset_id: str) -> list[Contestant]:
    """The contestant that answered last under each name."""
    query = select(Contestant).where(Contestant.dataset_id == dataset_id)
    rows = session.scalars(query.order_by(Contestant.created_at, Contestant.id))
    return list({row.name: row for row in rows}.values())


def verdicts_usd(workspace: Workspace, datasets: Iterable[str], judge: str, split: str) -> float:
    """What a judge's verdicts on some datasets have cost."""
    query = (
        select(func.sum(Verdict.cost_usd))
        .join(Dataset, Dataset.id == Verdict.dataset_id)
        .where(Dataset.name.in_(list(datasets)), Verdict.judge == judge, Verdict.split == split)
    )
    with workspace.catalogue.reading() as session:
        return float(session.scalar(query) or 0.0)


def _newest(session: Session, dataset_id: str) -> dict[str, str]:
    return {row.name: row.id for row in newest_contestants(session, dataset_id)}


def _stored(row: Verdict) -> StoredVerdict:
    return StoredVerdict(**{field: getattr(row, field) for field in _FIELDS})


def _of_judge(found: list[Verdict], judge: str, name: str, split: str) -> list[Verdict]:
    kept = [row for row in found if row.judge == judge]
    if found and not kept:
        raise NoVerdictsError(
            "rank.unknown_judge",
            "The judge '{judge}' has not judged the {split} split of '{name}'.",
            fix="Asked were: {known}.",
            judge=judge,
            split=split,
            name=name,
            known=", ".join(sorted({row.judge for row in found})),
        )
    return kept


def _require_one_judge(judges: set[str]) -> None:
    if len(judges) > 1:
        raise NoVerdictsError(
            "rank.several_judges",
            "Several judges were asked, and their verdicts are not mixed: {known}.",
            fix="Say whose verdicts count, with --judge.",
            known=", ".join(sorted(judges)),
        )


def _current(found: list[Kept], newest: dict[str, str]) -> tuple[list[Kept], list[str]]:
    """The verdicts that count, oldest first and each question once; and what was left out."""
    notes = []
    prompts = {row.judge: row.judge_prompt_sha256 for row in found}
    kept = [row for row in found if row.judge_prompt_sha256 == prompts[row.judge]]
    if len(kept) < len(found):
        notes.append(f"{len(found) - len(kept)} verdicts by an earlier judge prompt or metric are left out.")
    present = [
        row
        for row in kept
        if newest.get(row.name_a, row.contestant_a) == row.contestant_a
        and newest.get(row.name_b, row.contestant_b) == row.contestant_b
    ]
    if len(present) < len(kept):
        notes.append(f"{len(kept) - len(present)} verdicts on earlier versions of a contestant are left out.")
    scored = {_question(row): row for row in reversed(present) if row.state == "ok"}
    failed = {_question(row) for row in present if row.state != "ok"} - scored.keys()
    if failed:
        notes.append(f"{len(failed)} questions brought no usable verdict and are not scored.")
    return [row for row in present if scored.get(_question(row)) is row], notes


def _question(row: Verdict | StoredVerdict) -> tuple[str, str, str, str]:
    """What was asked; the key alone is the same for equal answers to different prompts."""
    return row.key, row.prompt_id, row.contestant_a, row.contestant_b


def _joined(rows: list[tuple[str, Verdict]]) -> Iterator[tuple[str, str, Comparison]]:
    """Comparisons by dataset and judge; a pair of which an order is missing is none."""
    groups: dict[tuple[str, str], list[StoredVerdict]] = {}
    for name, row in rows:
        groups.setdefault((name, row.judge), []).append(_stored(row))
    for (name, judge), verdicts in groups.items():
        for comparison in comparisons(verdicts):
            yield name, judge, comparison


def _ranked(task: str, judge: str, comparison: Comparison, *, by_entrant: bool) -> RankedVerdict:
    return RankedVerdict(
        a=comparison.name_a,
        b=comparison.name_b,
        winner=comparison.winner,
        prompt_id=comparison.prompt_id,
        task=task,
        entrant_a=comparison.entrant_a if by_entrant else None,
        entrant_b=comparison.entrant_b if by_entrant else None,
        judge=judge,
    )
