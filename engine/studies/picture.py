"""How a study stands, as one picture: who, on which tasks, how far each cell is, what comes next, time and money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from engine.errors import BakeoffError, words_of
from engine.jobs.directory import JobDirectory, all_jobs
from engine.studies.lines import state_of, status_of
from engine.studies.pace import pace, share_of
from engine.studies.paid import is_endpoint, spent_usd
from engine.studies.plan import plan_study
from engine.studies.planned import Plan, PlannedJob
from engine.studies.result import AnswerFigures, StudyResult
from engine.studies.spec import Study, StudySpec
from engine.workspace import Workspace
from engine.workspace.naming import slug, study_named

CellState = Literal[
    "waiting",
    "queued",
    "training",
    "trained",
    "answering",
    "answered",
    "judging",
    "judged",
    "paused",
    "failed",
    "sealed",
    "none",
]
EntrantKind = Literal["base", "merge", "reference"]

#: The plan's phases, gathered to those that a person follows.
_PHASES: Final[Mapping[str, tuple[str, ...]]] = {
    "prepare": ("prepare",),
    "tune": ("fine-tune",),
    "answer": ("answer bases",),
    "choose": ("choose bases",),
    "merge": ("merge", "fine-tune merges", "answer merges", "choose merges"),
    "judge": ("rank",),
    "validate": ("validate",),
}


@dataclass(frozen=True)
class Cell:
    """One entrant on one task.

    Attributes:
        share: How far what is being done is, from 0 to 1.
        points: Share of the points won there against all others: a win counts one, a tie a half.
        metric: Mean of the task's metric, from 0 to 1.
        job: What does it, or did it last.
    """

    state: CellState
    share: float | None = None
    points: float | None = None
    metric: float | None = None
    job: str = ""


@dataclass(frozen=True)
class Entrant:
    """A row of the picture.

    Attributes:
        cells: One for each task, in their order.
        places: Best and worst place that it may have on average; None until it is known.
    """

    name: str
    kind: EntrantKind
    cells: tuple[Cell, ...]
    places: tuple[int, int] | None = None


@dataclass(frozen=True)
class TaskColumn:
    """A column of the picture."""

    name: str
    sealed: bool
    metric: str = ""


@dataclass(frozen=True)
class Phase:
    """A phase of the loop, and how far it is."""

    key: str
    share: float


@dataclass(frozen=True)
class StudyPicture:
    """Everything about a study at one moment.

    Attributes:
        state: Of its job; ``interrupted`` for one whose worker and runner have died.
        now: Titles of what runs; ``next`` of what follows.
        seconds_left: Expected, by the plan and how long its jobs took so far; None when nothing runs on.
        ceiling_usd: What it may cost; ``forecast_usd`` what it is expected to cost in all.
        error: The ``error`` object of the command line, when failed.
        result: When it is finished.
        by_hand: Whether its sealed task waits for somebody to open it, once everything else is done.
        can_open: The sealed task that somebody can open now; empty: none.
    """

    name: str
    about: str
    state: str
    job: str
    judge: str
    tasks: tuple[TaskColumn, ...] = ()
    entrants: tuple[Entrant, ...] = ()
    phases: tuple[Phase, ...] = ()
    now: tuple[str, ...] = ()
    next: str = ""
    share: float = 0.0
    seconds_left: float | None = None
    cost_usd: float = 0.0
    ceiling_usd: float | None = None
    forecast_usd: float = 0.0
    error: dict[str, Any] | None = field(default=None, hash=False)
    result: StudyResult | None = field(default=None, hash=False)
    by_hand: bool = False
    can_open: str = ""


def study_picture(workspace: Workspace, name: str) -> StudyPicture:
    """How the study ``name`` stands.

    Raises:
        BakeoffError: There is none of this name.
    """
    with workspace.catalogue.reading() as rows:
        row = study_named(rows, name)
        definition, job_id, document = row.definition, row.job_id, row.result
    spec = StudySpec.model_validate(definition)
    job = JobDirectory(workspace.jobs / job_id)
    return _Painter(workspace, spec.study, job, document).paint()


class _Painter:
    """Puts together what plan, jobs and result say."""

    def __init__(
        self, workspace: Workspace, study: Study, job: JobDirectory, document: dict[str, Any]
    ) -> None:
        self._workspace = workspace
        self._study = study
        self._job = job
        self._status = status_of(job)
        self._result = StudyResult.model_validate(document) if document else None
        self._jobs = _jobs_of(workspace, study.name, job.id)
        self._plan = _planned(workspace, study, job)
        there = [slug(one.key)[:48] in self._jobs for one in self._plan.jobs]
        last = max((place for place, is_there in enumerate(there) if is_there), default=-1)
        #: Steps that were planned and not needed, because what they make was there: later ones have begun.
        self._skipped = {
            one.key
            for place, (one, is_there) in enumerate(zip(self._plan.jobs, there, strict=True))
            if place < last and not is_there
        }

    def paint(self) -> StudyPicture:
        """The picture."""
        study, result = self._study, self._result
        state = state_of(self._workspace, self._job, self._status, {"winner": 1} if result else {})
        done = state == "done"
        metrics = {task.dataset: task.metric_title for task in (result.tasks if result else [])}
        if result is not None and result.validation is not None:
            metrics[result.validation.dataset] = result.validation.task.metric_title
        running = [job for job in self._plan.jobs if self._state_of(job.key) == "running"]
        waiting = [job for job in self._plan.jobs if self._state_of(job.key) not in ("running", "done")]
        left, share = self._left()
        return StudyPicture(
            name=study.name,
            about=study.about,
            state=state,
            job=self._job.id,
            judge=study.judging.judge,
            tasks=tuple(
                TaskColumn(task.dataset, task.sealed, metrics.get(task.dataset, "")) for task in study.tasks
            ),
            entrants=tuple(self._entrants()),
            phases=tuple(self._phases(done=done)),
            now=tuple(self._title(job) for job in running) if not done else (),
            next=self._title(waiting[0]) if waiting and not done else "",
            share=1.0 if done else share,
            seconds_left=left if state in ("running", "queued") else None,
            cost_usd=spent_usd(self._workspace, study.name),
            ceiling_usd=study.budget_usd,
            forecast_usd=self._plan.usd,
            error=self._status.error if state == "failed" else None,
            result=result,
            by_hand=study.sealed_task() is not None and study.opening == "by_hand",
            can_open=result.still_sealed if done and result is not None else "",
        )

    # --- who, and each cell ----------------------------------------------------------------------

    def _entrants(self) -> Iterable[Entrant]:
        study = self._study
        for base in study.bases:
            yield self._entrant(base.name, base.name, "base", "bases")
        for number, recipe in enumerate(study.merging.recipes if study.merging else [], start=1):
            key = f"merge {number}"
            known = [
                one.name for one in (self._result.entrants if self._result else []) if one.kind == "merge"
            ]
            made = self._jobs.get(slug(key)[:48])
            name = (
                known[number - 1]
                if number <= len(known)
                else str(made.request().spec.get("name"))
                if made is not None
                else f"{recipe if isinstance(recipe, str) else 'merge'} {number}"
            )
            yield self._entrant(name, key, "merge", "merges")
        for reference in study.references:
            yield self._entrant(reference, reference, "reference", "bases")

    def _entrant(self, name: str, key: str, kind: EntrantKind, who: str) -> Entrant:
        cells = []
        for task in self._study.tasks:
            if task.sealed:
                cells.append(self._sealed_cell(name, task.dataset))
            else:
                cells.append(self._with_result(self._cell(key, kind, who, task.dataset), name, task.dataset))
        places = None
        for row in (self._result.ranking if self._result else {}).get("contestants", []):
            if row["name"] == name and row["rank_lo"] is not None:
                places = (int(row["rank_lo"]), int(row["rank_hi"]))
        return Entrant(name, kind, tuple(cells), places)

    def _cell(self, key: str, kind: EntrantKind, who: str, task: str) -> Cell:
        judging = (f"rank judge {task}",)
        if kind == "reference":
            endpoint = is_endpoint(key)
            answering = (
                (f"api {task} {key}",) if endpoint else (f"export bases {task}", f"answer bases {task}")
            )
            return self._after_training(Cell("waiting"), answering, judging)
        keys = [job.key for job in self._plan.jobs if _trains(job.key, task, key)]
        states = [self._state_of(one) for one in keys]
        jobs = [found for one in keys if (found := self._jobs.get(slug(one)[:48])) is not None]
        last = jobs[-1].id if jobs else ""
        for state in ("failed", "running", "paused", "stopped"):
            if state in states:
                shares = [self._share_of(one) for one in keys]
                shown: CellState = (
                    "failed" if state == "failed" else "training" if state == "running" else "paused"
                )
                return Cell(shown, sum(shares) / len(shares), job=jobs[states.index(state) % len(jobs)].id)
        if not keys or any(state != "done" for state in states):
            return Cell("queued" if jobs else "waiting", job=last)
        since = max((one.request().created for one in jobs), default=0.0)
        answering = (f"export {who} {task}", f"answer {who} {task}")
        return self._after_training(Cell("trained", job=last), answering, judging, since)

    def _after_training(
        self, cell: Cell, answering: tuple[str, ...], judging: tuple[str, ...], since: float = 0.0
    ) -> Cell:
        """How far answers and verdicts are; those from before the training ``since`` know nothing of this entrant."""
        for key in judging:
            state, job = self._state_of(key), self._jobs.get(slug(key)[:48])
            if job is not None and job.request().created >= since and state in ("running", "done", "failed"):
                shown: CellState = (
                    "judging" if state == "running" else "judged" if state == "done" else "failed"
                )
                return Cell(shown, self._share_of(key) if state == "running" else None, job=job.id)
        for key in reversed(answering):
            state, job = self._state_of(key), self._jobs.get(slug(key)[:48])
            if job is None or job.request().created < since:
                continue
            if state in ("running", "failed"):
                answers = "answering" if state == "running" else "failed"
                return Cell(answers, self._share_of(key) if state == "running" else None, job=job.id)  # type: ignore[arg-type]
            if state == "done" and key == answering[-1]:
                return Cell("answered", job=job.id)
        return cell

    def _with_result(self, cell: Cell, name: str, task: str) -> Cell:
        """The same cell with what it found."""
        result = self._result
        found = next((one for one in result.tasks if one.dataset == task), None) if result else None
        if result is None or found is None:
            return cell
        rows = result.ranking.get("tasks", {}).get(task, {}).get("contestants", [])
        return _judged(cell, name, found.figures, rows, by_entrant=False)

    def _sealed_cell(self, name: str, task: str) -> Cell:
        result = self._result
        validation = result.validation if result else None
        if validation is not None:
            if name not in (validation.first, validation.second):
                return Cell("none")
            rows = validation.ranking.get("contestants", [])
            return _judged(Cell("judged"), name, validation.task.figures, rows, by_entrant=True)
        return Cell("none" if result is not None and not result.still_sealed else "sealed")

    # --- how far ---------------------------------------------------------------------------------

    def _phases(self, *, done: bool) -> Iterable[Phase]:
        for key, names in _PHASES.items():
            jobs = [job for job in self._plan.jobs if job.phase in names]
            if jobs:
                planned = sum(job.seconds for job in jobs) or 1.0
                share = sum(job.seconds * self._share_of(job.key) for job in jobs) / planned
                yield Phase(key, 1.0 if done else min(1.0, share))

    def _left(self) -> tuple[float, float]:
        """Seconds left, and the share that is done."""
        planned = sum(job.seconds for job in self._plan.jobs) or 1.0
        done = sum(job.seconds * self._share_of(job.key) for job in self._plan.jobs)
        begun = [(job.seconds, self._jobs.get(slug(job.key)[:48])) for job in self._plan.jobs]
        left = pace(((seconds, status_of(found)) for seconds, found in begun if found is not None), planned)
        left *= max(0.0, planned - done)
        return left, min(1.0, done / planned)

    def _state_of(self, key: str) -> str:
        """The state of a step; ``done`` also for one that was not needed, empty where none was submitted yet."""
        job = self._jobs.get(slug(key)[:48])
        if job is None:
            return "done" if key in self._skipped else ""
        status = status_of(job)
        deserted = status.state == "running" and job.deserted(self._workspace.runner_lock)
        return "paused" if deserted else status.state

    def _share_of(self, key: str) -> float:
        if self._state_of(key) == "done":
            return 1.0
        job = self._jobs.get(slug(key)[:48])
        return share_of(status_of(job)) if job is not None else 0.0

    def _title(self, planned: PlannedJob) -> str:
        """A job's own title, where there is one: it knows the names of merges and finalists."""
        job = self._jobs.get(slug(planned.key)[:48])
        if job is None:
            return planned.title
        request = job.request()
        return words_of(request.title_words) if request.title_words else request.title


