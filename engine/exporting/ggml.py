"""ggml's quantisers, called row by row from any thread; `engine.exporting.kquants` takes their place where it can."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Final

import numpy as np
from gguf import GGML_QUANT_SIZES
from gguf import GGMLQuantizationType as Type

from engine.exporting.errors import ExportError
from engine.exporting.kquants import Rounder, rounder
from engine.inference.llama.library import ggml

_FLOATS: Final = ctypes.POINTER(ctypes.c_float)


def row_bytes(kind: Type, columns: int) -> int:
    """Bytes of a row of ``columns`` values."""
    block, size = GGML_QUANT_SIZES[kind]
    return int(columns // block * size)


def quantise_rows(
    kind: Type, rows: np.ndarray[Any, np.dtype[np.float32]], importance: np.ndarray[Any, Any] | None = None
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The rows in blocks of type ``kind``.

    Args:
        kind: A quantised type.
        rows: float32, of shape (rows, columns), contiguous.
        importance: Weight of each column, float32; None: all are alike.

    Raises:
        ExportError: The values hold something that is no number.
    """
    result = np.empty((rows.shape[0], row_bytes(kind, rows.shape[1])), dtype=np.uint8)
    faster = None if importance is not None else _faster(kind)
    if faster is not None:
        faster(rows, result)
    else:
        _round(kind, rows, result, importance)
    valid = _library().ggml_validate_row_data(int(kind), result.ctypes.data, result.nbytes)
    if not valid or not np.isfinite(rows).all():
        raise ExportError(
            "export.not_a_number",
            "The weights hold values that are no finite numbers.",
            fix="Train or merge the model again; it is damaged.",
        )
    return result


def _round(
    kind: Type,
    rows: np.ndarray[Any, np.dtype[np.float32]],
    result: np.ndarray[Any, np.dtype[np.uint8]],
    importance: np.ndarray[Any, Any] | None = None,
) -> None:
    """The rows in blocks, as ggml rounds them."""
    weights = None if importance is None else importance.ctypes.data_as(_FLOATS)
    _library().ggml_quantize_chunk(
        int(kind), rows.ctypes.data_as(_FLOATS), result.ctypes.data, 0, *rows.shape, weights
    )


@cache
def _faster(kind: Type) -> Rounder | None:
    """Our own way to round to a type, if there is one and it does as the installed ggml: told by a sample."""
    own = rounder(kind)
    if own is None:
        return None
    sample = np.random.default_rng(0).standard_t(3, (33, 256)).astype(np.float32)
    sample[:8] *= np.float32(10.0) ** np.arange(-36, 36, 9, dtype=np.float32)[:, None]
    ours, theirs = (np.zeros((len(sample), row_bytes(kind, 256)), dtype=np.uint8) for _ in range(2))
    own(sample, ours)
    _round(kind, sample, theirs)
    return own if np.array_equal(ours, theirs) else None


@cache
def _library() -> Any:
    """Libggml of llama.cpp, with the functions' types told."""
    libggml = ggml()
    libggml.ggml_quantize_chunk.argtypes = [
        ctypes.c_int,
        _FLOATS,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_int64,
        _FLOATS,
    ]
    libggml.ggml_quantize_chunk.restype = ctypes.c_size_t
    libggml.ggml_validate_row_data.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    libggml.ggml_validate_row_data.restype = ctypes.c_bool
    return libggml
