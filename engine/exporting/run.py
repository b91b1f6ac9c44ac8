"""The job that exports a model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from engine.exporting.converted import take_converted
from engine.exporting.errors import ExportError, disk_errors
from engine.exporting.making import Prepared, make_gguf, new_export, prepare_gguf
from engine.exporting.ollama.modelfile import MODELFILE
from engine.exporting.ollama.writing import check_prompts, gguf_name, modelfile_of
from engine.exporting.spec import UNKNOWN, ExportSpec
from engine.exporting.starting import require_adapter
from engine.files import copy_folder, folder_bytes, new_folder
from engine.jobs.context import JobContext, JobResult
from engine.models.library import ExportedFile, ModelFiles, find_model
from engine.models.unchanged import require_unchanged
from engine.weights.folding import fold_adapter
from engine.workspace.adoption import Adoption, NewExport


def run(context: JobContext) -> JobResult:
    """Export the spec's model."""
    spec = ExportSpec.model_validate(context.spec)
    if spec.form == "gguf":
        return _ggufs(context, spec)
    files = find_model(context.workspace, spec.model)
    require_unchanged(context.workspace, files, context)
    if spec.out is None:
        raise ExportError("export.no_place", "It is not said where the export goes.", fix="Name a folder.")
    out = Path(spec.out)
    started = time.monotonic()
    if spec.form == "ollama":
        prepared = prepare_gguf(context.workspace, context, files, spec)
        with disk_errors(out, prepared.plan.nbytes), new_folder(out) as folder:
            return _ollama(context, spec, files, prepared, folder, started)
    source = require_adapter(files) if spec.form == "adapter" else files.folder
    with disk_errors(out, folder_bytes(files.base_folder if spec.form == "merged" else source)):
        if spec.form == "merged" and files.adapter_folder is not None:
            fold_adapter(files.base_folder, files.adapter_folder, out, reporter=context)
        else:
            with new_folder(out) as folder:
                copy_folder(source, folder)
    return JobResult(
        {
            "model": files.name,
            "form": spec.form,
            "file": str(out),
            "bytes": folder_bytes(out),
            "seconds": round(time.monotonic() - started, 3),
        }
    )


def _ggufs(context: JobContext, spec: ExportSpec) -> JobResult:
    """The GGUF files of all models of the spec."""
    if spec.others and spec.out is not None:
        raise ExportError(
            "export.one_place",
            "Several models cannot go to one place.",
            fix="Export one at a time, or let the workspace keep the files.",
        )
    folder = context.output_folder(context.workspace.exports)
    if spec.out is None:
        folder.mkdir(parents=True)
    summaries, exports = [], []
    models = list(dict.fromkeys([spec.model, *spec.others]))
    for number, model in enumerate(models):
        started = time.monotonic()
        context.progress(number, len(models), "models", model=model)
        files = find_model(context.workspace, model)
        require_unchanged(context.workspace, files, context)
        if spec.converted is not None:
            file = Path(spec.out) if spec.out is not None else folder / gguf_name(files.name, UNKNOWN)
            made = take_converted(context, spec, files, file)
        else:
            prepared = prepare_gguf(context.workspace, context, files, spec)
            name = gguf_name(files.name, prepared.wanted.name)
            file = Path(spec.out) if spec.out is not None else folder / name
            made = make_gguf(prepared, file, context, threads=spec.threads)
        seconds = round(time.monotonic() - started, 3)
        summary = {"model": model, "form": "gguf", "file": str(file), **made, "seconds": seconds}
        identity = f"{context.job_id}#{number}" if number else context.job_id
        exports.append(new_export(identity, files, context.workspace.relative(file), made, file))
        if spec.drift and spec.converted is None:
            summary |= _compared(context, spec, files, prepared, made, file, exports)
        summaries.append(summary)
    result = {**summaries[0], "others": summaries[1:]} if spec.others else summaries[0]
    return JobResult(result, Adoption(exports=exports))


def _ollama(
    context: JobContext, spec: ExportSpec, files: ModelFiles, prepared: Prepared, folder: Path, started: float
) -> JobResult:
    """A GGUF file and its Modelfile in ``folder``, which becomes the spec's place."""
    name = gguf_name(files.name, prepared.wanted.name)
    # Before the large file, so that a template that cannot be told to Ollama costs nothing.
    modelfile = modelfile_of(files, prepared.template, name, prepared.beginning.token, context)
    made = make_gguf(prepared, folder / name, context, threads=spec.threads)
    (folder / MODELFILE).write_text(modelfile.text(), encoding="utf-8", newline="\n")
    checked = check_prompts(folder / name, prepared.template, modelfile, prepared.beginning.token, context)
    file = Path(str(spec.out)) / name
    summary = {
        "model": files.name,
        "form": spec.form,
        "file": str(file),
        **made,
        "ollama": checked,
        "modelfile": str(file.with_name(MODELFILE)),
        "seconds": round(time.monotonic() - started, 3),
    }
    exports = [new_export(context.job_id, files, context.workspace.relative(file), made, folder / name)]
    if spec.drift:
        summary |= _compared(context, spec, files, prepared, made, folder / name, exports)
    return JobResult(summary, Adoption(exports=exports))


def _compared(
    context: JobContext,
    spec: ExportSpec,
    files: ModelFiles,
    prepared: Prepared,
    made: dict[str, Any],
    file: Path,
    exports: list[NewExport],
) -> dict[str, Any]:
    """The drift report as a part of the summary; a 16-bit file that was made for it joins ``exports``."""
    from engine.exporting.drift.after import drift_after

    new = ExportedFile(file, made["quantisation"], made["sha256"], made)
    drift = drift_after(context, spec, files, prepared, new)
    if drift.reference is not None:
        exports.append(drift.reference)
    return {} if drift.report is None else {"drift": drift.report}
