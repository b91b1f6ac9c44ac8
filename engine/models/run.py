"""The job that adds a base: inspect a folder, dequantise a GGUF file, or download from the Hub."""

from __future__ import annotations

from pathlib import Path

from engine.files import new_folder
from engine.jobs.context import JobContext, JobResult
from engine.models.inspect import inspect_folder, weights_sha256
from engine.models.source import classify
from engine.models.spec import ModelAddSpec
from engine.workspace.adoption import Adoption, NewModel


def run(context: JobContext) -> JobResult:
    """Add the model that the spec names."""
    spec = ModelAddSpec.model_validate(context.spec)
    source = classify(spec.source)
    origin = {"source": source.form, "where": source.where}
    if source.form == "folder":
        folder = Path(source.where)
        context.decision("copy", "none", "a local folder is used where it lies and never changed")
    else:
        folder = context.output_folder(context.workspace.models)
        with new_folder(folder) as temporary:
            if source.form == "gguf":
                from engine.models.gguf import dequantise

                dequantise(Path(source.where), temporary, context)
            else:
                from engine.models.hub import download

                partial = context.checkpoints / "download"
                origin["commit"] = download(source.where, spec.revision, partial, context)
                for file in partial.iterdir():
                    if file.is_file():
                        file.rename(temporary / file.name)
            inspect_folder(temporary)
    info = inspect_folder(folder)
    context.check()
    context.event("model.hashing", file=str(folder))
    sha256 = weights_sha256(folder)
    model = NewModel(
        id=context.job_id,
        name=spec.name,
        kind="base",
        folder=context.workspace.relative(folder),
        weights_sha256=sha256,
        info=info.model_dump(),
        recipe={"origin": origin},
    )
    summary = {"name": spec.name, "kind": "base", "weights_sha256": sha256, **info.model_dump()}
    return JobResult(summary, Adoption(models=[model]))