def _judged(
    cell: Cell, name: str, figures: list[AnswerFigures], rows: list[dict[str, Any]], *, by_entrant: bool
) -> Cell:
    own = [one for one in figures if one.entrant == name]
    names = {name} if by_entrant else {one.contestant for one in own}
    won = compared = 0.0
    for row in rows:
        if row["name"] in names:
            won += row["wins"] + row["ties"] / 2
            compared += row["wins"] + row["ties"] + row["losses"]
    return Cell(
        "judged" if compared else cell.state,
        None,
        won / compared if compared else None,
        sum(one.metric for one in own) / len(own) if own else None,
        cell.job,
    )


def _trains(key: str, task: str, name: str) -> bool:
    """Whether a planned job trains ``name`` on ``task``, in whichever repeat."""
    whole = f"train {task} {name}"
    return key == whole or (key.startswith(f"{whole} #") and key[len(whole) + 2 :].isdigit())


def _jobs_of(workspace: Workspace, study: str, own: str) -> dict[str, JobDirectory]:
    """The newest job of each step (see `engine.studies.steps`), by the middle of its id."""
    prefix = f"{slug(study)[:28]}."
    found: dict[str, tuple[float, JobDirectory]] = {}
    for job in all_jobs(workspace.jobs):
        if not job.id.startswith(prefix) or job.id == own:
            continue
        try:
            request = job.request()
        except BakeoffError:
            continue
        if request.study != study or request.kind == "study":
            continue
        key = job.id.removeprefix(prefix).rpartition(".")[0]
        if key not in found or found[key][0] <= request.created:
            found[key] = (request.created, job)
    return {key: job for key, (_, job) in found.items()}


def _planned(workspace: Workspace, study: Study, job: JobDirectory) -> Plan:
    """The plan with which the study began; what it would be now, if it has not."""
    for event in job.reader().new():
        if event.type == "study.plan":
            return Plan(study.name, [PlannedJob(**one) for one in event.data["jobs"]], event.data["notes"])
    return plan_study(study, workspace)
