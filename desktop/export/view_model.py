"""An export from what is typed to the file, and what was found out about it. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from PySide6.QtCore import QObject, Signal, Slot

from desktop.export.planning import Contents, Draft, Options, read_contents, read_options, request_of
from desktop.feed import JobRow
from desktop.language import tr
from desktop.problem import Problem, problem_of_record
from desktop.services import Services
from desktop.view_model import ViewModel

Stage = Literal["asking", "starting", "making", "done", "failed"]

_NO_OPTIONS: Final = Options()
_NO_CONTENTS: Final = Contents()


@dataclass(frozen=True)
class ExportState:
    """What the dialog shows.

    Attributes:
        draft: Of which ``contents`` tells.
        summary: What was made; empty until then.
        problem: Why it failed.
    """

    options: Options = _NO_OPTIONS
    contents: Contents = _NO_CONTENTS
    draft: Draft | None = None
    stage: Stage = "asking"
    job: JobRow | None = None
    summary: tuple[tuple[str, Any], ...] = ()
    problem: Problem | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being done."""
        return self.stage in ("starting", "making")


class ExportModel(ViewModel[ExportState]):
    """Plans an export and has it made by a job, which goes on when the dialog is closed."""

    #: It is done, or has failed.
    rested = Signal()

    def __init__(self, services: Services, draft: Draft, parent: QObject | None = None) -> None:
        super().__init__(services, ExportState(), parent)
        self.draft = draft
        self._stage: Stage = "asking"
        self._job = ""
        self._summary: dict[str, Any] = {}
        self._problem: Problem | None = None
        services.feed.jobs_changed.connect(self._jobs_changed)

    def read(self) -> Callable[[], ExportState]:
        """See `ViewModel`."""
        workspace, draft, before = self.services.workspace, self.draft, self.state
        asking = self._stage in ("asking", "failed")

        def read() -> ExportState:
            options = read_options(workspace, draft)
            # While it is being made, its place is not free, and that is no fault.
            contents = read_contents(workspace, draft) if asking else before.contents
            return ExportState(options, contents, draft if asking else before.draft)

        return read

    @property
    def reckoned(self) -> bool:
        """Whether the contents are those of what is typed by now."""
        return self.state.draft == self.draft

    @property
    def can_start(self) -> bool:
        """Whether it can be started as it is typed."""
        state = self.state
        return not state.busy and state.stage != "done" and self.reckoned and state.contents.problem is None

    def use(self, state: ExportState) -> None:
        """See `ViewModel`; how far it is, this thread knows best."""
        super().use(
            replace(
                state,
                stage=self._stage,
                job=self.services.feed.job(self._job) if self._job else None,
                summary=tuple(self._summary.items()),
                problem=self._problem,
            )
        )

    def change(self, **changes: Any) -> None:
        """Something else is typed."""
        fresh = replace(self.draft, **changes)
        if fresh != self.draft:
            self.draft = fresh
            self.changed.emit()
            self.refresh()

    def start(self) -> None:
        """Have it made."""
        if not self.can_start:
            return
        workspace, client, draft = self.services.workspace, self.services.client, self.draft
        self._problem = None
        self._go("starting")

        def begin() -> str:
            return client.begin(*request_of(workspace, draft)).id

        def begun(job: str) -> None:
            self._job = job
            self._go("making")
            self._jobs_changed()
            self.services.feed.look()

        self.services.background.run(self, begin, begun, self._fail)

    @Slot()
    def _jobs_changed(self) -> None:
        job = self.services.feed.job(self._job) if self._stage == "making" else None
        if job is None:
            return
        self.use(self.state)
        if job.state == "done":
            client, number = self.services.client, self._job
            # Also lets the catalogue take over the file, should the runner not have done so yet.
            self.services.background.run(
                self, lambda: client.wait(client.job(number)), self._made, self._fail
            )
        elif job.state in ("failed", "stopped"):
            stopped = Problem("", tr("The job was stopped."))
            problem = problem_of_record(job.error) if job.error else stopped
            self._fail(replace(problem, title=tr("The export was not made")))

    def _made(self, summary: dict[str, Any]) -> None:
        if self._stage != "making":  # told already
            return
        self._summary = summary
        self._go("done")
        self.told.emit(tr("{model} has been exported.", model=self.draft.model))
        self.rested.emit()

    def _fail(self, problem: Problem) -> None:
        self._problem = problem
        self._go("failed")
        self.refresh()
        self.rested.emit()

    def _go(self, stage: Stage) -> None:
        self._stage = stage
        self.use(self.state)
