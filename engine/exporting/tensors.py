"""What a GGUF file's tensors are made of: rows of the model's own tensors, rearranged where ggml wants them so."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.exporting.errors import ExportError

if TYPE_CHECKING:
    import torch

    from engine.weights.formats import TensorSource

Shape = tuple[int, ...]
#: Values that are read at a time: a few megabytes, whatever the model's size.
_VALUES: Final = 1 << 22


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


def read_blocks(output: Output, source: TensorSource) -> Iterator[torch.Tensor]:
    """The rows of a tensor from the first to the last, a few million values at a time.

    Each block is 2-D and in the type that a saved copy of the model would have (float32 where something was added).
    A tensor that the source has to compute, and that several pieces take from in turn, is computed once.
    """
    import torch

    from engine.weights.formats import torch_dtype

    if output.constant is not None:
        yield torch.from_numpy(output.constant).reshape(output.rows, output.columns)
        return
    name, read, rows = "", None, None
    for piece in output.pieces:
        if piece.source != name or read is None:
            read = rows = None  # what a computed tensor takes is given back before the next is computed
            name, read = piece.source, source.rows(piece.source)
        dtype = torch_dtype(source.dtype(name))
        shape = source.shape(name)
        first, last = piece.rows or (0, math.prod(shape[:-1]))
        step = max(1, _VALUES // max(1, shape[-1]))
        head = None
        if piece.heads is not None and len(shape) > 1:
            head, odd = divmod(last - first, piece.heads)
            if odd or head % 2:
                raise ExportError(
                    "export.odd_heads",
                    "The tensor {name} has {rows} rows, which {heads} heads of attention cannot share.",
                    fix="Check that the model's config belongs to its weights.",
                    name=name,
                    rows=last - first,
                    heads=piece.heads,
                )
            step = max(1, step // head) * head
        for start in range(first, last, step):
            rows = read(start, min(start + step, last)).to(dtype)
            if head is not None:
                rows = _interleaved(rows, len(rows) // head)
            elif piece.heads is not None:
                rows = _interleaved(rows.reshape(-1, 1), piece.heads).reshape(1, -1)
            yield rows.float() + piece.add if piece.add else rows


def _interleaved(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Per head, the rows of the first and of the second half in turn."""
    columns = rows.shape[-1]
    return rows.reshape(heads, 2, -1, columns).transpose(1, 2).reshape(-1, columns)
