"""The models of the workspace with their GGUF files, and making those that somebody waits for. QtCore only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot

from desktop.language import tr
from desktop.problem import Problem, problem_of_record
from desktop.services import Services
from engine.errors import Words
from engine.workspace import Workspace

#: What is made of a model that has no GGUF file yet.
QUANTISATION: Final = "q8_0"


@dataclass(frozen=True)
class Local:
    """A model of the workspace.

    Attributes:
        kind: ``base``, ``adapter`` or ``merge``.
        quantisations: Of its GGUF files.
    """

    name: str
    kind: str
    quantisations: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What can be asked for: ``MODEL``, and ``MODEL@QUANTISATION`` for each of its files."""
        return (self.name, *(f"{self.name}@{one}" for one in self.quantisations))


def local_models(workspace: Workspace) -> tuple[Local, ...]:
    """All of them, newest first; for another thread."""
    from sqlalchemy import select

    from engine.workspace.tables import Export, Model

    with workspace.catalogue.reading() as session:
        files: dict[str, list[str]] = {}
        for export in session.scalars(select(Export).order_by(Export.created_at)):
            files.setdefault(export.model_id, []).append(export.quantisation)
        return tuple(
            Local(row.name, row.kind, tuple(dict.fromkeys(files.get(row.id, []))))
            for row in session.scalars(select(Model).order_by(Model.created_at.desc()))
        )


class FileMaker(QObject):
    """Makes what is missing, each file as a job, and tells when everything is there."""

    #: Jobs are queued; see `jobs`.
    begun = Signal()
    #: All files are in the catalogue.
    made = Signal()
    #: One could not be made; carries a `Problem`. Or somebody has stopped its job.
    failed = Signal(object)
    stopped = Signal()

    def __init__(self, services: Services, parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        #: ``MODEL`` or ``MODEL@QUANTISATION`` -> the job that makes its file.
        self.jobs: dict[str, str] = {}
        self._asked = 0
        services.feed.jobs_changed.connect(self._look)
        # A job is done a moment before the catalogue has what it made.
        services.feed.catalogue_changed.connect(self._look)

    def make(self, names: Sequence[str]) -> None:
        """Make the files of these that have none; what was waited for before is waited for no longer."""
        self.drop()
        asked, workspace, client = self._asked, self._services.workspace, self._services.client

        def submit() -> dict[str, str]:
            from engine.exporting.spec import ExportSpec
            from engine.inference.contestants import local_file

            jobs = {}
            for name in dict.fromkeys(names):
                files, quantisation, export = local_file(workspace, name)
                if export is None:
                    spec = ExportSpec(model=files.name, quantisation=quantisation or QUANTISATION)
                    title = Words("Export {model} as {form}", model=spec.model, form=spec.quantisation)
                    jobs[name] = client.begin("export", spec, title).id
            return jobs

        def submitted(jobs: dict[str, str]) -> None:
            if asked != self._asked:
                return
            self.jobs = jobs
            if jobs:
                self.begun.emit()
                self._services.feed.look()
            else:
                self.made.emit()

        def refused(problem: Problem) -> None:
            if asked == self._asked:
                self.failed.emit(problem)

        self._services.background.run(self, submit, submitted, refused)

    def drop(self) -> None:
        """Wait no longer; what has begun is made to its end."""
        self._asked += 1
        self.jobs = {}

    @Slot()
    def _look(self) -> None:
        """See how the jobs stand."""
        rows = {name: self._services.feed.job(job) for name, job in self.jobs.items()}
        for name, row in rows.items():
            if row is not None and row.state in ("failed", "stopped"):
                self.drop()
                if row.state == "stopped":
                    self.stopped.emit()
                else:
                    title = tr("The GGUF file of {name} could not be made", name=name)
                    self.failed.emit(replace(problem_of_record(row.error), title=title))
                return
        if rows and all(row is not None and row.state == "done" for row in rows.values()):
            self._look_for_files()

    def _look_for_files(self) -> None:
        asked, workspace, names = self._asked, self._services.workspace, tuple(self.jobs)

        def look() -> bool:
            from engine.inference.contestants import local_file

            return all(local_file(workspace, name)[2] is not None for name in names)

        def looked(there: bool) -> None:
            if there and asked == self._asked:
                self.drop()
                self.made.emit()

        def refused(problem: Problem) -> None:
            if asked == self._asked:
                self.drop()
                self.failed.emit(problem)

        self._services.background.run(self, look, looked, refused)
