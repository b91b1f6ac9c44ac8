"""The jobs of a study: submitted under fixed ids, so that a study that starts again finds what it has done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select

from engine.files import sha256_json
from engine.jobs.client import JobClient, JobFailedError
from engine.jobs.context import JobContext, JobInterruptedError
from engine.jobs.directory import AT_REST, JobDirectory, Status
from engine.jobs.kinds import Lane
from engine.studies.errors import StudyError
from engine.studies.pace import pace, share_of
from engine.studies.result import StepResult
from engine.workspace.naming import slug
from engine.workspace.tables import Dataset, Model


@dataclass(frozen=True)
class Step:
    """A job of the study, submitted.

    Attributes:
        key: What it is in the study, for example ``train intents smollm2``.
        planned_seconds: What the plan expected.
    """

    key: str
    job: JobDirectory
    planned_seconds: float


class Steps:
    """Submits and awaits the jobs of one study.

    Args:
        context: The study's own job.
        study: Its name.
        planned: Seconds that the plan expects in all, for showing progress.
    """

    def __init__(self, context: JobContext, study: str, planned: float) -> None:
        self._context = context
        self._study = study
        self._client = JobClient(context.workspace)
        self._planned = planned
        self._done_seconds = 0.0
        #: What each finished step was planned to take, and how it stands.
        self._taken: list[tuple[float, Status]] = []
        self.finished: list[StepResult] = []

    def submit(
        self,
        key: str,
        kind: str,
        spec: BaseModel,
        title: str,
        seconds: float,
        *,
        lane: Lane | None = None,
        own_runner: bool = False,
        budget_usd: float | None = None,
    ) -> Step:
        """Queue a step (see `JobClient.submit`), or take up the one of an earlier attempt with the same spec.

        A step's share of the budget depends on what others have cost, so it is the same step with another
        share; with another budget of the whole study, ``budget_usd``, it is not.
        """
        job_id = self._id(key, kind, spec, budget_usd)
        job = self._client.submit(
            kind,
            spec,
            title,
            lane=lane,
            study=self._study,
            job_id=job_id,
            own_runner=own_runner,
        )
        if job.status().state in AT_REST - {"done"}:
            job.ask("resume")
        return Step(key, job, seconds)

    def is_done(self, key: str, kind: str, spec: BaseModel) -> bool:
        """Whether an earlier attempt has finished this step."""
        path = self._context.workspace.jobs / self._id(key, kind, spec, None)
        return path.is_dir() and JobDirectory(path).status().state == "done"

    def _id(self, key: str, kind: str, spec: BaseModel, budget_usd: float | None) -> str:
        words = spec.model_dump(mode="json")
        if words.get("budget_usd") is not None:
            words["budget_usd"] = budget_usd
        digest = sha256_json({"kind": kind, "spec": words})[:8]
        return f"{slug(self._study)[:28]}.{slug(key)[:48]}.{digest}"

    def run(self, steps: Sequence[Step]) -> list[dict[str, Any]]:
        """Wait until all steps are done; returns their summaries in order.

        Raises:
            StudyError: A step failed; what is done stays done, and running the study again retries it.
            JobInterruptedError: The study is to pause or stop; its steps are parked first.
        """
        by_id = {step.job.id: step for step in steps}
        fresh = [step.job for step in steps if step.job.status().state != "done"]
        for step in steps:
            if step.job not in fresh:
                self._settle(step)
        started: set[str] = set()
        try:
            for job, event in self._client.follow(fresh, on_rest=lambda job: self._done(by_id[job.id])):
                self._context.check()
                if event is None:
                    if job.status().state == "running":
                        if job.id not in started:
                            started.add(job.id)
                            self._context.event("study.step", title=job.request().title, job=job.id)
                        self._show(by_id[job.id])
                elif event.type in ("job.worker_lost", "warning"):
                    self._context.event(event.type, **event.data, job=job.id)
        except JobInterruptedError:
            self._client.park(fresh)
            raise
        return [self._summary(step) for step in steps]

    def model_of(self, step: Step) -> str:
        """The name under which the catalogue knows the model that a step made."""
        return self._name_of(step, Model)

    def dataset_of(self, step: Step) -> str:
        """The name of the dataset that a step imported."""
        return self._name_of(step, Dataset)

    def _name_of(self, step: Step, table: type[Model] | type[Dataset]) -> str:
        with self._context.workspace.catalogue.reading() as session:
            name = session.scalar(select(table.name).where(table.job_id == step.job.id))
        if name is None:
            raise StudyError(
                "study.product_gone",
                "What the step '{step}' made has been removed from the workspace.",
                fix="Run the study under another name to make it again.",
                step=step.key,
            )
        return name

    def _done(self, step: Step) -> None:
        """Book a step that has come to rest, if it is done; one that failed is told when all are at rest."""
        if step.job.status().state == "done":
            self._settle(step)

    def _summary(self, step: Step) -> dict[str, Any]:
        """What a step found."""
        try:
            return self._client.finished(step.job)
        except JobFailedError as error:
            raise StudyError(
                error.code,
                "The step '{step}' failed: {reason}",
                fix="{fix_of_step} Then run the study again: it continues there.",
                step=step.job.request().title,
                reason=error,
                fix_of_step=error.way_out,
                job=step.job.id,
            ) from error

    def _settle(self, step: Step) -> None:
        """Book a finished step."""
        summary, status, request = self._summary(step), step.job.status(), step.job.request()
        seconds = status.seconds or 0.0
        self._done_seconds += step.planned_seconds
        self._taken.append((step.planned_seconds, status))
        self.finished.append(
            StepResult(
                step=step.key,
                title=request.title,
                kind=request.kind,
                job=step.job.id,
                seconds=round(seconds, 2),
                planned_seconds=round(step.planned_seconds, 1),
                summary={key: value for key, value in summary.items() if key != "outputs"},
            )
        )
        self._context.event("study.step_done", title=request.title, seconds=round(seconds, 1))
        self._tell(self._done_seconds, self._taken)

    def _show(self, step: Step) -> None:
        """Progress of the study with that of the step that runs."""
        status = step.job.status()
        done = self._done_seconds + share_of(status) * step.planned_seconds
        taken = [*self._taken, (step.planned_seconds, status)]
        self._tell(done, taken, current=step.job.request().title, step=status.progress)

    def _tell(self, done: float, taken: list[tuple[float, Status]], **data: Any) -> None:
        done = min(done, self._planned)
        left = round((self._planned - done) * pace(taken, self._planned), 1)
        self._context.progress(done, self._planned, "planned seconds", seconds_left=left, **data)
