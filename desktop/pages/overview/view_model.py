"""What the overview shows, read in the background once a second. Knows no widgets."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import QObject, QRunnable, QThreadPool, QTimer, Signal, Slot
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from engine.errors import BakeoffError
from engine.jobs.directory import JobDirectory, Status, all_jobs
from engine.workspace import Workspace
from engine.workspace.tables import Dataset, Model, Study

#: Milliseconds between two readings.
_EVERY: Final = 1000
#: Seconds without a sign of life after which a worker is called silent rather than busy.
_SILENT: Final = 30.0
_MOST_ROWS: Final = 500


@dataclass(frozen=True)
class Section:
    """A table of the overview.

    Attributes:
        rows: As many words per row as there are columns, best or newest first.
        empty: What to say, and to do, while there are no rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str


@dataclass(frozen=True)
class Overview:
    """Everything the page shows; ``problem`` is a sentence when reading failed."""

    sections: tuple[Section, ...] = ()
    problem: str = ""


def read_overview(workspace: Workspace) -> Overview:
    """Read the catalogue and the job directories of ``workspace``."""
    try:
        jobs = all_jobs(workspace.jobs)[-_MOST_ROWS:]
        states = {job.id: job.status().state for job in jobs}
        with workspace.catalogue.reading() as rows:
            studies = [
                (study.name, states.get(study.job_id, "done" if study.result else "not run"))
                for study in rows.scalars(select(Study).order_by(Study.created_at.desc()).limit(_MOST_ROWS))
            ]
            datasets = [
                (dataset.name, _examples(dataset.manifest), "sealed" if _is_sealed(dataset) else "open")
                for dataset in rows.scalars(select(Dataset).order_by(Dataset.name).limit(_MOST_ROWS))
            ]
            models = [
                (model.name, model.kind, ", ".join(parent.parent_name for parent in model.parents))
                for model in rows.scalars(
                    select(Model).options(selectinload(Model.parents)).order_by(Model.name).limit(_MOST_ROWS)
                )
            ]
        running = [_job_row(job) for job in reversed(jobs)]
    except BakeoffError as error:
        return Overview(problem=error.sentence())
    except OSError as error:
        return Overview(problem=f"The workspace {workspace.root} cannot be read: {error.strerror}.")
    return Overview(
        (
            Section(
                "Studies", ("Name", "State"), tuple(studies), "No study yet. Start one with: bakeoff demo"
            ),
            Section(
                "Datasets",
                ("Name", "Examples", "Seal"),
                tuple(datasets),
                "No dataset yet. Add one with: bakeoff dataset import FILE",
            ),
            Section(
                "Models",
                ("Name", "Kind", "Made from"),
                tuple(models),
                "No model yet. Add one with: bakeoff model add FOLDER",
            ),
            Section(
                "Jobs",
                ("Title", "State", "Progress"),
                tuple(running),
                "No job yet. Every import, training and merge appears here.",
            ),
        )
    )


class OverviewModel(QObject):
    """Keeps an `Overview` of a workspace up to date.

    Reading happens on a thread of its own, so that a slow disk never holds up the window.
    """

    changed = Signal()
    _was_read = Signal(object)

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.overview = Overview()
        self._workspace = workspace
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._was_read.connect(self._take)
        self._timer = QTimer(self, interval=_EVERY)
        self._timer.timeout.connect(self.refresh)

    def start(self) -> None:
        """Begin to read, at once and then every second."""
        self.refresh()
        self._timer.start()

    def stop(self) -> None:
        """Read no more; waits for the reading that is under way."""
        self._timer.stop()
        self._pool.waitForDone()

    @Slot()
    def refresh(self) -> None:
        """Read once, unless a reading is under way."""
        if self._pool.activeThreadCount() == 0:
            self._pool.start(QRunnable.create(self._read))

    def _read(self) -> None:
        self._was_read.emit(read_overview(self._workspace))

    @Slot(object)
    def _take(self, overview: Overview) -> None:
        if overview != self.overview:
            self.overview = overview
            self.changed.emit()


def _examples(manifest: dict[str, Any]) -> str:
    counts = manifest.get("counts", {})
    return ", ".join(f"{count:,} {split}" for split, count in counts.items() if count)


def _is_sealed(dataset: Dataset) -> bool:
    return dataset.sealed and dataset.opened_at is None


def _job_row(job: JobDirectory) -> tuple[str, str, str]:
    status = job.status()
    return (job.request().title, _state_in_words(job, status), _progress_in_words(status))


def _state_in_words(job: JobDirectory, status: Status) -> str:
    if status.state == "failed" and status.error:
        return f"failed: {status.error['message']}"
    if status.state == "running" and not job.alive():
        return "interrupted; continues with: bakeoff job resume"
    if status.state == "running" and status.heartbeat and time.time() - status.heartbeat > _SILENT:
        return "running, silent for a while"
    return status.state


def _progress_in_words(status: Status) -> str:
    done, total = status.progress.get("done"), status.progress.get("total")
    if done is None:
        return ""
    unit = status.progress.get("unit", "")
    return f"{done:,.0f} of {total:,.0f} {unit}" if total else f"{done:,.0f} {unit}"
