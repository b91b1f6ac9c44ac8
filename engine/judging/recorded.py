"""The workspace's verdicts as a table to rank: of the judge that is meant, of the contestants as they are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import Session

from engine.errors import BakeoffError
from engine.judging.verdicts import IDENTICAL, Comparison, Verdict, comparisons
from engine.ranking import Verdict as RankedVerdict
from engine.ranking import VerdictTable
from engine.workspace import Workspace
from engine.workspace.naming import dataset_named
from engine.workspace.tables import Contestant, Dataset
from engine.workspace.tables import Verdict as VerdictRow

#: Rows that are made of the database's at once. While they are, Python's lock is held: a window would stand still.
_AT_ONCE: Final = 500
_FIELDS: Final = tuple(item.name for item in fields(Verdict))


@dataclass(frozen=True, eq=False)
class Recorded:
    """The verdicts on a dataset, of contestants as they are now.

    Attributes:
        verdicts: Those that count, oldest first and each question once.
        unread: Those that could not be used, whether or not the same question was answered later.
        notes: What was left out, in sentences.
    """

    dataset: str
    verdicts: list[Verdict]
    unread: list[Verdict]
    notes: tuple[str, ...]


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
    return table_of(recorded(workspace, datasets, split, judge, contestants), by_entrant=by_entrant)


def recorded(
    workspace: Workspace,
    datasets: Sequence[str],
    split: str,
    judge: str | None,
    contestants: Mapping[str, Collection[str]] | None = None,
) -> list[Recorded]:
    """What `recorded_verdicts` makes a table of; the same arguments, the same errors."""
    found: list[Recorded] = []
    with workspace.catalogue.reading() as session:
        for name in dict.fromkeys(datasets):
            dataset = dataset_named(session, name)
            rows = _read(session, dataset.id, split, judge, words=False)
            if not rows and judge is not None:
                _require_judge(session, dataset.id, name, split, judge)
            if contestants is not None:
                wanted = set(contestants[name])
                rows = [row for row in rows if row.name_a in wanted and row.name_b in wanted]
            if not rows:
                raise NoVerdictsError(
                    "rank.no_verdicts",
                    "There are no verdicts on the {split} split of '{name}' yet.",
                    fix="Let a judge compare answers first, with: bakeoff judge --dataset {name} --contestants A,B",
                    split=split,
                    name=name,
                )
            found.append(_current(name, rows, _newest(session, dataset.id)))
    _require_one_judge({row.judge for one in found for row in one.verdicts})
    return found


def table_of(found: Iterable[Recorded], *, by_entrant: bool = True) -> VerdictTable:
    """The table to rank, of verdicts that were read."""
    found = list(found)
    table = VerdictTable.from_rows(
        _ranked(name, by, one, by_entrant=by_entrant) for name, by, one in _joined(found)
    )
    return replace(
        table, notes=(*table.notes, *(f"{one.dataset}: {note}" for one in found for note in one.notes))
    )


def verdicts_of(
    workspace: Workspace, dataset: str, split: str, judge: str, prompts: Collection[str] | None = None
) -> list[Verdict]:
    """The verdicts of one judge that a ranking would count, oldest first; empty when there are none.

    Args:
        workspace: Whose catalogue.
        dataset: Name of a dataset.
        split: ``test`` or ``dev``.
        judge: Whose verdicts.
        prompts: Only those on these, by id; all of them when None.

    Raises:
        NameUnknownError: There is no such dataset.
    """
    with workspace.catalogue.reading() as session:
        of_dataset = dataset_named(session, dataset).id
        rows = _read(session, of_dataset, split, judge, words=True, prompts=prompts)
        return _current(dataset, rows, _newest(session, of_dataset)).verdicts


def newest_contestants(session: Session, dataset_id: str) -> list[Contestant]:
    """The contestant that answered last under each name."""
    query = select(Contestant).where(Contestant.dataset_id == dataset_id)
    rows = session.scalars(query.order_by(Contestant.created_at, Contestant.id))
    return list({row.name: row for row in rows}.values())


def verdicts_usd(workspace: Workspace, datasets: Iterable[str], judge: str, split: str) -> float:
    """What a judge's verdicts on some datasets have cost."""
    query = (
        select(func.sum(VerdictRow.cost_usd))
        .join(Dataset, Dataset.id == VerdictRow.dataset_id)
        .where(Dataset.name.in_(list(datasets)), VerdictRow.judge == judge, VerdictRow.split == split)
    )
    with workspace.catalogue.reading() as session:
        return float(session.scalar(query) or 0.0)


