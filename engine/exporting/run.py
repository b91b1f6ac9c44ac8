"""The job that exports a model."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.datasets.example import Example
from engine.datasets.library import OpenDataset, open_dataset
from engine.datasets.selection import select
from engine.errors import BakeoffError
from engine.exporting.beginning import begin_prompts
from engine.exporting.errors import ExportError
from engine.exporting.ollama.modelfile import MODELFILE
from engine.exporting.ollama.writing import check_prompts, gguf_name, modelfile_of
from engine.exporting.parity import PROBES, Parity, compare_tokens
from engine.exporting.quantisations import quantisation, wants_importance
from engine.exporting.sources import plan_of, trained_on
from engine.exporting.spec import ExportSpec
from engine.exporting.writing import write_gguf
from engine.files import folder_bytes, new_folder, sha256_file
from engine.jobs.context import JobContext, JobResult
from engine.models.device import choose_device
from engine.models.library import ModelFiles, find_model
from engine.models.template import ChatTemplate, load_template
from engine.weights.folding import fold_adapter
from engine.workspace.adoption import Adoption, NewExport

if TYPE_CHECKING:
    from engine.exporting.importance import Importance

#: Prompts of a dataset whose tokens are compared.
_COMPARED: Final = 500
#: Training examples on which it is measured which weights matter, and tokens of each.
_MEASURED: Final = 256
_MEASURED_TOKENS: Final = 1024


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
    wanted = quantisation(spec.quantisation)
    template = load_template(files.folder, context, fallback=files.base_folder)
    dataset = _dataset(context, spec, files)
    importance = None
    if spec.importance or (spec.importance is None and wants_importance(wanted)):
        importance = _importance(context, files, template, dataset)
    plan = plan_of(files, wanted, importance=importance)
    context.event("export.plan", **{key: value for key, value in plan.as_dict().items() if key != "tensors"})
    beginning = begin_prompts(plan, template, context)
    modelfile = None
    name = gguf_name(files.name, wanted.name)
    if folder is not None:
        # Before the large file, so that a template that cannot be told to Ollama costs nothing.
        modelfile = modelfile_of(files, template, name, beginning.token, context)
    file = _place(context, spec, name) if folder is None else folder / name
    write_gguf(
        plan,
        file,
        name=files.name,
        chat_template=template.text,
        add_bos=beginning.add,
        importance=importance,
        threads=spec.threads,
        reporter=context,
    )
    parity = compare_tokens(file, template.tokenizer, _texts(template, dataset), template.text)
    _tell(context, parity)
    summary = {
        "model": files.name,
        "form": spec.form,
        "quantisation": wanted.name,
        "file": str(file),
        "bytes": file.stat().st_size,
        "sha256": sha256_file(file),
        "bits_per_weight": plan.as_dict()["bits_per_weight"],
        "types": plan.types,
        "parity": parity.as_dict(),
    }
    if folder is not None and modelfile is not None:
        (folder / MODELFILE).write_text(modelfile.text(), encoding="utf-8", newline="\n")
        file = Path(str(spec.out)) / name
        summary["ollama"] = check_prompts(folder / name, template, modelfile, beginning.token, context)
        summary |= {"file": str(file), "modelfile": str(file.with_name(MODELFILE))}
    summary["seconds"] = round(time.monotonic() - started, 3)
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


def _place(context: JobContext, spec: ExportSpec, name: str) -> Path:
    if spec.out is not None:
        return Path(spec.out)
    folder = context.output_folder(context.workspace.exports)
    folder.mkdir(parents=True)
    return folder / name


def _dataset(context: JobContext, spec: ExportSpec, files: ModelFiles) -> OpenDataset | None:
    """The dataset that the spec names, else the one that the model was trained on, if it is still there."""
    name = spec.dataset or trained_on(files)
    if name is None:
        return None
    try:
        return open_dataset(context.workspace, name, "train")
    except BakeoffError:
        if spec.dataset is not None:
            raise
        return None


def _importance(
    context: JobContext, files: ModelFiles, template: ChatTemplate, dataset: OpenDataset | None
) -> Importance:
    """Which weights matter on the dataset's training text."""
    from engine.exporting.importance import measure_importance

    if dataset is None:
        raise ExportError(
            "export.no_text",
            "It is not known on which text to measure which weights matter.",
            fix="Name a dataset by --dataset, or take a quantisation that does without, such as q4_k_m.",
        )
    plan = plan_of(files, quantisation("f16"))
    examples = select(dataset.store, "train", limit=_MEASURED)
    context.decision(
        "importance",
        f"{len(examples)} examples of {dataset.name}",
        "the quantisation weighs columns by their use",
    )
    return measure_importance(
        plan.family,
        files.base_folder,
        files.adapter_folder,
        (_tokens(template, example) for example in examples),
        choose_device(context),
        context,
        names=[tensor.output.name for tensor in plan.tensors],
    )


def _tokens(template: ChatTemplate, example: Example) -> list[int]:
    ids = template.render([message.as_dict() for message in example.messages], example.tools).ids
    return ids[:_MEASURED_TOKENS]


def _texts(template: ChatTemplate, dataset: OpenDataset | None) -> Iterator[str]:
    """What is tokenised by both programs: probes, and prompts of the task as the model gets them."""
    yield from PROBES
    if dataset is not None:
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
