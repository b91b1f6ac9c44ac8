"""Adding to a saved study: a base, a task, a merge or a reference; what was finished is not done again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import select

from engine.jobs.client import JobClient
from engine.jobs.directory import JobDirectory
from engine.merging import preset_names
from engine.studies.errors import StudyError
from engine.studies.plan import plan_study
from engine.studies.preparing import empty_splits
from engine.studies.reading import check_study
from engine.studies.spec import StudySpec
from engine.studies.starting import start_study
from engine.workspace import Workspace
from engine.workspace.naming import study_named
from engine.workspace.tables import Dataset, Model

Addition = Literal["base", "task", "sealed", "merge", "reference"]


def additions(workspace: Workspace, name: str) -> dict[Addition, tuple[str, ...]]:
    """What can be added to the study ``name``: bases and datasets of the workspace, presets of merges, references.

    A dataset that is sealed, and that no validation has opened, can be its sealed task, where it has none.
    Models of endpoints can be references too, and are not told here: they cost money, and are asked for by name.
    """
    with workspace.catalogue.reading() as rows:
        study = StudySpec.model_validate(study_named(rows, name).definition).study
        models = rows.scalars(select(Model.name).where(Model.kind != "adapter").order_by(Model.name)).all()
        merging = study.merging is not None
        offered: dict[bool, list[str]] = {False: [], True: []}
        for row in rows.scalars(select(Dataset).order_by(Dataset.name)):
            used_up = row.sealed and row.opened_at is not None
            if not used_up and not empty_splits(row.manifest["counts"], merging=merging):
                offered[row.sealed].append(row.name)
    bases = {base.name for base in study.bases}
    made_of = {base.sibling.dataset for base in study.bases if base.sibling}
    tasks = {task.dataset for task in study.tasks} | made_of
    merges = study.merging.recipes if study.merging else []
    references = [f"{kind}:{base.name}" for base in study.bases for kind in ("untuned", "fewshot")]
    can_merge = len(study.bases) >= 2
    return {
        "base": tuple(model for model in models if model not in bases),
        "task": tuple(dataset for dataset in offered[False] if dataset not in tasks),
        "sealed": tuple(offered[True]) if study.sealed_task() is None else (),
        "reference": tuple(one for one in references if one not in study.references),
        "merge": tuple(one for one in preset_names() if one not in merges) if can_merge else (),
    }


def extended(
    workspace: Workspace,
    name: str,
    what: Addition,
    added: str | Sequence[str],
    budget_usd: float | None = None,
) -> StudySpec:
    """The study ``name`` with what is added, as it would be saved.

    Args:
        workspace: Where it is saved.
        name: Of the study.
        what: What is added.
        added: Its name; of references there may be several.
        budget_usd: Another ceiling for the whole study; None: the one that it has.

    Raises:
        StudyError: It contradicts itself with what is added.
    """
    with workspace.catalogue.reading() as rows:
        definition = study_named(rows, name).definition
    values: dict[str, Any] = {**definition["study"]}
    if what == "base":
        values["bases"] = [*values["bases"], {"name": added}]
    elif what in ("task", "sealed"):
        task = {"dataset": added, "limits": _limits(values), "sealed": what == "sealed"}
        values["tasks"] = [*values["tasks"], task]
    elif what == "reference":
        values["references"] = [*values["references"], *_new(name, values["references"], added)]
    else:
        merging = values.get("merging") or {"parents": 2, "recipes": []}
        values["merging"] = {**merging, "recipes": [*merging["recipes"], added]}
    if budget_usd is not None:
        values["budget_usd"] = budget_usd
    return StudySpec(study=check_study(values), folder=definition["folder"])


def addition_takes(
    workspace: Workspace, name: str, what: Addition, added: str | Sequence[str]
) -> tuple[float, float]:
    """Seconds on this machine, and USD, that an addition to a study will probably take beyond what it took without.

    Raises:
        StudyError: It contradicts itself with what is added.
        BakeoffError: It cannot be planned.
    """
    with workspace.catalogue.reading() as rows:
        now = StudySpec.model_validate(study_named(rows, name).definition).study
    before = plan_study(now, workspace)
    after = plan_study(extended(workspace, name, what, added).study, workspace)
    return max(0.0, after.seconds - before.seconds), max(0.0, after.usd - before.usd)


def extend_study(
    workspace: Workspace,
    client: JobClient,
    name: str,
    what: Addition,
    added: str | Sequence[str],
    budget_usd: float | None = None,
) -> JobDirectory:
    """Add to a study and go on with it: its job is parked, and one of the longer study takes over its steps.

    Raises:
        StudyError: It contradicts itself with what is added.
        BakeoffError: It cannot be started.
    """
    spec = extended(workspace, name, what, added, budget_usd)
    return start_study(workspace, client, spec)


def _new(study: str, there: Sequence[str], added: str | Sequence[str]) -> list[str]:
    """References that are to be added, none of which is there."""
    names = [added] if isinstance(added, str) else list(dict.fromkeys(added))
    for one in names:
        if one in there:
            raise StudyError(
                "study.has_reference",
                "The study '{study}' has the reference {name} already.",
                fix="Name another.",
                study=study,
                name=one,
            )
    return names


def _limits(values: dict[str, Any]) -> dict[str, Any]:
    """Those of the study's first task, so that the new one weighs the same."""
    limits: dict[str, Any] = values["tasks"][0].get("limits") or {}
    return limits
