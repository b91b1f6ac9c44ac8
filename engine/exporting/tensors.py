"""What a GGUF file's tensors are made of: rows of the model's own tensors, rearranged where ggml wants them so."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from engine.weights.formats import TensorSource

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """Some rows of one tensor of the model.

    Attributes:
        source: The tensor's name.
        rows: First and last+1 of its rows, all dimensions but the last taken as one; None: all.
        heads: Rotary embedding turns neighbouring rows in ggml and distant ones in transformers: bring the rows
            of each of so many heads into ggml's order. None: they stay.
        add: Added to each value (norms that are stored as their difference from one).
    """

    source: str
    rows: tuple[int, int] | None = None
    heads: int | None = None
    add: float = 0.0


@dataclass(frozen=True)
class Output:
    """A tensor of the GGUF file.

    Attributes:
        name: Its name there.
        shape: Its shape, the longest stride first, as in torch.
        pieces: What it is made of, one below the other; empty for a ``constant``.
        constant: Values that follow from the config, float32.
    """

    name: str
    shape: Shape
    pieces: tuple[Piece, ...] = ()
    constant: np.ndarray[Any, np.dtype[np.float32]] | None = None

    @property
    def columns(self) -> int:
        """Values in a row."""
        return self.shape[-1]

    @property
    def rows(self) -> int:
        """Rows, all dimensions but the last taken as one."""
        return math.prod(self.shape[:-1])


def copied(name: str, source: str, shape: Shape, *, heads: int | None = None, add: float = 0.0) -> Output:
    """A tensor that is one of the model's."""
    return Output(name, shape, (Piece(source, heads=heads, add=add),))


def stacked(name: str, sources: list[str], shape: Shape) -> Output:
    """The tensors of several experts as one with a dimension more."""
    return Output(name, (len(sources), *shape), tuple(Piece(source) for source in sources))


def halves(names: tuple[str, str], source: str, shape: Shape) -> list[Output]:
    """Two tensors that the model stores as one, the first above the second (in each expert, if there are any)."""
    *experts, rows, columns = shape
    half = rows // 2
    found = []
    for position, name in enumerate(names):
        pieces = tuple(
            Piece(source, (expert * rows + position * half, expert * rows + (position + 1) * half))
            for expert in range(math.prod(experts))
        )
        found.append(Output(name, (*experts, half, columns), pieces))
    return found


def read_pieces(output: Output, source: TensorSource) -> Iterator[torch.Tensor]:
    """The rows of a tensor, piece by piece, as stored (2-D; float32 where something was added).

    A tensor of the model that several pieces take from in turn is read once.
    """
    import torch

    if output.constant is not None:
        yield torch.from_numpy(output.constant).reshape(output.rows, output.columns)
        return
    name, tensor = "", torch.empty(0)
    for piece in output.pieces:
        if piece.source != name:
            del tensor
            name, tensor = piece.source, _as_stored(source, piece.source)
        rows = tensor.reshape(-1, tensor.shape[-1]) if tensor.ndim > 1 else tensor.reshape(1, -1)
        if piece.rows is not None:
            rows = rows[piece.rows[0] : piece.rows[1]]
        if piece.heads is not None:
            rows = _interleaved(rows if tensor.ndim > 1 else rows.reshape(-1, 1), piece.heads)
            rows = rows.reshape(-1, output.columns)
        if piece.add:
            rows = rows.float() + piece.add
        yield rows


def _as_stored(source: TensorSource, name: str) -> torch.Tensor:
    """A tensor in the type that a saved copy of the model would have."""
    from engine.weights.formats import torch_dtype

    tensor = source.read(name)
    return tensor.to(torch_dtype(source.dtype(name)))


def _interleaved(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Per head, the rows of the first and of the second half in turn."""
    columns = rows.shape[-1]
    return rows.reshape(heads, 2, -1, columns).transpose(1, 2).reshape(-1, columns)
