"""A merge as a source of tensors: each is computed when it is read, so that no merged model has to be written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.files import sha256_json
from engine.merging.execute import compute_tensor, one_core_per_tensor
from engine.merging.plan import MergePlan
from engine.weights.formats import Rows, rows_of

if TYPE_CHECKING:
    import torch


class MergedSource:
    """The tensors of a merge that is not written (an `engine.weights.formats.TensorSource`).

    Args:
        plan: The merge.
        folder: Where its config and tokenizer lie (see `engine.merging.output.write_companions`).
        seed: Of the methods that draw random numbers.
    """

    def __init__(self, plan: MergePlan, folder: Path, seed: int) -> None:
        self._plan = plan
        self._folder = folder
        self._seed = seed
        self._tensors = {tensor.output.name: tensor for tensor in plan.tensors}

    @property
    def folder(self) -> Path:
        """Where config and tokenizer lie."""
        return self._folder

    def names(self) -> list[str]:
        """Names of all tensors, sorted."""
        return sorted(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self._tensors[name].output.shape

    def dtype(self, name: str) -> str:
        """Code of the type that the merge stores the tensor in."""
        return self._tensors[name].output.dtype

    def read(self, name: str) -> torch.Tensor:
        """The merged tensor.

        Raises:
            MergeError: It holds NaN or infinity.
        """
        with one_core_per_tensor():  # as when it is written: sums by several threads round otherwise
            return compute_tensor(self._plan, self._tensors[name], self._seed)

    def rows(self, name: str) -> Rows:
        """Gives some rows of the merged tensor at a time; it is computed as a whole, once."""
        return rows_of(self.read(name))

    def files(self) -> list[Path]:
        """The files of all models that take part."""
        return sorted(file for model in self._plan.models.values() for file in model.source.files())

    def sha256(self) -> str:
        """Hash of all that decides the tensors: the parents' content hashes, the recipe and the seed."""
        parts = [model.source.sha256() for model in self._plan.models.values()]
        parts += [sha256_json(self._plan.recipe.as_dict()), str(self._seed)]
        return sha256_json(parts)
