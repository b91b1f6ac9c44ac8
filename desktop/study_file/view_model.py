"""A study that is looked at before it is started, and its ceiling. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.amounts import amount
from desktop.language import tr
from desktop.problem import Problem
from desktop.references.planning import Cost, told
from desktop.services import Services
from desktop.study_file.planning import FileStudy, plan_file
from desktop.view_model import ViewModel
from engine.errors import BakeoffError

if TYPE_CHECKING:
    from engine.studies.spec import StudySpec


@dataclass(frozen=True)
class StudyFileState:
    """What the dialog shows.

    Attributes:
        study: None until it was read.
        budget: The ceiling as it was typed, of which the cost is; None: the file's own.
    """

    study: FileStudy | None = None
    budget: str | None = None


class StudyFileModel(ViewModel[StudyFileState]):
    """Plans a study, and starts it.

    Args:
        make: Reads what the study is, in another thread.
    """

    #: The study has been started; carries its name.
    started = Signal(str)

    def __init__(
        self, services: Services, make: Callable[[], StudySpec], parent: QObject | None = None
    ) -> None:
        super().__init__(services, StudyFileState(), parent)
        self._make = make
        #: What the study is, once it was read.
        self._spec: list[StudySpec] = []
        self._budget: str | None = None
        self._starting = False

    def read(self) -> Callable[[], StudyFileState]:
        """See `ViewModel`."""
        workspace, make, budget, known = self.services.workspace, self._make, self._budget, self._spec
        before = self.state.study

        def read() -> StudyFileState:
            if not known:  # once: what is started is what was shown
                try:
                    known.append(make())
                except BakeoffError as error:
                    if before is None:
                        raise
                    return StudyFileState(replace(before, cost=Cost(problem=told(error))), budget)
            typed = None if budget is None else lambda: _usd(budget)
            return StudyFileState(plan_file(workspace, known[0], typed), budget)

        return read

    def use(self, state: StudyFileState) -> None:
        """See `ViewModel`; it may be ready now although nothing differs."""
        differs = state != self.state or not self.loaded
        super().use(state)
        if not differs:
            self.changed.emit()

    @property
    def ready(self) -> bool:
        """Whether it can be started, with the ceiling that is typed by now."""
        study = self.state.study
        reckoned = study is not None and study.cost.problem is None and self.state.budget == self._budget
        reckoned = reckoned and bool(self._spec)
        return reckoned and not self._starting

    def change_study(self, make: Callable[[], StudySpec]) -> None:
        """It is another study now; where that cannot be made, what the last one was stays, with the reason."""
        self._make, self._spec = make, []
        self.changed.emit()
        self.refresh()

    def change_budget(self, budget: str) -> None:
        """Another ceiling is typed."""
        if budget != self._budget:
            self._budget = budget
            self.changed.emit()
            self.refresh()

    def start(self) -> None:
        """Start it."""
        if not self.ready:
            return
        workspace, client = self.services.workspace, self.services.client
        (spec,), budget = self._spec, self._budget
        self._starting = True
        self.changed.emit()

        def start() -> str:
            from engine.studies.starting import start_study

            wanted = spec if budget is None else spec.with_budget(_usd(budget))
            start_study(workspace, client, wanted)
            return wanted.study.name

        def failed(problem: Problem) -> None:
            self._starting = False
            self.failed.emit(problem)
            self.refresh()

        self.do(start, self.started.emit, failed)


def _usd(budget: str) -> float | None:
    return amount(budget, tr("Ceiling in USD"))
