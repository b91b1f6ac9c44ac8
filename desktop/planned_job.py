"""Something that is planned while it is typed and then made by a job, as an export or a release is. No widgets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from desktop.feed import JobRow
from desktop.language import tr
from desktop.problem import Problem, problem_of_record
from desktop.services import Services
from desktop.view_model import ViewModel


class Planned(Protocol):
    """What would be made of what is typed."""

    @property
    def problem(self) -> Problem | None:
        """Why it cannot be made like this."""


class PlannedState(Protocol):
    """What such a dialog shows."""

    @property
    def contents(self) -> Planned:
        """The plan of ``draft``."""

    @property
    def draft(self) -> Any:
        """What was typed when the plan was made."""

    @property
    def busy(self) -> bool:
        """Whether something is being done."""


State = TypeVar("State", bound=PlannedState)
Draft = TypeVar("Draft")


class PlannedJob(ViewModel[State], Generic[State, Draft]):
    """From what is typed to what its job has made; it may outlive its dialog.

    A subclass names its stages: ``asking`` until it is started, ``done`` and ``failed`` at its end, and between them
    those of `following`, while a job is at work.

    Args:
        services: See `Services`.
        state: Shown until the first one was read.
        draft: What is typed at first.
    """

    #: It is done, or has failed; nothing more will happen by itself.
    rested = Signal()
    #: Stages in which a job is at work.
    following: frozenset[str] = frozenset({"making"})

    def __init__(self, services: Services, state: State, draft: Draft, parent: QObject | None = None) -> None:
        super().__init__(services, state, parent)
        self.draft = draft
        self._stage: Any = "asking"
        self._job = ""
        self._problem: Problem | None = None
        services.feed.jobs_changed.connect(self._jobs_changed)

    @property
    def asking(self) -> bool:
        """Whether it may still be typed otherwise."""
        return self._stage in ("asking", "failed")

    @property
    def reckoned(self) -> bool:
        """Whether the plan is that of what is typed by now."""
        return bool(self.state.draft == self.draft)

    @property
    def can_start(self) -> bool:
        """Whether it can be started as it is typed."""
        state = self.state
        free = not state.busy and self._stage != "done"
        return free and self.reckoned and state.contents.problem is None

    def change(self, **changes: Any) -> None:
        """Something else is typed."""
        fresh = replace(self.draft, **changes)  # type: ignore[type-var]
        if fresh != self.draft:
            self.draft = fresh
            self.changed.emit()
            self.refresh()

    def job(self) -> JobRow | None:
        """The job that is at work, or was last."""
        return self.services.feed.job(self._job) if self._job else None

    def follow(self, job: str, stage: str) -> None:
        """A job has been begun; `arrived` gets its result."""
        self._job = job
        self.go(stage)
        self._jobs_changed()
        self.services.feed.look()

    def arrived(self, stage: str, summary: dict[str, Any]) -> None:
        """The job of a stage has made what it should."""
        raise NotImplementedError

    def failure(self, stage: str) -> str:
        """What is said where the job of a stage failed."""
        raise NotImplementedError

    def fail(self, problem: Problem) -> None:
        """It has failed, and may be typed otherwise."""
        self._problem = problem
        self.go("failed")
        self.refresh()
        self.rested.emit()

    def go(self, stage: str) -> None:
        """Be at another stage."""
        self._stage = stage
        self.use(self.state)

    @Slot()
    def _jobs_changed(self) -> None:
        stage = self._stage
        job = self.job() if stage in self.following else None
        if job is None:
            return
        self.use(self.state)
        if job.state == "done":
            self.go("finishing")
            client = self.services.client
            # Also lets the catalogue take over the files, should the runner not have done so yet.
            self.services.background.run(
                self,
                lambda: client.wait(client.job(job.id)),
                lambda summary: self.arrived(stage, summary),
                self.fail,
            )
        elif job.state in ("failed", "stopped"):
            stopped = Problem("", tr("The job was stopped."))
            problem = problem_of_record(job.error) if job.error else stopped
            self.fail(replace(problem, title=self.failure(stage)))
