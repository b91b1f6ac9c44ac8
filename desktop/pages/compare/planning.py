"""What answers and judging will take, reckoned from what is typed. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from desktop.amounts import amount as amount
from desktop.language import tr
from desktop.pages.compare.state import Work
from desktop.problem import Problem, problem_of
from engine.errors import BakeoffError
from engine.jobs.directory import JobDirectory
from engine.workspace import Workspace
from engine.workspace.tables import Endpoint, Model

if TYPE_CHECKING:
    from engine.datasets.options import Split
    from engine.inference.constraints import Constraint
    from engine.inference.pricing import Forecast
    from engine.inference.spec import GenerateSpec
    from engine.judging.forecast import JudgingForecast
    from engine.judging.grid import Grid
    from engine.judging.spec import JudgeSpec

REFERENCE: Final = "reference"
_LOCAL: Final = "local:"
#: What an endpoint without a row of its own is called; its models are typed by hand.
_OPENAI: Final = "openai"


@dataclass(frozen=True)
class Draft:
    r"""What is typed in the dialog.

    Attributes:
        names: Contestants that take part.
        added: Contestants that have not answered yet.
        limit: Prompts at most; 0 for all.
        answers_budget: USD as typed; empty for none. ``budget`` is that of the judging.
        longest: Tokens of an answer at most; 0 for what the train answers suggest. ``batch`` likewise.
        stops: Texts before which an answer ends, one per line; a line break inside of one is written as ``\n``.
        held_to: What answers of GGUF files are held to: ``choices``, ``json``, or a file; empty for nothing.
        goal: As the engine writes it: ``ranking``, ``best`` or ``beat:NAME``.
        comparisons: At most; 0 for as many as the goal needs.
        metric: Empty for the one that fits.
        margin: As typed; empty for the metric's own.
        together: Ask the judge in batches, where it is behind an endpoint.
    """

    names: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    limit: int = 0
    answers_budget: str = ""
    longest: int = 0
    batch: int = 0
    stops: str = ""
    held_to: str = ""
    judge: str = REFERENCE
    goal: str = "ranking"
    comparisons: int = 0
    budget: str = ""
    show_expected: bool = False
    metric: str = ""
    margin: str = ""
    parallel: int = 4
    together: bool = False
    seed: int = 0

    @property
    def asks_endpoint(self) -> bool:
        """Whether the judge is a model behind an endpoint."""
        judge = self.judge.strip()
        return judge not in ("", REFERENCE) and not judge.startswith(_LOCAL)


@dataclass(frozen=True)
class Candidate:
    """Somebody who can take part.

    Attributes:
        missing: Prompts that it has no answer to.
    """

    name: str
    taking_part: bool
    answered: int
    missing: int


@dataclass(frozen=True)
class Outcome:
    """How the job that was started last has ended."""

    kind: str
    state: str
    summary: dict[str, Any] = field(default_factory=dict, hash=False)
    error: dict[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True)
class JudgingState:
    """What the dialog shows.

    Attributes:
        draft: What was typed when this was read.
        prompts: Of the split, or as many as are wanted.
        known: Names that can be added, and judges that can be asked.
        missing: Answers still to be generated.
        answers: What the paid ones among them will cost; None where nothing is missing, or it cannot be told.
        answers_problem: Why they cannot be generated.
        plan: What judging will take; None where it cannot be told.
        problem: Why judging cannot start.
    """

    draft: Draft = Draft()
    prompts: int = 0
    candidates: tuple[Candidate, ...] = ()
    known: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    missing: int = 0
    answers: Forecast | None = None
    answers_problem: Problem | None = None
    plan: JudgingForecast | None = None
    problem: Problem | None = None
    work: tuple[Work, ...] = ()
    outcome: Outcome | None = None

    @property
    def can_generate(self) -> bool:
        """Whether answers can be asked for."""
        return self.missing > 0 and self.answers_problem is None

    @property
    def can_judge(self) -> bool:
        """Whether judging can start."""
        return self.plan is not None and self.problem is None


def usual_limit(grid: Grid | None) -> int:
    """As many prompts as were answered, where that is not all of them."""
    if grid is None:
        return 0
    answered = set[str]().union(*(outputs.keys() for outputs in grid.outputs.values()))
    return len(answered) if len(answered) < len(grid.prompts) else 0


def judge_spec(dataset: str, split: Split, draft: Draft) -> JudgeSpec:
    """What is to be judged."""
    from engine.judging.spec import JudgeSpec

    return JudgeSpec(
        dataset=dataset,
        contestants=list(draft.names),
        split=split,
        judge=draft.judge.strip() or REFERENCE,
        goal=draft.goal,
        budget_usd=amount(draft.budget, tr("Ceiling in USD")),
        max_comparisons=draft.comparisons or None,
        limit=draft.limit or None,
        metric=draft.metric or None,
        margin=amount(draft.margin, tr("Tie margin")),
        show_expected=draft.show_expected,
        parallel=draft.parallel,
        batch=draft.together and draft.asks_endpoint,
        seed=draft.seed,
    )


def generate_spec(dataset: str, split: Split, draft: Draft, names: tuple[str, ...]) -> GenerateSpec:
    """What these are to answer."""
    from engine.inference.spec import GenerateSpec

    return GenerateSpec(
        models=list(names),
        dataset=dataset,
        splits=[split],
        limit=draft.limit or None,
        max_new_tokens=draft.longest or None,
        batch_size=draft.batch or None,
        stop=stop_texts(draft.stops),
        constrain=_constraint(draft.held_to),
        budget_usd=amount(draft.answers_budget, tr("Ceiling in USD")),
    )


def stop_texts(typed: str) -> list[str]:
    """The texts that are typed, one per line."""
    return [one.replace("\\n", "\n") for one in typed.splitlines() if one]


def _constraint(held_to: str) -> Literal["choices", "json"] | Constraint | None:
    from engine.inference.constraints import read_constraint

    if held_to == "choices":
        return "choices"
    if held_to == "json":
        return "json"
    return read_constraint(Path(held_to)) if held_to else None


def read_judging(
    workspace: Workspace,
    dataset: str,
    split: Split,
    draft: Draft,
    grid: Grid | None,
    work: tuple[Work, ...],
    job: str,
    plans: dict[Any, Any],
) -> JudgingState:
    """Read what the dialog shows.

    Args:
        grid: The answers there are.
        work: Jobs under way.
        job: Id of the one that was started last.
        plans: Kept from one reading to the next.
    """
    known, judges = _names(workspace)
    wanted = _wanted(workspace, dataset, split, draft.limit, plans)
    candidates = _candidates(draft, grid, wanted)
    state = JudgingState(
        draft=draft,
        prompts=len(wanted),
        candidates=candidates,
        known=tuple(name for name in known if name not in {one.name for one in candidates}),
        judges=judges,
        missing=sum(one.missing for one in candidates if one.taking_part),
        work=work,
        outcome=_outcome(workspace, job),
    )
    # What is planned holds until something else is typed or answered; verdicts change it only when a job has ended.
    busy = any(one.job.kind == "judge" for one in work)
    key = (draft, grid.stamp[3:] if grid is not None and not busy else None, busy)
    if key not in plans:
        fresh = {name: kept for name, kept in plans.items() if isinstance(name, str)}
        plans.clear()
        plans.update(fresh)
        plans[key] = _planned(workspace, dataset, split, draft, candidates)
    answers, answers_problem, plan, problem = plans[key]
    return replace(state, answers=answers, answers_problem=answers_problem, plan=plan, problem=problem)


def _wanted(
    workspace: Workspace, dataset: str, split: Split, limit: int, plans: dict[Any, Any]
) -> frozenset[str]:
    """Ids of the prompts that take part."""
    from engine.datasets.library import open_dataset
    from engine.datasets.selection import select

    key = f"{split}/{limit}"
    if key not in plans:
        try:
            store = open_dataset(workspace, dataset, "judge").store
        except BakeoffError:
            return frozenset()  # told where judging is planned
        plans[key] = frozenset(example.prompt_id for example in select(store, split, limit=limit or None))
    found: frozenset[str] = plans[key]
    return found


def _candidates(draft: Draft, grid: Grid | None, wanted: frozenset[str]) -> tuple[Candidate, ...]:
    answered: dict[str, int] = {}
    if grid is not None:
        answered = {one.name: len(wanted & grid.outputs[one.id].keys()) for one in grid.answerers}
    names = dict.fromkeys((*answered, *draft.added))
    return tuple(
        Candidate(name, name in draft.names, answered.get(name, 0), len(wanted) - answered.get(name, 0))
        for name in names
    )


def _planned(
    workspace: Workspace, dataset: str, split: Split, draft: Draft, candidates: tuple[Candidate, ...]
) -> tuple[Forecast | None, Problem | None, JudgingForecast | None, Problem | None]:
    """What the missing answers will cost, what judging will take, and what stands against either."""
    from engine.inference.starting import forecast_answers, require_answerable
    from engine.judging.prepare import forecast
    from engine.judging.starting import require_judgeable

    answers = answers_problem = plan = problem = None
    missing = tuple(one.name for one in candidates if one.taking_part and one.missing)
    if missing:
        try:
            spec = generate_spec(dataset, split, draft, missing)
            answers = forecast_answers(workspace, spec)
            require_answerable(workspace, spec)
        except BakeoffError as error:
            answers_problem = _told(error)
    try:
        judging = judge_spec(dataset, split, replace(draft, names=_judged(candidates)))
        plan = forecast(workspace, judging)
        require_judgeable(workspace, judging)
    except BakeoffError as error:
        problem = _told(error)
    except ValueError:
        problem = Problem(
            tr("Judging cannot start"),
            tr("Judging needs at least two contestants that have answered."),
            tr("Choose more, or let them answer first."),
        )
    return answers, answers_problem, plan, problem


def _told(error: BakeoffError) -> Problem:
    """A failure in the words of the dialog."""
    if error.code == "budget.missing":
        return Problem(
            tr("A budget is needed"),
            tr("This costs money, and no ceiling is given."),
            tr("Say how much may be spent at most."),
            error.code,
        )
    return problem_of(error)


def _judged(candidates: tuple[Candidate, ...]) -> tuple[str, ...]:
    return tuple(one.name for one in candidates if one.taking_part)


def _names(workspace: Workspace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Contestants and judges that the workspace knows; models of endpoints are typed after a colon."""
    from sqlalchemy import select

    with workspace.catalogue.reading() as session:
        models = session.execute(select(Model.name, Model.kind).order_by(Model.created_at, Model.name)).all()
        endpoints = list(session.scalars(select(Endpoint.name).order_by(Endpoint.name)))
    full = [name for name, kind in models if kind != "adapter"]
    apis = [f"{name}:" for name in dict.fromkeys((*endpoints, _OPENAI))]
    tuned = [name for name, _ in models]
    untuned = [f"{prefix}{name}" for name in full for prefix in ("untuned:", "fewshot:")]
    return (*tuned, *untuned, "dataset", *apis), (REFERENCE, *(f"{_LOCAL}{name}" for name in tuned), *apis)


def _outcome(workspace: Workspace, job: str) -> Outcome | None:
    """How a job has ended, when it has."""
    if not job:
        return None
    directory = JobDirectory(workspace.jobs / job)
    try:
        request, status = directory.request(), directory.status()
        result = directory.result()
    except (BakeoffError, OSError):
        return None
    if status.state not in ("done", "failed", "stopped", "paused"):
        return None
    summary = dict(result["summary"]) if result is not None else {}
    summary["outputs"] = len(summary.get("outputs", ()))
    return Outcome(request.kind, status.state, summary, status.error)
