"""Q4_K, Q5_K and Q6_K, rounded five times as fast as ggml does it, to the same bytes.

The library is built from ``kquants.cpp`` when Bakeoff is installed (``packaging/native.py``), where there is a
compiler that has vector types; `engine.exporting.ggml` does without it where there is none.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from gguf import GGML_QUANT_SIZES
from gguf import GGMLQuantizationType as Type

#: Takes rows of float32, of shape (rows, columns) and contiguous, and where their blocks go.
Rounder = Callable[[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.uint8]]], None]

_FUNCTIONS: Final = {Type.Q4_K: "round_q4_k", Type.Q5_K: "round_q5_k", Type.Q6_K: "round_q6_k"}
_LIBRARY: Final = Path(__file__).with_name("libkquants.so")


def rounder(kind: Type) -> Rounder | None:
    """What rounds rows to blocks of a type; None: nothing here does."""
    library = _library()
    if library is None or kind not in _FUNCTIONS:
        return None
    function = getattr(library, _FUNCTIONS[kind])
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    function.restype = None
    block, _ = GGML_QUANT_SIZES[kind]

    def round_rows(
        rows: np.ndarray[Any, np.dtype[np.float32]], blocks: np.ndarray[Any, np.dtype[np.uint8]]
    ) -> None:
        function(rows.ctypes.data, blocks.ctypes.data, rows.size // block)

    return round_rows


@cache
def _library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(str(_LIBRARY))
    except OSError:  # it was not built, or for another machine
        return None
