"""The job that exports a model."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from engine.datasets.library import open_dataset
from engine.errors import BakeoffError
from engine.exporting.errors import ExportError
from engine.exporting.parity import PROBES, Parity, compare_tokens
from engine.exporting.plan import plan_gguf
from engine.exporting.quantisations import quantisation
from engine.exporting.sources import source_of
from engine.exporting.spec import ExportSpec
from engine.exporting.writing import write_gguf
from engine.files import folder_bytes, new_folder, read_json, sha256_file
from engine.jobs.context import JobContext, JobResult
from engine.models.library import ModelFiles, find_model
from engine.models.template import ChatTemplate, load_template
from engine.weights.folding import fold_adapter
from engine.workspace.adoption import Adoption, NewExport

#: Prompts of a dataset whose tokens are compared.
_COMPARED: Final = 500


def run(context: JobContext) -> JobResult:
    """Export the spec's model."""
    spec = ExportSpec.model_validate(context.spec)
    files = find_model(context.workspace, spec.model)
    if spec.form == "gguf":
        return _gguf(context, spec, files)
    if spec.out is None:
        raise ExportError("export.no_place", "It is not said where the export goes.", fix="Name a folder.")
    out = Path(spec.out)
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


def _gguf(context: JobContext, spec: ExportSpec, files: ModelFiles) -> JobResult:
    started = time.monotonic()
    wanted = quantisation(spec.quantisation)
    source = source_of(files)
    plan = plan_gguf(
        files.base_folder,
        wanted,
        source=source.tensors,
        tokenizer_folder=source.tokenizer_folder,
        vocabulary_size=source.vocabulary_size,
    )
    template = load_template(files.folder, context, fallback=files.base_folder)
    context.event("export.plan", **{key: value for key, value in plan.as_dict().items() if key != "tensors"})
    file = _place(context, spec, files, wanted.name)
    write_gguf(
        plan, file, name=files.name, chat_template=template.text, threads=spec.threads, reporter=context
    )
    parity = compare_tokens(file, template.tokenizer, _texts(context, spec, files, template), template.text)
    _tell(context, parity)
    summary = {
        "model": files.name,
        "form": "gguf",
        "quantisation": wanted.name,
        "file": str(file),
        "bytes": file.stat().st_size,
        "sha256": sha256_file(file),
        "bits_per_weight": plan.as_dict()["bits_per_weight"],
        "types": plan.types,
        "parity": parity.as_dict(),
        "seconds": round(time.monotonic() - started, 3),
    }
    export = NewExport(
        id=context.job_id,
        model_id=files.id,
        made_of=files.identity,
        quantisation=wanted.name,
        file=context.workspace.relative(file),
        sha256=str(summary["sha256"]),
        info={key: summary[key] for key in ("bytes", "bits_per_weight", "types", "parity")},
    )
    return JobResult(summary, Adoption(exports=[export]))


def _place(context: JobContext, spec: ExportSpec, files: ModelFiles, name: str) -> Path:
    if spec.out is not None:
        return Path(spec.out)
    folder = context.output_folder(context.workspace.exports)
    folder.mkdir(parents=True)
    return folder / f"{files.name}-{name}.gguf"


def _texts(context: JobContext, spec: ExportSpec, files: ModelFiles, template: ChatTemplate) -> Iterator[str]:
    """What is tokenised by both programs: probes, and prompts of the task as the model gets them."""
    yield from PROBES
    name = spec.dataset or ((read_json(files.folder / "bakeoff.json") or {}).get("dataset") or {}).get("name")
    if name is None:
        return
    try:
        dataset = open_dataset(context.workspace, name, "train")
    except BakeoffError:
        if spec.dataset is not None:
            raise
        return  # what it was trained on is gone
    for example in islice(dataset.store.examples("train"), _COMPARED):
        messages = [message.as_dict() for message in example.prompt]
        yield template.prompt_text(messages, example.tools)


def _tell(context: JobContext, parity: Parity) -> None:
    context.event("export.parity", **parity.as_dict())
    if parity.different:
        context.event(
            "warning",
            message=f"llama.cpp reads {len(parity.different)} of {parity.texts} texts as other tokens than the "
            f"model was trained on, for example: {parity.different[0][:80]!r}",
        )


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
