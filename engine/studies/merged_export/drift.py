"""What the quantisation of a merge costs on a task, the merge itself being nowhere but in its GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.datasets.library import open_dataset
from engine.errors import BakeoffError, Words
from engine.exporting.drift.comparing import compare_files
from engine.exporting.drift.prompts import UNKNOWN_TASK, require_prompts
from engine.exporting.making import Prepared
from engine.exporting.sources import sixteen_bits_of
from engine.exporting.writing import write_gguf
from engine.files import temporary_name
from engine.jobs.context import JobContext
from engine.merging.plan import MergePlan
from engine.models.library import ExportedFile
from engine.studies.merged_export.planning import planned_export
from engine.studies.merged_export.spec import MergedExportSpec


def drift_report(
    context: JobContext, plan: MergePlan, spec: MergedExportSpec, prepared: Prepared, made: dict[str, Any]
) -> dict[str, Any] | None:
    """Compare a merge's GGUF file with its 16-bit one, which is made for that and removed again.

    Args:
        context: The job.
        plan: The merge.
        spec: Whose file is there already.
        prepared: How that file was made.
        made: What is known of it (see `engine.exporting.making.make_gguf`).

    Returns:
        See `engine.exporting.drift.comparing.compare_files`. None where the file is the 16-bit one, or where it
        cannot be compared, which is told: the file that was asked for is there all the same.
    """
    try:
        return _compare(context, plan, spec, prepared, made)
    except BakeoffError as error:
        context.event("warning", message=Words("No drift report: {reason}", reason=error))
        return None


def _compare(
    context: JobContext, plan: MergePlan, spec: MergedExportSpec, prepared: Prepared, made: dict[str, Any]
) -> dict[str, Any] | None:
    best = sixteen_bits_of(prepared.plan.source)
    if prepared.wanted.name == best:
        return None
    if prepared.dataset is None:
        context.event("warning", message=UNKNOWN_TASK)
        return None
    dataset = open_dataset(context.workspace, prepared.dataset.name, "generate")
    require_prompts(dataset)
    out = Path(spec.out)
    reference = temporary_name(out)
    context.remove_unless_done(reference)
    try:
        with planned_export(plan, best, spec.seed) as (whole, _):
            write_gguf(
                whole,
                reference,
                name=prepared.name,
                chat_template=prepared.template.text,
                add_bos=prepared.beginning.add,
                threads=spec.threads,
                reporter=context,
            )
            told = {"bytes": reference.stat().st_size, "bits_per_weight": whole.as_dict()["bits_per_weight"]}
        files = (
            ExportedFile(reference, best, "", told),
            ExportedFile(out, prepared.wanted.name, made["sha256"], made),
        )
        return compare_files(dataset, prepared.template, files, context)
    finally:
        reference.unlink(missing_ok=True)
