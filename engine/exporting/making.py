"""Makes a GGUF file of a model of the workspace: planned, written, and compared with the model's own tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.datasets.example import Example
from engine.datasets.library import OpenDataset, open_dataset
from engine.datasets.selection import select
from engine.errors import BakeoffError, Words
from engine.exporting.beginning import Beginning, begin_prompts
from engine.exporting.errors import ExportError
from engine.exporting.parity import PROBES, Parity, compare_tokens
from engine.exporting.plan import GgufPlan
from engine.exporting.quantisations import Quantisation, quantisation, wants_importance
from engine.exporting.sources import plan_of, trained_on
from engine.exporting.spec import ExportSpec
from engine.exporting.writing import write_gguf
from engine.files import sha256_file
from engine.models.auto import forgo_models
from engine.models.device import choose_device
from engine.models.library import ModelFiles
from engine.models.template import ChatTemplate, load_template
from engine.progress import Reporter
from engine.workspace import Workspace
from engine.workspace.adoption import NewExport

if TYPE_CHECKING:
    from engine.exporting.importance import Importance

#: Prompts of a dataset whose tokens are compared.
_COMPARED: Final = 500
#: Training examples on which it is measured which weights matter, and tokens of each.
_MEASURED: Final = 256
_MEASURED_TOKENS: Final = 1024


@dataclass(frozen=True)
class Prepared:
    """A GGUF file about to be written.

    Attributes:
        name: What the file calls the model.
        template: The recorded rendering.
        beginning: How prompts begin.
        importance: Which weights matter, where that was measured.
        dataset: Whose prompts are compared.
    """

    name: str
    wanted: Quantisation
    plan: GgufPlan
    template: ChatTemplate
    beginning: Beginning
    importance: Importance | None
    dataset: OpenDataset | None


def prepare_gguf(workspace: Workspace, reporter: Reporter, files: ModelFiles, spec: ExportSpec) -> Prepared:
    """Plan a file, and measure what has to be known before.

    Raises:
        ExportError: It cannot be written like this.
    """
    wanted = quantisation(spec.quantisation)
    if not _weighs(spec, wanted):
        forgo_models()
    template = load_template(files.folder, reporter, fallback=files.base_folder)
    dataset = dataset_of(workspace, spec, files)
    importance = None
    if _weighs(spec, wanted):
        importance = _importance(reporter, files, template, dataset)
    plan = plan_of(files, wanted, importance=importance)
    reporter.event("export.plan", **{key: value for key, value in plan.as_dict().items() if key != "tensors"})
    beginning = begin_prompts(plan, template, reporter)
    return Prepared(files.name, wanted, plan, template, beginning, importance, dataset)


def make_gguf(
    prepared: Prepared, file: Path, reporter: Reporter, *, threads: int | None = None
) -> dict[str, Any]:
    """Write the file and compare its tokens.

    Returns:
        Quantisation, bytes, sha256, bits per weight, types, parity.

    Raises:
        ExportError: The disk is full, or llama.cpp cannot load what was written.
    """
    plan, template = prepared.plan, prepared.template
    # Before the large file: a template that fails on the task's prompts costs nothing.
    texts = list(parity_texts(template, prepared.dataset))
    found: list[Parity] = []
    write_gguf(
        plan,
        file,
        name=prepared.name,
        chat_template=template.text,
        add_bos=prepared.beginning.add,
        importance=prepared.importance,
        threads=threads,
        reporter=reporter,
        check=lambda whole: found.append(compare_tokens(whole, template.tokenizer, texts, template.text)),
    )
    (parity,) = found
    _tell(reporter, parity)
    return {
        "quantisation": prepared.wanted.name,
        "bytes": file.stat().st_size,
        "sha256": sha256_file(file),
        "bits_per_weight": plan.as_dict()["bits_per_weight"],
        "types": plan.types,
        "parity": parity.as_dict(),
    }


def new_export(number: str, files: ModelFiles, file: str, made: dict[str, Any], lies: Path) -> NewExport:
    """What the catalogue takes over of a file.

    Args:
        number: Its id.
        files: The model.
        file: As the catalogue names it.
        made: See `make_gguf`.
        lies: Where it is now.
    """
    told = {key: made[key] for key in ("bytes", "bits_per_weight", "types", "parity")}
    return NewExport(
        id=number,
        model_id=files.id,
        made_of=files.identity,
        quantisation=made["quantisation"],
        file=file,
        sha256=made["sha256"],
        info={**told, "written_ns": lies.stat().st_mtime_ns},
    )


def dataset_of(workspace: Workspace, spec: ExportSpec, files: ModelFiles) -> OpenDataset | None:
    """The dataset that the spec names, else the one that the model was trained on, if it is still there."""
    name = spec.dataset or trained_on(files)
    if name is None:
        return None
    try:
        return open_dataset(workspace, name, "export")
    except BakeoffError:
        if spec.dataset is not None:
            raise
        return None


def require_text(workspace: Workspace, spec: ExportSpec, files: ModelFiles) -> None:
    """Refuse a quantisation that weighs columns by their use where there is no text to measure that on.

    Raises:
        ExportError: There is none, or the quantisation is unknown.
        BakeoffError: The dataset that the spec names cannot be read.
    """
    if _weighs(spec, quantisation(spec.quantisation)) and dataset_of(workspace, spec, files) is None:
        raise _no_text()


def _weighs(spec: ExportSpec, wanted: Quantisation) -> bool:
    return bool(spec.importance or (spec.importance is None and wants_importance(wanted)))


def _no_text() -> ExportError:
    return ExportError(
        "export.no_text",
        "It is not known on which text to measure which weights matter.",
        fix="Name a dataset by --dataset, or take a quantisation that does without, such as q4_k_m.",
    )


def _importance(
    reporter: Reporter, files: ModelFiles, template: ChatTemplate, dataset: OpenDataset | None
) -> Importance:
    """Which weights matter on the dataset's training text."""
    from engine.exporting.importance import measure_importance

    if dataset is None:
        raise _no_text()
    plan = plan_of(files, quantisation("f16"))
    examples = select(dataset.store, "train", limit=_MEASURED)
    reporter.decision(
        "importance",
        Words("{count} examples of {name}", count=len(examples), name=dataset.name),
        "the quantisation weighs columns by their use",
    )
    return measure_importance(
        plan.family,
        files.base_folder,
        files.adapter_folder,
        (_tokens(template, example) for example in examples),
        choose_device(reporter),
        reporter,
        names=[tensor.output.name for tensor in plan.tensors],
    )


def _tokens(template: ChatTemplate, example: Example) -> list[int]:
    ids = template.render([message.as_dict() for message in example.messages], example.tools).ids
    return ids[:_MEASURED_TOKENS]


def parity_texts(template: ChatTemplate, dataset: OpenDataset | None) -> Iterator[str]:
    """What is tokenised by both programs: probes, and prompts of the task as the model gets them."""
    yield from PROBES
    if dataset is not None:
        asked = chain(dataset.store.examples("test"), dataset.store.examples("train"))
        for example in islice(asked, _COMPARED):
            messages = [message.as_dict() for message in example.prompt]
            yield template.prompt_text(messages, example.tools)


def _tell(reporter: Reporter, parity: Parity) -> None:
    reporter.event("export.parity", **parity.as_dict())
    if parity.different:
        reporter.event(
            "warning",
            message=Words(
                "llama.cpp reads {count} of {texts} texts as other tokens than the model was trained on, for "
                "example: {example!r}",
                count=len(parity.different),
                texts=parity.texts,
                example=parity.different[0][:80],
            ),
        )