def _newest(session: Session, dataset_id: str) -> dict[str, str]:
    return {row.name: row.id for row in newest_contestants(session, dataset_id)}


def _read(
    session: Session,
    dataset_id: str,
    split: str,
    judge: str | None,
    *,
    words: bool,
    prompts: Collection[str] | None = None,
) -> list[Verdict]:
    """All verdicts, oldest first; there may be a million.

    Args:
        words: Whether with what the judge said; without it, only that answers are identical is said.
        prompts: Only those on these.
    """
    brief = case((VerdictRow.explanation == IDENTICAL, IDENTICAL), else_="")
    said: dict[str, Any] = {} if words else {"explanation": brief, "reason": literal("")}
    query = select(*(said.get(field, getattr(VerdictRow, field)) for field in _FIELDS)).where(
        VerdictRow.dataset_id == dataset_id, VerdictRow.split == split
    )
    if judge is not None:
        query = query.where(VerdictRow.judge == judge)
    if prompts is not None:
        query = query.where(VerdictRow.prompt_id.in_(prompts))
    texts: dict[str, str] = {}
    rows = session.execute(query.order_by(VerdictRow.id).execution_options(yield_per=_AT_ONCE))
    return [_verdict(row, texts) for row in rows]


def _verdict(row: Iterable[Any], texts: dict[str, str]) -> Verdict:
    """One of them; of the same few names over and over, one text each is kept in ``texts``."""
    values: list[Any] = [texts.setdefault(value, value) if isinstance(value, str) else value for value in row]
    return Verdict(*values)


def _require_judge(session: Session, dataset_id: str, name: str, split: str, judge: str) -> None:
    query = select(VerdictRow.judge).where(VerdictRow.dataset_id == dataset_id, VerdictRow.split == split)
    known = sorted(session.scalars(query.distinct()))
    if known:
        raise NoVerdictsError(
            "rank.unknown_judge",
            "The judge '{judge}' has not judged the {split} split of '{name}'.",
            fix="Asked were: {known}.",
            judge=judge,
            split=split,
            name=name,
            known=", ".join(known),
        )


def _require_one_judge(judges: set[str]) -> None:
    if len(judges) > 1:
        raise NoVerdictsError(
            "rank.several_judges",
            "Several judges were asked, and their verdicts are not mixed: {known}.",
            fix="Say whose verdicts count, with --judge.",
            known=", ".join(sorted(judges)),
        )


def _current(dataset: str, found: list[Verdict], newest: dict[str, str]) -> Recorded:
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
    unread = [row for row in present if row.state != "ok"]
    failed = {_question(row) for row in unread} - scored.keys()
    if failed:
        notes.append(f"{len(failed)} questions brought no usable verdict and are not scored.")
    counted = [row for row in present if scored.get(_question(row)) is row]
    return Recorded(dataset, counted, unread, tuple(notes))


def _question(row: Verdict) -> tuple[str, str, str, str]:
    """What was asked; the key alone is the same for equal answers to different prompts."""
    return row.key, row.prompt_id, row.contestant_a, row.contestant_b


def _joined(found: Iterable[Recorded]) -> Iterator[tuple[str, str, Comparison]]:
    """Comparisons by dataset and judge; a pair of which an order is missing is none."""
    for one in found:
        groups: dict[str, list[Verdict]] = {}
        for row in one.verdicts:
            groups.setdefault(row.judge, []).append(row)
        for judge, verdicts in groups.items():
            for comparison in comparisons(verdicts):
                yield one.dataset, judge, comparison


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
