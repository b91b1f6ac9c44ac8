"""Where the tensors of a workspace's model come from: its own files, or its base with the adapter folded in."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.exporting.plan import GgufPlan, plan_gguf
from engine.exporting.quantisations import Quantisation, quantisation
from engine.files import read_json
from engine.weights import WeightsReader
from engine.weights.folding import FoldedReader
from engine.weights.heads import head_of

if TYPE_CHECKING:
    from engine.models.library import ModelFiles
    from engine.weights.formats import TensorSource


@dataclass(frozen=True)
class Source:
    """A model to be exported.

    Attributes:
        tensors: Its tensors, as a saved copy of the whole model would hold them.
        tokenizer_folder: Where its tokenizer lies.
        vocabulary_size: Rows of its embedding, where its base's config does not tell.
    """

    tensors: TensorSource
    tokenizer_folder: Path
    vocabulary_size: int | None = None


def source_of(files: ModelFiles) -> Source:
    """The tensors of a model of the workspace.

    Raises:
        WeightsError: They cannot be read, or base and adapter do not fit.
    """
    if files.adapter_folder is None:
        return Source(WeightsReader(files.folder), files.folder)
    folded = FoldedReader(files.base_folder, files.adapter_folder)
    size = None
    if folded.resized:
        embedding, _ = head_of(folded.names())
        size = folded.shape(embedding)[0] if embedding is not None else None
    return Source(folded, folded.tokenizer_folder, size)


def plan_of(
    files: ModelFiles, quantisation: Quantisation, *, importance: Container[str] | None = None
) -> GgufPlan:
    """The plan of a model's GGUF file (see `engine.exporting.plan.plan_gguf`)."""
    source = source_of(files)
    return plan_gguf(
        files.base_folder,
        quantisation,
        source=source.tensors,
        tokenizer_folder=source.tokenizer_folder,
        vocabulary_size=source.vocabulary_size,
        importance=importance,
    )


def require_exportable(files: ModelFiles) -> None:
    """See that a model can become a GGUF file.

    Raises:
        ExportError: Its architecture, a tensor or its tokenizer is unknown.
        WeightsError: The tensors cannot be read.
    """
    plan_of(files, quantisation("q8_0")).family.vocabulary()


def trained_on(files: ModelFiles) -> str | None:
    """The name of the dataset that an adapter was trained on, as its folder tells."""
    content = read_json(files.folder / "bakeoff.json")
    dataset = content.get("dataset") if isinstance(content, dict) else None
    return str(dataset["name"]) if isinstance(dataset, dict) and dataset.get("name") else None


def sixteen_bits(files: ModelFiles) -> str:
    """The 16-bit quantisation that loses nothing of a model, or least."""
    return sixteen_bits_of(source_of(files).tensors)


def sixteen_bits_of(source: TensorSource) -> str:
    """The 16-bit quantisation that loses nothing of these tensors, or least."""
    stored = {source.dtype(name) for name in source.names()}
    return "f16" if stored <= {"F16", "F32"} and "F16" in stored else "bf16"
