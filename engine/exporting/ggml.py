"""ggml's own quantisers, called row by row from any thread."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Final

import numpy as np
from gguf import GGML_QUANT_SIZES
from gguf import GGMLQuantizationType as Type

from engine.exporting.errors import ExportError

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
    count, columns = rows.shape
    result = np.empty((count, row_bytes(kind, columns)), dtype=np.uint8)
    weights = None if importance is None else importance.ctypes.data_as(_FLOATS)
    _library().ggml_quantize_chunk(
        int(kind), rows.ctypes.data_as(_FLOATS), result.ctypes.data, 0, count, columns, weights
    )
    if not _library().ggml_validate_row_data(int(kind), result.ctypes.data, result.nbytes):
        raise ExportError(
            "export.not_a_number",
            "The weights hold values that are no finite numbers.",
            fix="Train or merge the model again; it is damaged.",
        )
    return result


@cache
def _library() -> Any:
    """Libggml of llama.cpp, with the functions' types told."""
    from llama_cpp._ggml import libggml

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
