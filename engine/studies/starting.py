"""What must be there before a study is saved and started: so that nothing is trained in vain."""

from __future__ import annotations

from engine.inference.access import access_key
from engine.inference.paid import require_budget
from engine.jobs.client import JobClient
from engine.jobs.directory import AT_REST, JobDirectory
from engine.studies.errors import StudyError
from engine.studies.paid import paid_models
from engine.studies.preparing import known, require_bases, require_datasets, require_prompts
from engine.studies.saved import find_or_save, superseded
from engine.studies.spec import StudySpec
from engine.workspace import Workspace
from engine.workspace.tables import Model


def require_startable(spec: StudySpec, workspace: Workspace) -> list[tuple[str, str]]:
    """Refuse a study that could not come to its end.

    Returns:
        ``(endpoint, model)`` of what it pays for.

    Raises:
        BakeoffError: A dataset, some of its examples or a model is missing, or an endpoint, its key, its price or the
            budget.
    """
    study = spec.study
    require_datasets(study, workspace)
    require_prompts(study, workspace)
    require_bases(spec, workspace)
    names = {base.name for base in study.bases}
    for name in [*study.references, study.judging.judge]:
        kind, _, model = name.partition(":")
        local = kind in ("untuned", "fewshot", "local")
        if local and model not in names and not known(workspace, Model, model):
            raise StudyError(
                "study.no_model",
                "The study names '{name}', and neither it nor the workspace has a model '{model}'.",
                fix="Name a base of the study, or add the model first with: bakeoff model add",
                name=name,
                model=model,
            )
    paid = paid_models(study)
    require_budget(workspace, paid, study.budget_usd)
    for endpoint in dict.fromkeys(endpoint for endpoint, _ in paid):
        access_key(workspace, endpoint)
    return paid


def start_study(workspace: Workspace, client: JobClient, spec: StudySpec) -> JobDirectory:
    """Save a study and see that its job runs; one that is finished is left as it is.

    One of its name that says something else is parked, and this one takes its place: what that has finished is not
    done again.

    Raises:
        StudyError: The job of the one before does not stop.
        BakeoffError: It cannot be started (see `require_startable`).
    """
    paid = require_startable(spec, workspace)
    before = superseded(workspace, spec)
    if before is not None and before.status().state not in AT_REST:
        client.park([before])
        if before.alive():
            raise StudyError(
                "study.busy",
                "The study '{name}' does not stop to take up something new.",
                fix="Pause it, wait until it is paused, and try again then.",
                name=spec.study.name,
            )
    job = find_or_save(workspace, client, spec, own_runner=bool(paid))
    if job.status().state != "done":
        if job.status().state in ("paused", "stopped", "failed"):
            job.ask("resume")
        client.ensure_runner(job)
    return job
