"""The job that merges: read the recipe, check it, merge, enter the result into the catalogue."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import psutil

from engine.errors import Words
from engine.files import FileError, folder_bytes, read_json, remove_leftovers, write_json
from engine.jobs.context import JobContext, JobResult
from engine.merging.execute import merge
from engine.merging.loading import parse_recipe
from engine.merging.output import PROVENANCE
from engine.merging.pace import note_pace
from engine.merging.recipe import Recipe
from engine.merging.references import Locator
from engine.merging.spec import MergeSpec
from engine.merging.workspace_models import parents_of_merge, workspace_resolver
from engine.models.inspect import inspect_folder, weights_sha256
from engine.models.unchanged import note_checked
from engine.weights import WeightsReader
from engine.workspace.adoption import Adoption, NewModel


def run(context: JobContext) -> JobResult:
    """Merge as the spec says."""
    begun = time.time()
    spec = MergeSpec.model_validate(context.spec)
    file = Path(spec.recipe_file) if spec.recipe_file else None
    recipe = parse_recipe(spec.recipe, file=file)
    around = Path(spec.working_folder) if spec.working_folder else None
    resolve = workspace_resolver(context.workspace)
    folder = _output_folder(context, spec)
    finished = _finished_before(context, folder, recipe, spec.seed)
    result = None
    threads = min(spec.threads, os.cpu_count() or 1)
    if finished is None:
        result = merge(
            recipe,
            folder,
            seed=spec.seed,
            resolve=resolve,
            recipe_file=file,
            working_folder=around,
            reporter=context,
            threads=threads,
        )
        finished = result.as_dict()
    context.event("model.hashing", file=str(folder))
    info = inspect_folder(folder).model_dump()
    sha256 = weights_sha256(folder)
    note_checked(context.workspace, folder, sha256)
    model = NewModel(
        id=context.job_id,
        name=spec.name,
        kind="merge",
        folder=context.workspace.relative(folder),
        weights_sha256=sha256,
        info=info,
        recipe=read_json(folder / PROVENANCE) or {},
        parents=parents_of_merge(context.workspace, recipe, Locator(resolve, file, around)),
    )
    if result is not None:
        note_pace(
            recipe.merge_method,
            threads,
            work=result.work,
            seconds=time.time() - begun,
            start=max(0.0, begun - psutil.Process().create_time()),
        )
    summary = {"model": spec.name, "kind": "merge", **finished, "weights_sha256": sha256}
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
    own = read_json(note) == {"folder": str(folder)}
    if own:
        remove_leftovers(folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        write_json(note, {"folder": str(folder)})
        return None
    provenance = read_json(folder / PROVENANCE) if folder.is_dir() else None
    if (
        not own
        or not isinstance(provenance, dict)
        or provenance.get("recipe") != recipe.as_dict()
        or provenance.get("seed") != seed
    ):
        raise FileError(
            "file.exists",
            "{file} already exists.",
            fix="Choose another name, or remove it first.",
            file=str(folder),
        )
    context.decision("merge", Words("reused"), "An earlier attempt of this job completed it.")
    return _describe(folder, provenance)


def _describe(folder: Path, provenance: dict[str, Any]) -> dict[str, Any]:
    """The summary of a merge that is complete but was not reported (see `MergeResult.as_dict`)."""
    reader = WeightsReader(folder)
    names = reader.names()
    return {
        "folder": str(folder),
        "tensors": len(names),
        "parameters": sum(math.prod(reader.shape(name)) for name in names),
        "bytes": folder_bytes(folder),
        "seconds": 0.0,
        **{key: provenance[key] for key in ("dtype", "seed", "content_sha256", "parents")},
        "warnings": [],
    }
