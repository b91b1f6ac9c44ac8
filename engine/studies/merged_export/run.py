"""The job that turns a merge recipe into a GGUF file: tensors are merged as the file wants them, none is kept."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from engine.datasets.library import open_dataset
from engine.exporting.beginning import begin_prompts
from engine.exporting.making import Prepared, make_gguf
from engine.exporting.quantisations import quantisation
from engine.files import write_json
from engine.jobs.context import JobContext, JobResult
from engine.merging.loading import parse_recipe
from engine.merging.output import parents_of
from engine.merging.plan import MergePlan
from engine.merging.preflight import check
from engine.merging.workspace_models import workspace_resolver
from engine.models.template import load_template
from engine.studies.merged_export.drift import drift_report
from engine.studies.merged_export.planning import planned_export
from engine.studies.merged_export.spec import MergedExportSpec, provenance_file


def run(context: JobContext) -> JobResult:
    """Merge and export as the spec says."""
    spec = MergedExportSpec.model_validate(context.spec)
    started = time.monotonic()
    plan = _merge_plan(context, spec)
    out = Path(spec.out)
    with planned_export(plan, spec.quantisation, spec.seed) as (gguf, companions):
        template = load_template(companions, context)
        context.event(
            "export.plan", **{key: value for key, value in gguf.as_dict().items() if key != "tensors"}
        )
        dataset = open_dataset(context.workspace, spec.dataset, "export") if spec.dataset else None
        beginning = begin_prompts(gguf, template, context)
        prepared = Prepared(
            spec.model_name, quantisation(spec.quantisation), gguf, template, beginning, None, dataset
        )
        made = make_gguf(prepared, out, context, threads=spec.threads)
    provenance = _provenance(plan, spec, made)
    write_json(provenance_file(out), provenance)
    seconds = round(time.monotonic() - started, 3)
    summary = {"model": spec.model_name, "form": "gguf", "file": str(out), **made, "seconds": seconds}
    drift = drift_report(context, plan, spec, prepared, made) if spec.drift else None
    told = {} if drift is None else {"drift": drift}
    return JobResult({**summary, "parents": provenance["parents"], **told})


def _merge_plan(context: JobContext, spec: MergedExportSpec) -> MergePlan:
    """What would be merged; warnings are told.

    Raises:
        MergeError: The recipe cannot be carried out with these models.
    """
    file = Path(spec.recipe_file) if spec.recipe_file else None
    preflight = check(
        parse_recipe(spec.recipe, file=file),
        resolve=workspace_resolver(context.workspace),
        recipe_file=file,
        working_folder=Path(spec.working_folder) if spec.working_folder else None,
    )
    for finding in preflight.warnings:
        context.event("warning", **finding.as_dict())
    return preflight.require()


def _provenance(plan: MergePlan, spec: MergedExportSpec, made: dict[str, Any]) -> dict[str, Any]:
    """All that is needed to make the same file again."""
    import engine

    return {
        "kind": "merge",
        "recipe": plan.recipe.as_dict(),
        "parents": parents_of(plan),
        "seed": spec.seed,
        "arithmetic": plan.recipe.arithmetic,
        "quantisation": made["quantisation"],
        "sha256": made["sha256"],
        "versions": {"bakeoff": engine.__version__},
    }
