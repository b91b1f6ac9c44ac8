"""The job that compares GGUF files of one model (see `engine.exporting.drift.comparing`)."""

from __future__ import annotations

from engine.datasets.library import open_dataset
from engine.exporting.drift.comparing import compare_files
from engine.exporting.drift.spec import DriftSpec
from engine.exporting.errors import ExportError
from engine.jobs.context import JobContext, JobResult
from engine.models.library import ExportedFile, ModelFiles, find_export, find_model
from engine.models.template import load_template


def run(context: JobContext) -> JobResult:
    """Compare as the spec says."""
    spec = DriftSpec.model_validate(context.spec)
    files = find_model(context.workspace, spec.model)
    dataset = open_dataset(context.workspace, spec.dataset, "generate")
    template = load_template(files.folder, context, fallback=files.base_folder)
    names = list(dict.fromkeys([spec.reference, *spec.quantisations]))
    exports = [_export(context, files, name) for name in names]
    report = compare_files(dataset, template, exports, context, metric=spec.metric, limit=spec.limit)
    return JobResult({"model": spec.model, **report})


def _export(context: JobContext, files: ModelFiles, quantisation: str) -> ExportedFile:
    found = find_export(context.workspace, files, quantisation)
    if found is None:
        raise ExportError(
            "drift.not_exported",
            "'{name}' has no GGUF file {quantisation} yet.",
            fix="Make it with: bakeoff export {name} FILE --as gguf --quant {quantisation}",
            name=files.name,
            quantisation=quantisation,
        )
    return found
