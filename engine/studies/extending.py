"""Adding to a saved study: a base, a task or a merge; what was finished is not done again."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import select

from engine.jobs.client import JobClient
from engine.jobs.directory import AT_REST, JobDirectory
from engine.merging import preset_names
from engine.studies.errors import StudyError
from engine.studies.reading import check_study
from engine.studies.spec import StudySpec
from engine.studies.starting import start_study
from engine.workspace import Workspace
from engine.workspace.naming import study_named
from engine.workspace.tables import Dataset, Model

Addition = Literal["base", "task", "merge"]


def additions(workspace: Workspace, name: str) -> dict[Addition, tuple[str, ...]]:
    """What can be added to the study ``name``: bases and datasets of the workspace, and presets of merges."""
    with workspace.catalogue.reading() as rows:
        study = StudySpec.model_validate(study_named(rows, name).definition).study
        models = rows.scalars(select(Model.name).where(Model.kind != "adapter").order_by(Model.name)).all()
        datasets = rows.scalars(select(Dataset.name).where(~Dataset.sealed).order_by(Dataset.name)).all()
    bases = {base.name for base in study.bases}
    made_of = {base.sibling.dataset for base in study.bases if base.sibling}
    tasks = {task.dataset for task in study.tasks} | made_of
    merges = study.merging.recipes if study.merging else []
    can_merge = len(study.bases) >= 2
    return {
        "base": tuple(model for model in models if model not in bases),
        "task": tuple(dataset for dataset in datasets if dataset not in tasks),
        "merge": tuple(one for one in preset_names() if one not in merges) if can_merge else (),
    }


def extend_study(
    workspace: Workspace, client: JobClient, name: str, what: Addition, added: str
) -> JobDirectory:
    """Add to a study and go on with it: its job is parked, and one of the longer study takes over its steps.

    Raises:
        StudyError: It contradicts itself with what is added.
        BakeoffError: It cannot be started.
    """
    with workspace.catalogue.reading() as rows:
        row = study_named(rows, name)
        definition, job_id = row.definition, row.job_id
    values: dict[str, Any] = definition["study"]
    if what == "base":
        values["bases"] = [*values["bases"], {"name": added}]
    elif what == "task":
        values["tasks"] = [*values["tasks"], {"dataset": added, "limits": _limits(values)}]
    else:
        merging = values.get("merging") or {"parents": 2, "recipes": []}
        values["merging"] = {**merging, "recipes": [*merging["recipes"], added]}
    spec = StudySpec(study=check_study(values), folder=definition["folder"])
    job = JobDirectory(workspace.jobs / job_id)
    if job.path.is_dir() and job.status().state not in AT_REST:
        client.park([job])
        if job.alive():
            raise StudyError(
                "study.busy",
                "The study '{name}' does not stop to take up something new.",
                fix="Pause it, wait until it is paused, and add then.",
                name=name,
            )
    return start_study(workspace, client, spec)


def _limits(values: dict[str, Any]) -> dict[str, Any]:
    """Those of the study's first task, so that the new one weighs the same."""
    limits: dict[str, Any] = values["tasks"][0].get("limits") or {}
    return limits
