"""A study's file that is looked at before it is started, and its ceiling. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.amounts import amount
from desktop.language import tr
from desktop.problem import Problem
from desktop.services import Services
from desktop.study_file.planning import FileStudy, read_study, start_file
from desktop.view_model import ViewModel


@dataclass(frozen=True)
class StudyFileState:
    """What the dialog shows.

    Attributes:
        study: None until it was read.
        budget: The ceiling as it was typed, of which the cost is; None: the file's own.
    """

    study: FileStudy | None = None
    budget: str | None = None
    starting: bool = False


class StudyFileModel(ViewModel[StudyFileState]):
    """Reads a study's file, and starts the study."""

    #: The study has been started; carries its name.
    started = Signal(str)

    def __init__(self, services: Services, file: Path, parent: QObject | None = None) -> None:
        super().__init__(services, StudyFileState(), parent)
        self.file = file
        self._budget: str | None = None
        self._starting = False

    def read(self) -> Callable[[], StudyFileState]:
        """See `ViewModel`."""
        workspace, file, budget, starting = self.services.workspace, self.file, self._budget, self._starting

        def read() -> StudyFileState:
            typed = None if budget is None else lambda: _usd(budget)
            return StudyFileState(read_study(workspace, file, typed), budget, starting)

        return read

    @property
    def ready(self) -> bool:
        """Whether it can be started, with the ceiling that is typed by now."""
        study = self.state.study
        reckoned = study is not None and study.cost.problem is None and self.state.budget == self._budget
        return reckoned and not self._starting

    def change_budget(self, budget: str) -> None:
        """Another ceiling is typed."""
        if budget != self._budget:
            self._budget = budget
            self.changed.emit()
            self.refresh()

    def start(self) -> None:
        """Start it."""
        study, budget = self.state.study, self._budget
        if study is None or not self.ready:
            return
        workspace, client, file, own = (
            self.services.workspace,
            self.services.client,
            self.file,
            study.ceiling_usd,
        )
        self._starting = True
        self.changed.emit()

        def failed(problem: Problem) -> None:
            self._starting = False
            self.failed.emit(problem)
            self.refresh()

        usd = own if budget is None else _usd(budget)
        self.do(lambda: start_file(workspace, client, file, usd), self.started.emit, failed)


def _usd(budget: str) -> float | None:
    return amount(budget, tr("Ceiling in USD"))
