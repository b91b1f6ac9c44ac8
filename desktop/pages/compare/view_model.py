"""The answers to a dataset's prompts, which of them are shown, and what judges said on two of them. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Slot

from desktop.feed import JobRow
from desktop.pages.compare.difference import Difference, difference
from desktop.pages.compare.filters import FILTERS, Filter, filtered
from desktop.pages.compare.measures import Measures
from desktop.problem import Problem, problem_of
from desktop.services import Services
from desktop.view_model import ViewModel
from engine.errors import BakeoffError
from engine.jobs.directory import JobDirectory
from engine.workspace import Workspace
from engine.workspace.tables import Contestant, Dataset

if TYPE_CHECKING:
    from engine.datasets.options import Split
    from engine.inference.outputs import Output
    from engine.judging.grid import Answerer, Grid, Judged, Tally
    from engine.judging.verdicts import Prompt

#: Job kinds of this page.
_KINDS: Final = ("generate", "judge")


@dataclass(frozen=True)
class Side:
    """One of two answers that are compared.

    Attributes:
        output: None where it has not answered.
        score: By the task's metric, from 0 to 1.
    """

    id: str
    name: str
    output: Output | None
    tally: Tally
    score: float | None


@dataclass(frozen=True)
class Detail:
    """Two answers to a prompt and what judges said on them.

    Attributes:
        number: Of the prompt's row in the dataset.
        right: None where there is nobody to compare with.
        others: Names of those that the left one can be compared with.
    """

    number: int
    prompt: Prompt
    left: Side
    right: Side | None
    others: tuple[str, ...]
    judged: tuple[Judged, ...]
    difference: Difference | None


@dataclass(frozen=True)
class Work:
    """A job on this dataset that is under way.

    Attributes:
        spent_usd: Booked so far; ``budget_usd`` is its ceiling.
    """

    job: JobRow
    what: str
    spent_usd: float = 0.0
    budget_usd: float | None = None


@dataclass(frozen=True)
class CompareState:
    """What the page shows.

    Attributes:
        datasets: Names of those with answers, the newest last.
        problem: Why the chosen one cannot be shown.
        shown: Contestants in columns.
        x: Id of the one that the filter ``loses`` is about.
        rows: Places of the prompts that are shown.
        counts: How many prompts each filter leaves.
        selected: Prompt and contestant id of the cell that is told in full.
    """

    datasets: tuple[str, ...] = ()
    dataset: str = ""
    split: Split = "test"
    grid: Grid | None = None
    problem: Problem | None = None
    shown: tuple[Answerer, ...] = ()
    x: str = ""
    filter: Filter = "all"
    search: str = ""
    rows: tuple[int, ...] = ()
    counts: tuple[tuple[Filter, int], ...] = ()
    selected: tuple[str, str] = ("", "")
    detail: Detail | None = None
    work: tuple[Work, ...] = ()


@dataclass
class _Known:
    """What readings keep for the next one; one reading runs at a time."""

    grid: Grid | None = None
    filtered: tuple[Any, dict[Filter, tuple[int, ...]]] | None = None
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Wish:
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


class CompareModel(ViewModel[CompareState]):
    """Reads grids, filters them, and measures answers little by little."""

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, CompareState(), parent)
        self.measures = Measures(services.background, self)
        self._known = _Known()
        self._dataset, self._split, self._judge = "", "test", ""
        self._columns: dict[str, tuple[str, ...]] = {}
        self._x, self._filter, self._search = "", "all", ""
        self._selected, self._against = ("", ""), ""
        self.changed.connect(self._measure)

    def show(self) -> None:
        """See `ViewModel`."""
        if not self.shown:
            self.services.feed.jobs_changed.connect(self.refresh)
        super().show()

    def hide(self) -> None:
        """See `ViewModel`."""
        if self.shown:
            self.services.feed.jobs_changed.disconnect(self.refresh)
        super().hide()

    def read(self) -> Callable[[], CompareState]:
        """See `ViewModel`."""
        workspace, known = self.services.workspace, self._known
        jobs = [job for job in self.services.feed.jobs if job.kind in _KINDS and job.active]
        wish = _Wish(
            self._dataset,
            self._split,  # type: ignore[arg-type]
            self._judge,
            self._columns.get(self._dataset),
            self._x,
            self._filter,  # type: ignore[arg-type]
            self._search,
            self._selected,
            self._against,
        )
        return lambda: _read(workspace, known, wish, jobs)

    @property
    def chosen(self) -> tuple[str, str]:
        """Prompt and contestant of the cell that was chosen last; the state may still tell another one."""
        return self._selected

    def choose(self, dataset: str = "", split: str = "", judge: str = "") -> None:
        """Show another dataset, another split of it, or what another judge said."""
        if dataset and dataset != self.state.dataset:
            self._selected, self._x, self._against = ("", ""), "", ""
        self._dataset = dataset or self._dataset or self.state.dataset
        self._split = split or self._split
        self._judge = judge or self._judge
        self.refresh()

    def show_columns(self, names: tuple[str, ...]) -> None:
        """Show these contestants, at least one."""
        if names:
            self._dataset = self._dataset or self.state.dataset
            self._columns[self._dataset] = names
            self.refresh()

    def look_at(self, x: str) -> None:
        """Ask where this contestant (by id) loses."""
        self._x = x
        self.refresh()

    def narrow(self, wanted: str) -> None:
        """Show the prompts that a filter leaves."""
        self._filter = wanted
        self.refresh()

    def search(self, words: str) -> None:
        """Show the prompts that hold these words, in themselves or in an answer."""
        self._search = words
        self.refresh()

    def select(self, prompt_id: str, contestant_id: str) -> None:
        """Tell one answer in full."""
        if (prompt_id, contestant_id) != self._selected:
            self._selected = prompt_id, contestant_id
            self.refresh()

    def compare_with(self, name: str) -> None:
        """Compare the answer that is told in full with that of this contestant."""
        self._against = name
        self.refresh()

    def stop(self, job_id: str) -> None:
        """Stop a job; what it has paid for is kept."""
        client = self.services.client
        self.do(lambda: client.ask(client.job(job_id), "stop"))

    @Slot()
    def _measure(self) -> None:
        if self.shown and self.state.grid is not None:
            self.measures.take(self.state.grid)


def _read(workspace: Workspace, known: _Known, wish: _Wish, jobs: list[JobRow]) -> CompareState:
    from engine.judging.grid import read_grid

    datasets = _datasets(workspace)
    dataset = wish.dataset if wish.dataset in datasets else datasets[-1] if datasets else ""
    if not dataset:
        return CompareState()
    work = _work(workspace, known.specs, jobs, dataset)
    try:
        grid = read_grid(workspace, dataset, wish.split, wish.judge, known.grid)
    except BakeoffError as error:
        return CompareState(datasets, dataset, wish.split, problem=problem_of(error), work=work)
    known.grid = grid
    names = wish.shown or ()
    shown = tuple(one for one in grid.answerers if one.name in names) or grid.answerers
    x = wish.x if any(one.id == wish.x for one in shown) else shown[0].id if shown else ""
    key = (grid, tuple(one.id for one in shown), x, wish.search)
    if known.filtered is None or known.filtered[0] != key:
        known.filtered = key, filtered(grid, shown, x, wish.search)
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
