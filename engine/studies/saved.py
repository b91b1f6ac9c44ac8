"""Studies in the catalogue: one row per study, and the job that runs it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from engine.errors import Words
from engine.files import sha256_json
from engine.jobs.client import JobClient
from engine.jobs.directory import AT_REST, JobDirectory
from engine.studies.spec import StudySpec
from engine.workspace import Workspace
from engine.workspace.naming import require_name, slug
from engine.workspace.tables import Study as StudyRow


def find_or_save(
    workspace: Workspace, client: JobClient, spec: StudySpec, *, own_runner: bool
) -> JobDirectory:
    """Save a study and queue its job; a study that was saved unchanged keeps its job, finished or not.

    A changed file under the same name makes a new job; steps that are the same in both are not done again. The job
    that it takes the place of is gone then, unless it is done or at work: it would go on with what nobody wants any
    more.

    Args:
        workspace: Where it is saved.
        client: Of the same workspace.
        spec: The study.
        own_runner: Whether it needs this process's environment (see `engine.jobs.directory.Request`).
    """
    name = require_name(spec.study.name)
    job_id = _job_id(spec)
    job = client.submit(
        "study", spec, Words("Study {name}", name=name), study=name, job_id=job_id, own_runner=own_runner
    )
    # A job that is done was adopted, perhaps under this name before the file was changed and changed back.
    result = (job.result() or {}).get("summary", {}) if job.status().state == "done" else {}
    with workspace.catalogue.writing() as session:
        replaced = _save(session, spec, name, job_id, result)
    if replaced is not None:
        _retire(JobDirectory(workspace.jobs / replaced), workspace.runner_lock)
    return job


def superseded(workspace: Workspace, spec: StudySpec) -> JobDirectory | None:
    """The job of the study that has this name so far, where it says something else; None where there is none."""
    with workspace.catalogue.reading() as session:
        row = session.get(StudyRow, require_name(spec.study.name))
    if row is None or row.job_id == _job_id(spec):
        return None
    job = JobDirectory(workspace.jobs / row.job_id)
    return job if job.path.is_dir() else None


def _job_id(spec: StudySpec) -> str:
    return f"{slug(spec.study.name)[:40]}.study.{sha256_json(spec.model_dump(mode='json'))[:8]}"


def _save(session: Session, spec: StudySpec, name: str, job_id: str, result: dict[str, Any]) -> str | None:
    """Save it; returns the id of the job that another one takes the place of."""
    row = session.get(StudyRow, name)
    definition = spec.model_dump(mode="json")
    if row is None:
        session.add(StudyRow(name=name, definition=definition, job_id=job_id, result=result))
    elif row.job_id != job_id:
        replaced = row.job_id
        row.definition, row.job_id, row.result = definition, job_id, result
        return replaced
    return None


def _retire(job: JobDirectory, runner_lock: Path) -> None:
    """Remove a job that is not done and that nobody runs."""
    if not job.path.is_dir() or job.alive():
        return
    state = job.status().state
    if state in AT_REST - {"done"} or (state not in AT_REST and job.deserted(runner_lock)):
        shutil.rmtree(job.path, ignore_errors=True)
