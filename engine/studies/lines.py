"""The studies of a workspace as a list: a line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from engine.errors import BakeoffError, RecordedError, Words, with_template
from engine.jobs.directory import JobDirectory, Status
from engine.workspace import Workspace
from engine.workspace.tables import Study as StudyRow


@dataclass(frozen=True)
class StudyLine:
    """A study in a list.

    Attributes:
        says: What it found, or why it failed, in a sentence; empty while there is nothing to say.
        share: How much is done, where its job tells.
    """

    name: str
    job: str
    state: str
    bases: int
    tasks: int
    says: str = ""
    share: float | None = None
    seconds_left: float | None = None


def study_lines(workspace: Workspace) -> list[StudyLine]:
    """All studies, newest first."""
    with workspace.catalogue.reading() as rows:
        found = rows.scalars(select(StudyRow).order_by(StudyRow.created_at.desc(), StudyRow.name)).all()
        studies = [(row.name, row.job_id, row.definition, row.result) for row in found]
    lines = []
    for name, job_id, definition, result in studies:
        job = JobDirectory(workspace.jobs / job_id)
        status = status_of(job)
        state = state_of(workspace, job, status, result)
        study = definition.get("study", {})
        says = _cause(status) if state == "failed" else _conclusion(result)
        lines.append(
            StudyLine(
                name,
                job_id,
                state,
                len(study.get("bases", ())),
                len(study.get("tasks", ())),
                says,
                _share(status) if state != "done" else 1.0,
                status.progress.get("seconds_left") if state == "running" else None,
            )
        )
    return lines


def _cause(status: Status) -> str:
    """Why a study failed, in the engine's words."""
    error = RecordedError(status.error or {})
    return Words(error.text, **error.params)


def _conclusion(result: dict[str, Any]) -> str:
    """What a study found before anything else, in the engine's words where they were kept."""
    found = str((result.get("conclusions") or [""])[0])
    return with_template(found, result.get("words"))


def status_of(job: JobDirectory) -> Status:
    """How a job stands, as far as it can be read."""
    try:
        return job.status()
    except (BakeoffError, OSError):
        return Status()  # of a newer version, or being removed


def state_of(workspace: Workspace, job: JobDirectory, status: Status, result: dict[str, Any]) -> str:
    """The state of a study, by its job and by what came out."""
    if not job.path.is_dir():
        return "done" if result else "stopped"
    if status.state == "running" and job.deserted(workspace.runner_lock):
        return "interrupted"
    return status.state


def _share(status: Status) -> float | None:
    done, total = status.progress.get("done"), status.progress.get("total")
    return min(1.0, done / total) if done is not None and total else None
