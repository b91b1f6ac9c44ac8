"""Where the tensors of a workspace's model come from: its own files, or its base with the adapter folded in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
