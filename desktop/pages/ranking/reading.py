"""Reading what the Ranking page shows, in another thread. Knows no Qt."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from desktop.language import tr
from desktop.pages.ranking.state import EVERYTHING, Interval, RankingState
from desktop.problem import Problem, problem_of
from desktop.words import told
from engine.errors import BakeoffError
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.judging.aside import AnyQuestion, Aside
    from engine.judging.standings import JudgedTask, Split, Standings

#: More verdicts than this are ranked in another process: a busy thread of this one would hold up what is painted.
_ASIDE: Final = 5_000
#: While a judge is at work, nothing is ranked again before so many times as long as it took have passed.
_PATIENCE: Final = 5.0
#: Bytes of a verdict in a file, about.
_LINE: Final = 40


@dataclass(frozen=True)
class Wish:
    """What the user has chosen; None and empty where nothing was."""

    study: str | None
    task: str
    judge: str
    reference: str
    file: Path | None = None
    datasets: tuple[str, ...] = ()
    split: Split = "test"
    level: float = 0.95
    interval: Interval = "auto"


@dataclass
class Known:
    """What readings keep for the next one; one reading runs at a time.

    Attributes:
        wanted: Of what the last ranking is, and ``stamp`` of which verdicts.
        read_at: When it was made, and how long that took, in seconds.
        stale: There is more by now; it is to be read again soon.
        announced: What was said to be under way.
        aside: Where large rankings are computed.
    """

    aside: Aside
    wanted: object = None
    stamp: object = None
    standings: Standings | None = None
    read_at: float = 0.0
    took: float = 0.0
    stale: bool = False
    announced: object = None


def read_ranking(workspace: Workspace, known: Known, wish: Wish, *, at_work: bool) -> RankingState:
    """Read it all; a ranking that is known already is not computed again.

    Args:
        workspace: Whose verdicts.
        known: Of the reading before.
        wish: What the user has chosen.
        at_work: Whether a judge is at work, so that there will be more soon anyway.
    """
    from engine.judging.standings import judged_tasks

    everything = judged_tasks(workspace)
    judged = {one.dataset: one for one in everything}
    studies = {
        name: found
        for name, found in _studies(workspace).items()
        if any(one in judged for one in found.contestants)
    }
    if wish.file is not None:
        return _read_file(workspace, known, wish, wish.file, tuple(studies))
    asked = RankingState(
        tuple(studies),
        reference=wish.reference,
        level=wish.level,
        interval=wish.interval,
    )
    split: Split = wish.split if wish.datasets else "dev"
    if (
        wish.datasets or not everything
    ):  # where nothing else was judged, what was judged on development prompts
        of_split = everything if split == "test" else judged_tasks(workspace, split)
        names = wish.datasets or tuple(one.dataset for one in of_split if not one.sealed)
        tasks = tuple(one for one in of_split if one.dataset in names)
        if tasks:
            asked = replace(asked, chosen=tuple(one.dataset for one in tasks), tasks=tasks, split=split)
            return _read_tasks(workspace, known, wish, asked, list(tasks), None, at_work=at_work)
    study = wish.study if wish.study is not None and (wish.study in studies or not wish.study) else None
    if study is None:
        study = next(iter(studies), EVERYTHING)
    if study:
        tasks = tuple(judged[name] for name in studies[study].contestants if name in judged)
    else:
        tasks = tuple(everything)
    open_tasks = [one for one in tasks if not one.sealed]
    sealed = next((one for one in tasks if one.dataset == wish.task and one.sealed), None)
    counted = [sealed] if sealed is not None else open_tasks or list(tasks)
    asked = replace(asked, study=study, tasks=tasks)
    return _read_tasks(workspace, known, wish, asked, counted, studies.get(study), at_work=at_work)


def _read_tasks(
    workspace: Workspace,
    known: Known,
    wish: Wish,
    asked: RankingState,
    counted: list[JudgedTask],
    study: _Finished | None,
    *,
    at_work: bool,
) -> RankingState:
    """The ranking of some tasks.

    Args:
        workspace: Whose verdicts.
        known: Of the reading before.
        wish: What the user has chosen.
        asked: What is known of the page so far.
        counted: The tasks that are ranked together.
        study: Whose contestants alone take part; None: everybody does.
        at_work: Whether a judge is at work.
    """
    from engine.judging.aside import Question

    judges = _judges(counted)
    if not judges:
        return asked
    # Others may have judged the same tasks for something else.
    usual = study.judge if study is not None else ""
    judge = next(one for one in (wish.judge, usual, judges[0][0]) if one in dict(judges))
    datasets = [one.dataset for one in counted if judge in dict(one.judges)]
    task = wish.task if wish.task in datasets else datasets[0] if len(datasets) == 1 else ""
    others = tuple(one.dataset for one in counted if one.dataset not in datasets)
    state = replace(asked, task=task, judges=judges, judge=judge, not_judged=others)
    question = Question(
        datasets,
        judge,
        study.contestants if study is not None else None,
        asked.split,
        wish.reference or None,
        wish.level,
        wish.interval,
    )
    number = sum(dict(one.judges).get(judge, 0) for one in counted)
    stamp = tuple(one.stamp for one in counted)
    try:
        found = _ranked(workspace, known, (asked.study, question), stamp, number, at_work=at_work)
    except BakeoffError as error:
        if error.code == "ranking.unknown_reference":
            wish = replace(wish, reference="")
            return read_ranking(workspace, known, wish, at_work=at_work)
        return replace(state, problem=problem_of(error))
    if found is None:
        return replace(state, counting=number)
    ranking = found.ranking
    if not ranking.tasks.get(task, ranking).contestants:
        return replace(state, problem=_nothing(found))
    return replace(state, standings=found)


def _read_file(
    workspace: Workspace, known: Known, wish: Wish, file: Path, studies: tuple[str, ...]
) -> RankingState:
    """The ranking of a file of verdicts."""
    from engine.judging.aside import FileQuestion
    from engine.judging.standings import JudgedTask

    state = RankingState(
        studies, reference=wish.reference, file=file, level=wish.level, interval=wish.interval
    )
    try:
        size, written = file.stat().st_size, file.stat().st_mtime_ns
    except OSError:
        size, written = 0, 0  # whoever reads it says what is wrong
    question = FileQuestion(file, wish.reference or None, wish.level, wish.interval)
    number = size // _LINE
    try:
        found = _ranked(workspace, known, ("", question), (size, written), number, at_work=False)
    except BakeoffError as error:
        if error.code == "ranking.unknown_reference":
            return _read_file(workspace, known, replace(wish, reference=""), file, studies)
        return replace(state, problem=problem_of(error))
    if found is None:
        return replace(state, counting=number)
    tasks = tuple(JudgedTask(name, False, ()) for name in found.datasets)
    task = wish.task if wish.task in found.datasets else found.datasets[0] if len(tasks) == 1 else ""
    if not found.ranking.tasks.get(task, found.ranking).contestants:
        return replace(state, tasks=tasks, task=task, problem=_nothing(found))
    return replace(state, tasks=tasks, task=task, standings=found)


def _nothing(found: Standings) -> Problem:
    """Why nobody stands anywhere."""
    return Problem(
        tr("There is nothing to rank"),
        " ".join(map(told, found.ranking.warnings))
        or tr("No two contestants took part in all of these tasks."),
        tr("Choose a task, or let the judge compare more answers."),
    )


def _ranked(
    workspace: Workspace,
    known: Known,
    wanted: tuple[str, AnyQuestion],
    stamp: object,
    number: int,
    *,
    at_work: bool,
) -> Standings | None:
    """The ranking; None where it takes a while and nothing was said of that yet, or was cancelled."""
    known.stale = False
    same = known.standings is not None and known.wanted == wanted
    if same and known.stamp == stamp:
        return known.standings
    begun = time.monotonic()
    if same and at_work and begun - known.read_at < _PATIENCE * known.took:
        known.stale = True
        return known.standings
    if number <= _ASIDE:
        found: Standings | None = wanted[1].answered(workspace)
    elif not same and known.announced != wanted:
        known.announced, known.stale = wanted, True
        return None
    else:
        found = known.aside.standings(workspace, wanted[1])
        if found is None:
            known.announced, known.stale = None, True
            return known.standings if same else None
    known.wanted, known.stamp, known.standings = wanted, stamp, found
    known.read_at, known.announced = time.monotonic(), None
    known.took = known.read_at - begun
    return found


def _judges(tasks: list[JudgedTask]) -> tuple[tuple[str, int], ...]:
    """All judges of some tasks; those that judged most of them first."""
    counts: dict[str, tuple[int, int]] = {}
    for task in tasks:
        for judge, number in task.judges:
            before = counts.get(judge, (0, 0))
            counts[judge] = before[0] + 1, before[1] + number
    order = sorted(counts, key=lambda judge: (-counts[judge][0], -counts[judge][1], judge))
    return tuple((judge, counts[judge][1]) for judge in order)


@dataclass(frozen=True)
class _Finished:
    """A finished study: whose verdicts it went by, and who took part in which of its tasks."""

    judge: str
    contestants: dict[str, list[str]]


def _studies(workspace: Workspace) -> dict[str, _Finished]:
    """Finished studies, newest first."""
    from pydantic import ValidationError
    from sqlalchemy import select

    from engine.studies.result import StudyResult
    from engine.workspace.tables import Study

    found = {}
    with workspace.catalogue.reading() as session:
        query = select(Study).order_by(Study.created_at.desc())
        rows = [(row.name, row.result) for row in session.scalars(query)]
    for name, document in rows:
        try:
            result = StudyResult.model_validate(document)
        except ValidationError:  # it has none yet
            continue
        tasks = [*result.tasks, *([result.validation.task] if result.validation is not None else [])]
        who = {task.dataset: [one.contestant for one in task.figures] for task in tasks}
        found[name] = _Finished(result.judge, who)
    return found
