"""What can be trained, the plan of what is typed, and the course of the runs. Knows no widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError
from PySide6.QtCore import QObject, QTimer, Signal, Slot
from sqlalchemy import select

from desktop.feed import JobRow
from desktop.language import tr
from desktop.pages.train.curves import Curves, Follower
from desktop.pages.train.form import parse
from desktop.pages.train.planner import PlanProcess
from desktop.services import Services
from desktop.view_model import ViewModel
from engine.jobs.directory import Action, JobDirectory
from engine.models.library import default_base
from engine.training.planning import prepare, run_title, usual_name
from engine.training.recipe_file import read_recipe, write_recipe
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace.naming import require_free
from engine.workspace.tables import Dataset, Model

#: Milliseconds between two readings of a running job: twice a second, of the five that a chart may be drawn.
_EVERY: Final = 500
#: How many runs are listed.
_RUNS: Final = 60
_NO_CURVES: Final = Curves()


@dataclass(frozen=True)
class Run:
    """A training run, with its curves where it is shown or compared.

    Attributes:
        check: Loss on the examples that are held back, of a run that is done and held some back.
    """

    job: JobRow
    base: str = ""
    dataset: str = ""
    name: str = ""
    check: float | None = None
    curves: Curves = _NO_CURVES


@dataclass(frozen=True)
class TrainState:
    """What the page shows.

    Attributes:
        datasets: Names and how many examples there are to train on.
        runs: The newest first.
        chosen: Ids of those that are shown; the first is told in full.
    """

    bases: tuple[str, ...] = ()
    datasets: tuple[tuple[str, int], ...] = ()
    default: str = ""
    runs: tuple[Run, ...] = ()
    chosen: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Run, ...]:
        """The chosen runs, in the order in which they were chosen."""
        found = {run.job.id: run for run in self.runs}
        return tuple(found[one] for one in self.chosen if one in found)


@dataclass(frozen=True)
class Draft:
    """What is typed, and what it would be.

    Attributes:
        wrong: What is wrong, per field of the recipe.
        state: Of the estimate.
    """

    base: str = ""
    dataset: str = ""
    name: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    state: Literal["nothing", "asking", "planned", "refused"] = "nothing"
    plan: Mapping[str, Any] = field(default_factory=dict)


class TrainModel(ViewModel[TrainState]):
    """Plans and starts runs, and follows them."""

    #: The draft is another one.
    drafted = Signal()
    #: Settings were read; carries the recipe.
    opened = Signal(object)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, TrainState(), parent)
        self.draft = Draft()
        self._wanted: tuple[str, ...] = ()
        self._specs: dict[str, dict[str, Any]] = {}
        self._checks: dict[str, float | None] = {}
        self._followers: dict[str, Follower] = {}
        self._planner = PlanProcess(services.workspace, self)
        self._planner.planned.connect(self._planned)
        self._planner.refused.connect(self._refused)
        self._timer = QTimer(self, interval=_EVERY)
        self._timer.timeout.connect(self._tick)

    def show(self) -> None:
        """See `ViewModel`."""
        if not self.shown:
            self.services.feed.jobs_changed.connect(self.refresh)
            self._timer.start()
            self._ask()
        super().show()

    def hide(self) -> None:
        """See `ViewModel`."""
        if self.shown:
            self.services.feed.jobs_changed.disconnect(self.refresh)
            self._timer.stop()
            self._planner.close()
        super().hide()

    def read(self) -> Callable[[], TrainState]:
        """See `ViewModel`."""
        workspace = self.services.workspace
        jobs = [job for job in self.services.feed.jobs if job.kind == "train"][: -_RUNS - 1 : -1]
        ids = [job.id for job in jobs]
        wanted = tuple(one for one in self._wanted if one in ids) or tuple(_first(jobs))
        # Only ever used by one reading at a time.
        specs, checks, followers = self._specs, self._checks, self._followers

        def read() -> TrainState:
            with workspace.catalogue.reading() as session:
                bases = session.scalars(
                    select(Model.name).where(Model.kind != "adapter").order_by(Model.created_at, Model.name)
                ).all()
                datasets = [
                    (row.name, int(row.manifest.get("counts", {}).get("train", 0)))
                    for row in session.scalars(select(Dataset).order_by(Dataset.created_at, Dataset.name))
                ]
            runs = []
            for job in jobs:
                directory = JobDirectory(workspace.jobs / job.id)
                if job.id not in specs:
                    specs[job.id] = directory.request().spec
                if job.state == "done" and job.id not in checks:
                    checks[job.id] = ((directory.result() or {}).get("summary") or {}).get("eval_loss")
                curves = Curves()
                if job.id in wanted:
                    curves = followers.setdefault(job.id, Follower(directory)).read()
                spec = specs[job.id]
                check = checks.get(job.id)
                runs.append(Run(job, spec["base"], spec["dataset"], spec["name"], check, curves))
            return TrainState(
                tuple(bases), tuple(datasets), default_base(workspace) or "", tuple(runs), wanted
            )

        return read

    def choose(self, job_ids: tuple[str, ...]) -> None:
        """Show these runs."""
        if job_ids and job_ids != self.state.chosen:
            self._wanted = job_ids
            self.refresh()

    def change(self, **changes: Any) -> None:
        """The draft is another one: ``base``, ``dataset``, ``name`` or ``typed``."""
        fresh = replace(self.draft, **changes)
        if fresh != self.draft:
            self.draft = fresh
            self._ask()

    @property
    def suggestion(self) -> str:
        """The name of a run that is given none."""
        base, dataset = self.draft.base, self.draft.dataset
        return usual_name(base, dataset) if base and dataset else ""

    def start(self) -> None:
        """Queue the run of the draft."""
        recipe, wrong = parse(self.draft.typed)
        if recipe is None or wrong:
            return
        services, draft = self.services, self.draft

        def submit() -> str:
            spec = prepare(services.workspace, draft.base, draft.dataset, draft.name or None, recipe)
            with services.workspace.catalogue.reading() as rows:
                require_free(rows, Model, spec.name)
            job = services.client.submit("train", spec, run_title(spec))
            services.client.ensure_runner(job)
            return job.id

        self.do(submit, self._started)

    def open_recipe(self, file: Path) -> None:
        """Read settings from a file."""
        self.do(lambda: read_recipe(file, {}), self.opened.emit)

    def save_recipe(self, file: Path) -> None:
        """Write the draft's settings into a file."""
        recipe, _ = parse(self.draft.typed)
        if recipe is not None:
            saved = tr("{file} has been written.", file=file.name)
            self.do(lambda: write_recipe(recipe, file), lambda _: self.told.emit(saved))

    def take_over(self) -> None:
        """Take over the settings of the run that is shown."""
        run = next(iter(self.state.shown), None)
        if run is not None:
            try:
                recipe = TrainRecipe.model_validate(self._specs[run.job.id]["recipe"])
            except ValidationError:
                self.told.emit(
                    tr("Another version of Bakeoff has made this run; its settings are not known here.")
                )
                return
            self.opened.emit(recipe)

    def ask(self, job_id: str, action: Action) -> None:
        """Pause, resume, stop or finish a run."""
        client = self.services.client
        self.do(lambda: client.ask(client.job(job_id), action))

    def _started(self, job_id: str) -> None:
        self._wanted = (job_id,)
        self.told.emit(tr("The run is in the queue."))

    def _ask(self) -> None:
        """Ask for the plan of the draft."""
        draft = self.draft
        recipe, wrong = parse(draft.typed)
        if recipe is not None and draft.base and draft.dataset:
            name = draft.name or self.suggestion
            self.draft = replace(draft, wrong={}, state="asking")
            self._planner.ask(
                TrainSpec(base=draft.base, dataset=draft.dataset, name=name[:100], recipe=recipe)
            )
        else:
            self.draft = replace(draft, wrong=wrong, state="nothing", plan={})
            self._planner.ask(None)
        self.drafted.emit()

    @Slot(object)
    def _planned(self, plan: dict[str, Any]) -> None:
        self.draft = replace(self.draft, state="planned", plan=plan)
        self.drafted.emit()

    @Slot(object)
    def _refused(self, error: dict[str, Any]) -> None:
        self.draft = replace(self.draft, state="refused", plan=error)
        self.drafted.emit()

    @Slot()
    def _tick(self) -> None:
        if not self.services.feed.waits and any(run.job.state == "running" for run in self.state.shown):
            self.refresh()


def _first(jobs: list[JobRow]) -> list[str]:
    """The run that is shown where none was chosen: one that runs, else the newest."""
    running = [job.id for job in jobs if job.state == "running"]
    return running[:1] or [job.id for job in jobs[:1]]
