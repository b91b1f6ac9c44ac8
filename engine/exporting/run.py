"""The job that exports a model."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from engine.exporting.errors import ExportError
from engine.exporting.making import make_gguf, new_export, prepare_gguf
from engine.exporting.ollama.modelfile import MODELFILE
from engine.exporting.ollama.writing import check_prompts, gguf_name, modelfile_of
from engine.exporting.spec import ExportSpec
from engine.files import folder_bytes, new_folder
from engine.jobs.context import JobContext, JobResult
from engine.models.library import ModelFiles, find_model
from engine.weights.folding import fold_adapter
from engine.workspace.adoption import Adoption


def run(context: JobContext) -> JobResult:
    """Export the spec's model."""
    spec = ExportSpec.model_validate(context.spec)
    files = find_model(context.workspace, spec.model)
    if spec.form == "gguf":
        return _gguf(context, spec, files)
    if spec.out is None:
        raise ExportError("export.no_place", "It is not said where the export goes.", fix="Name a folder.")
    out = Path(spec.out)
    if spec.form == "ollama":
        with new_folder(out) as folder:
            return _gguf(context, spec, files, folder)
    started = time.monotonic()
    if spec.form == "adapter":
        _copy_adapter(files, out)
    elif files.adapter_folder is not None:
        fold_adapter(files.base_folder, files.adapter_folder, out, reporter=context)
    else:
        with new_folder(out) as folder:
            shutil.copytree(files.folder, folder, dirs_exist_ok=True)
    return JobResult(
        {
            "model": files.name,
            "form": spec.form,
            "file": str(out),
            "bytes": folder_bytes(out),
            "seconds": round(time.monotonic() - started, 3),
        }
    )


def _gguf(context: JobContext, spec: ExportSpec, files: ModelFiles, folder: Path | None = None) -> JobResult:
    """A GGUF file; with ``folder``, which becomes the spec's place, a Modelfile beside it."""
    started = time.monotonic()
    prepared = prepare_gguf(context.workspace, context, files, spec)
    modelfile = None
    name = gguf_name(files.name, prepared.wanted.name)
    if folder is not None:
        # Before the large file, so that a template that cannot be told to Ollama costs nothing.
        modelfile = modelfile_of(files, prepared.template, name, prepared.beginning.token, context)
    file = _place(context, spec, name) if folder is None else folder / name
    made = make_gguf(prepared, file, context, threads=spec.threads)
    summary = {"model": files.name, "form": spec.form, "file": str(file), **made}
    if folder is not None and modelfile is not None:
        (folder / MODELFILE).write_text(modelfile.text(), encoding="utf-8", newline="\n")
        summary["ollama"] = check_prompts(
            file, prepared.template, modelfile, prepared.beginning.token, context
        )
        file = Path(str(spec.out)) / name
        summary |= {"file": str(file), "modelfile": str(file.with_name(MODELFILE))}
    summary["seconds"] = round(time.monotonic() - started, 3)
    export = new_export(context.job_id, files, context.workspace.relative(file), made)
    return JobResult(summary, Adoption(exports=[export]))


def _place(context: JobContext, spec: ExportSpec, name: str) -> Path:
    if spec.out is not None:
        return Path(spec.out)
    folder = context.output_folder(context.workspace.exports)
    folder.mkdir(parents=True)
    return folder / name


def _copy_adapter(files: ModelFiles, out: Path) -> None:
    if files.adapter_folder is None:
        raise ExportError(
            "export.no_adapter",
            "'{name}' is no adapter but a whole model.",
            fix="Export it with --as merged or --as gguf.",
            name=files.name,
        )
    with new_folder(out) as folder:
        shutil.copytree(files.adapter_folder, folder, dirs_exist_ok=True)
