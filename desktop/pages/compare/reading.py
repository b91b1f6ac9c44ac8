"""Reading what the Compare page shows, in another thread. Knows no Qt."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from desktop.feed import JobRow
from desktop.pages.compare.difference import difference
from desktop.pages.compare.filters import FILTERS, Filter, by_answers, filtered
from desktop.pages.compare.state import CompareState, Detail, Side, Work
from desktop.problem import problem_of
from engine.errors import BakeoffError
from engine.jobs.directory import JobDirectory
from engine.workspace import Workspace
from engine.workspace.tables import Contestant, Dataset

if TYPE_CHECKING:
    from engine.datasets.options import Split
    from engine.judging.grid import Answerer, Grid, Judged
    from engine.judging.verdicts import Prompt

#: While jobs are at work, a grid is not read again before so many times as long as that took have passed.
_PATIENCE: Final = 5.0


@dataclass
class Known:
    """What readings keep for the next one; one reading runs at a time."""

    grid: Grid | None = None
    #: When the grid was read, and how long that took, in seconds.
    read_at: float = 0.0
    took: float = 0.0
    #: The grid is to be read again soon.
    stale: bool = False
    answered: tuple[Any, dict[Filter, tuple[int, ...]]] | None = None
    filtered: tuple[Any, dict[Filter, tuple[int, ...]]] | None = None
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """What the user has chosen; empty where nothing was."""

    dataset: str
    split: Split
    judge: str
    #: Dataset -> names of contestants in columns.
    shown: tuple[str, ...] | None
    x: str
    filter: Filter
    search: str
    selected: tuple[str, str]
    against: str


def read_compare(workspace: Workspace, known: Known, wish: Wish, jobs: list[JobRow]) -> CompareState:
    """Read what the page shows; ``jobs`` are those that are under way."""
    from engine.judging.grid import read_grid

    datasets = _datasets(workspace)
    dataset = wish.dataset if wish.dataset in datasets else datasets[-1] if datasets else ""
    if not dataset:
        return CompareState()
    work = _work(workspace, known.specs, jobs, dataset)
    begun, old = time.monotonic(), known.grid
    wanted = (dataset, wish.split, wish.judge or (old.judge if old is not None else ""))
    same = old is not None and (old.dataset, old.split, old.judge) == wanted
    # While a judge is at work there is always more; reading a large grid all the time would slow down all else.
    known.stale = same and bool(work) and begun - known.read_at < _PATIENCE * known.took
    if not known.stale:
        try:
            grid = read_grid(workspace, dataset, wish.split, wish.judge, old)
        except BakeoffError as error:
            return CompareState(datasets, dataset, wish.split, problem=problem_of(error), work=work)
        known.grid, known.read_at = grid, time.monotonic()
        known.took = known.read_at - begun if grid is not old else known.took
    elif old is not None:
        grid = old
    names = wish.shown or ()
    shown = tuple(one for one in grid.answerers if one.name in names) or grid.answerers
    x = wish.x if any(one.id == wish.x for one in shown) else shown[0].id if shown else ""
    ids = tuple(one.id for one in shown)
    of_answers = (grid.answers_stamp, ids, wish.search)
    if known.answered is None or known.answered[0] != of_answers:
        known.answered = of_answers, by_answers(grid, shown, wish.search)
    key = (grid, ids, x, wish.search)
    if known.filtered is None or known.filtered[0] != key:
        known.filtered = key, filtered(grid, shown, x, known.answered[1])
    found = known.filtered[1]
    rows = found[wish.filter]
    selected = _selected(grid, shown, rows, wish.selected)
    return CompareState(
        datasets,
        dataset,
        wish.split,
        grid,
        None,
        shown,
        x,
        wish.filter,
        wish.search,
        rows,
        tuple((name, len(found[name])) for name in FILTERS),
        selected,
        _detail(workspace, grid, shown, selected, x, wish.against) if rows and shown else None,
        work,
    )


def _datasets(workspace: Workspace) -> tuple[str, ...]:
    """Those that somebody has answered; all of them where nobody has answered any."""
    from sqlalchemy import select

    with workspace.catalogue.reading() as session:
        query = select(Dataset.id, Dataset.name).order_by(Dataset.created_at, Dataset.name)
        every = session.execute(query).all()
        answered = set(session.scalars(select(Contestant.dataset_id).distinct()))
    return tuple(name for one, name in every if one in answered or not answered)


def _selected(
    grid: Grid, shown: tuple[Answerer, ...], rows: tuple[int, ...], wished: tuple[str, str]
) -> tuple[str, str]:
    """The wished cell if it is there, else the first of its row, else the first of all."""
    if not rows or not shown:
        return "", ""
    ids = [one.id for one in shown]
    prompts = {grid.prompts[place].id for place in rows}
    prompt = wished[0] if wished[0] in prompts else grid.prompts[rows[0]].id
    return prompt, wished[1] if wished[1] in ids else ids[0]


def _detail(
    workspace: Workspace,
    grid: Grid,
    shown: tuple[Answerer, ...],
    selected: tuple[str, str],
    x: str,
    against: str,
) -> Detail:
    from engine.judging.grid import judged_pair

    place = next(at for at, prompt in enumerate(grid.prompts) if prompt.id == selected[0])
    prompt = grid.prompts[place]
    left = next(one for one in shown if one.id == selected[1])
    others = [one for one in grid.answerers if one.id != left.id and prompt.id in grid.outputs[one.id]]
    other = next((one for one in others if one.name == against), None)
    if other is None and others:
        # X where it can be, and rather one that was judged against it than one that was not.
        met = {
            who
            for made in grid.outcomes.get(prompt.id, ())
            if left.id in (made.contestant_a, made.contestant_b)
            for who in (made.contestant_a, made.contestant_b)
        }
        other = min(others, key=lambda one: (one.id not in met, one.id != x))
    right = _side(grid, prompt, other) if other is not None else None
    here = _side(grid, prompt, left)
    judged: tuple[Judged, ...] = ()
    told = None
    if right is not None and here.output is not None and right.output is not None:
        judged = tuple(judged_pair(workspace, grid, prompt.id, here.id, right.id))
        told = difference(here.output.text, right.output.text)
    names = tuple(one.name for one in others)
    return Detail(grid.numbers[place], prompt, here, right, names, judged, told)


def _side(grid: Grid, prompt: Prompt, one: Answerer) -> Side:
    output = grid.outputs[one.id].get(prompt.id)
    return Side(one.id, one.name, output, grid.tally(prompt.id, one.id), grid.score(prompt, one.id))


def _work(
    workspace: Workspace, specs: dict[str, dict[str, Any]], jobs: list[JobRow], dataset: str
) -> tuple[Work, ...]:
    """Jobs on a dataset, with what they have spent."""
    from engine.inference.budget import booked_usd

    found = []
    for job in jobs:
        directory = JobDirectory(workspace.jobs / job.id)
        try:
            spec = specs.setdefault(job.id, directory.request().spec)
        except (BakeoffError, OSError):
            continue  # it is being removed
        if spec.get("dataset") == dataset:
            spent = booked_usd(directory.checkpoints / "budget.jsonl")
            found.append(Work(job, job.kind, spent, spec.get("budget_usd")))
    return tuple(found)
