"""The job that imports a dataset."""

from __future__ import annotations

from engine.datasets.importing import import_files
from engine.datasets.spec import ImportSpec
from engine.jobs.context import JobContext, JobResult
from engine.workspace.adoption import Adoption, NewDataset


def run(context: JobContext) -> JobResult:
    """Import the files that the spec names; a paused import begins again."""
    spec = ImportSpec.model_validate(context.spec)
    folder = context.output_folder(context.workspace.datasets)
    report = import_files(spec.files(), spec.options(), folder, context)
    dataset = NewDataset(
        id=context.job_id,
        name=spec.name,
        folder=context.workspace.relative(folder),
        manifest=dict(report.manifest),
        sealed=spec.sealed,
    )
    return JobResult(report.as_dict(), Adoption(datasets=[dataset]))
