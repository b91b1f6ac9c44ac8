"""The job that merges: read the recipe, check it, merge, enter the result into the catalogue."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from engine.files import FileError, read_json, write_json
from engine.jobs.context import JobContext, JobResult
from engine.merging.execute import merge
from engine.merging.loading import parse_recipe
from engine.merging.output import PROVENANCE
from engine.merging.recipe import Recipe
from engine.merging.references import Locator
from engine.merging.spec import MergeSpec
from engine.merging.workspace_models import workspace_resolver
from engine.models.inspect import inspect_folder, weights_sha256
from engine.models.library import find_model
from engine.workspace.adoption import Adoption, NewModel, NewParent
from engine.workspace.naming import NameUnknownError


def run(context: JobContext) -> JobResult:
    """Merge as the spec says."""
    spec = MergeSpec.model_validate(context.spec)
    file = Path(spec.recipe_file) if spec.recipe_file else None
    recipe = parse_recipe(spec.recipe, file=file)
    around = Path(spec.working_folder) if spec.working_folder else None
    resolve = workspace_resolver(context.workspace, around)
    folder = _output_folder(context, spec)
    finished = _finished_before(context, folder, recipe, spec.seed)
    if finished is None:
        result = merge(
            recipe,
            folder,
            seed=spec.seed,
            resolve=resolve,
            recipe_file=file,
            reporter=context,
            threads=min(spec.threads, os.cpu_count() or 1),
        )
        finished = result.as_dict()
        write_json(context.checkpoints / "merged.json", finished)
    context.event("model.hashing", file=str(folder))
    info = inspect_folder(folder).model_dump()
    sha256 = weights_sha256(folder)
    model = NewModel(
        id=context.job_id,
        name=spec.name,
        kind="merge",
        folder=context.workspace.relative(folder),
        weights_sha256=sha256,
        info=info,
        recipe=read_json(folder / PROVENANCE) or {},
        parents=_parents(context, recipe, Locator(resolve, file)),
    )
    summary = {"model": spec.name, "kind": "merge", **finished, "file_sha256": sha256}
    return JobResult(summary, Adoption(models=[model]))


def _output_folder(context: JobContext, spec: MergeSpec) -> Path:
    if spec.folder is None:
        return context.output_folder(context.workspace.models)
    return Path(spec.folder).expanduser().absolute()


def _finished_before(context: JobContext, folder: Path, recipe: Recipe, seed: int) -> dict[str, Any] | None:
    """What an interrupted attempt of this job has completed already, if it has.

    A folder outside the workspace is never removed. It counts as this job's own when the job noted its
    start before the folder existed, and the folder says that it was made by this recipe.
    """
    note = context.checkpoints / "started.json"
    if not folder.exists() or not any(folder.iterdir()):
        write_json(note, {"folder": str(folder)})
        return None
    provenance = read_json(folder / PROVENANCE)
    started = read_json(note)
    if (
        started == {"folder": str(folder)}
        and isinstance(provenance, dict)
        and provenance.get("recipe") == recipe.as_dict()
        and provenance.get("seed") == seed
    ):
        context.decision("merge", "reused", "An earlier attempt of this job completed it.")
        done: dict[str, Any] | None = read_json(context.checkpoints / "merged.json")
        return done if done is not None else {"folder": str(folder), **provenance}
    raise FileError(
        "file.exists",
        "{file} already exists.",
        fix="Choose another name, or remove it first.",
        file=str(folder),
    )


def _parents(context: JobContext, recipe: Recipe, locator: Locator) -> list[NewParent]:
    """The parents as the catalogue knows them; those from outside by the hash of their files."""
    parents = []
    for reference in recipe.references:
        try:
            known = find_model(context.workspace, str(reference))
        except NameUnknownError:
            located = locator.locate(reference)
            parents.append(NewParent(name=str(reference), sha256=weights_sha256(located.folder)))
        else:
            parents.append(NewParent(id=known.id, name=known.name, sha256=known.weights_sha256))
    return parents
