"""An export from what is typed to the file, and what was found out about it. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from PySide6.QtCore import QObject

from desktop.export.planning import Contents, Draft, Options, read_contents, read_options, request_of
from desktop.feed import JobRow
from desktop.language import tr
from desktop.planned_job import PlannedJob
from desktop.problem import Problem
from desktop.services import Services

Stage = Literal["asking", "starting", "making", "finishing", "done", "failed"]

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
        return self.stage in ("starting", "making", "finishing")


class ExportModel(PlannedJob[ExportState, Draft]):
    """Plans an export and has it made by a job, which goes on when the dialog is closed."""

    def __init__(self, services: Services, draft: Draft, parent: QObject | None = None) -> None:
        super().__init__(services, ExportState(), draft, parent)
        self._summary: dict[str, Any] = {}

    def read(self) -> Callable[[], ExportState]:
        """See `ViewModel`."""
        workspace, draft, before, asking = self.services.workspace, self.draft, self.state, self.asking

        def read() -> ExportState:
            options = read_options(workspace, draft)
            # While it is being made, its place is not free, and that is no fault.
            contents = read_contents(workspace, draft) if asking else before.contents
            return ExportState(options, contents, draft if asking else before.draft)

        return read

    def use(self, state: ExportState) -> None:
        """See `ViewModel`; how far it is, this thread knows best."""
        super().use(
            replace(
                state,
                stage=self._stage,
                job=self.job(),
                summary=tuple(self._summary.items()),
                problem=self._problem,
            )
        )

    def start(self) -> None:
        """Have it made."""
        if not self.can_start:
            return
        workspace, client, draft = self.services.workspace, self.services.client, self.draft
        self._problem = None
        self.go("starting")
        self.services.background.run(
            self,
            lambda: client.begin(*request_of(workspace, draft)).id,
            lambda job: self.follow(job, "making"),
            self.fail,
        )

    def arrived(self, stage: str, summary: dict[str, Any]) -> None:
        """See `PlannedJob`."""
        self._summary = summary
        self.go("done")
        self.told.emit(tr("{model} has been exported.", model=self.draft.model))
        self.rested.emit()

    def failure(self, stage: str) -> str:
        """See `PlannedJob`."""
        return tr("The export was not made")
