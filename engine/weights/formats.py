"""The element types of safetensors and what a source of tensors looks like. Knows no torch at import."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from engine.errors import BakeoffError
from engine.weights.errors import WeightsError

if TYPE_CHECKING:
    import torch

#: Code in a safetensors header -> (bytes per element, name of the torch dtype).
DTYPES: Final[dict[str, tuple[int, str]]] = {
    "F64": (8, "float64"),
    "F32": (4, "float32"),
    "F16": (2, "float16"),
    "BF16": (2, "bfloat16"),
    "F8_E4M3": (1, "float8_e4m3fn"),
    "F8_E5M2": (1, "float8_e5m2"),
    "I64": (8, "int64"),
    "I32": (4, "int32"),
    "I16": (2, "int16"),
    "I8": (1, "int8"),
    "U64": (8, "uint64"),
    "U32": (4, "uint32"),
    "U16": (2, "uint16"),
    "U8": (1, "uint8"),
    "BOOL": (1, "bool"),
}
_CODES: Final = {name: code for code, (_, name) in DTYPES.items()}
#: The types that merging and folding write.
FLOAT_CODES: Final = frozenset({"F64", "F32", "F16", "BF16"})


#: The rows of a tensor from the first up to the last (excluded), as 2-D: all its dimensions but the last are taken as
#: one, and a vector is one row.
Rows = Callable[[int, int], "torch.Tensor"]


@dataclass(frozen=True)
class PlannedTensor:
    """A tensor that is going to be written.

    Attributes:
        name: Its name in the file.
        dtype: Code of its element type, for example ``"BF16"``.
        shape: Its shape; empty for a scalar.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes_per_element(self) -> int:
        """Bytes of one element."""
        return element_bytes(self.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of its data."""
        return self.nbytes_per_element * math.prod(self.shape)


def rows_of(tensor: torch.Tensor) -> Rows:
    """Gives the rows of a tensor that is there as a whole."""
    flat = tensor.reshape(-1, tensor.shape[-1]) if tensor.ndim > 1 else tensor.reshape(1, -1)
    return lambda first, last: flat[first:last]


class TensorSource(Protocol):
    """A model's tensors, read one at a time (a `WeightsReader`, or one with an adapter folded in)."""

    @property
    def folder(self) -> Path:
        """Where the model lies."""

    def names(self) -> list[str]:
        """Names of all tensors, sorted."""

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""

    def dtype(self, name: str) -> str:
        """Code of the type that the tensor is stored in."""

    def read(self, name: str) -> torch.Tensor:
        """The tensor itself, owned by the caller."""

    def rows(self, name: str) -> Rows:
        """Reads some rows of a tensor at a time; one that has to be computed as a whole is computed here, once."""

    def files(self) -> list[Path]:
        """The files that hold the tensors, sorted by name."""

    def sha256(self) -> str:
        """Hash of the content (see `WeightsReader.sha256`)."""


def element_bytes(code: str) -> int:
    """Bytes of one element of type ``code``."""
    return DTYPES[code][0]


def torch_dtype(code: str) -> torch.dtype:
    """The torch dtype behind a code."""
    import torch

    dtype: torch.dtype = getattr(torch, DTYPES[code][1])
    return dtype


def dtype_name(code: str) -> str:
    """The name that a config uses for a code (``"BF16"`` -> ``"bfloat16"``)."""
    return DTYPES[code][1]


def dtype_code(name: str) -> str:
    """The code behind a config's name of a dtype (``"bfloat16"`` or ``"torch.bfloat16"`` -> ``"BF16"``).

    Raises:
        WeightsError: No such type.
    """
    code = _CODES.get(name.removeprefix("torch."))
    if code is None:
        raise WeightsError(
            "weights.dtype_unknown",
            "'{name}' is not an element type.",
            fix="Use float32, bfloat16 or float16.",
            name=name,
        )
    return code


def unknown_tensor(name: str, folder: Path) -> BakeoffError:
    """The error for a tensor that a model does not have."""
    return WeightsError(
        "weights.tensor_missing",
        "The model {file} has no tensor '{tensor}'.",
        fix="Check that the download or copy is complete and of this architecture.",
        file=str(folder),
        tensor=name,
    )
