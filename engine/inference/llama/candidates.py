"""Tokens with their logits, as llama.cpp's samplers take them."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np

from engine.inference.llama.library import llama

#: One candidate in memory: llama.cpp's ``llama_token_data``.
_CANDIDATE: Final = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Candidates:
    """So many tokens, each with a logit.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._rows = np.zeros(count, dtype=_CANDIDATE)
        data = ctypes.cast(self._rows.ctypes.data, llama().llama_token_data_p)
        self._array = llama().llama_token_data_array(data=data, size=count, selected=-1, sorted=False)

    def fill(self, tokens: np.ndarray[Any, Any], logits: np.ndarray[Any, Any]) -> None:
        """Set all tokens and their logits."""
        self._rows["id"] = tokens
        self._rows["logit"] = logits
        self._rows["p"] = 0
        self._array.size, self._array.selected, self._array.sorted = len(self._rows), -1, False

    @property
    def raw(self) -> Any:
        """What llama.cpp takes; samplers may reorder and shorten it."""
        return ctypes.byref(self._array)

    @property
    def tokens(self) -> np.ndarray[Any, Any]:
        """Their ids."""
        ids: np.ndarray[Any, Any] = self._rows["id"]
        return ids

    @property
    def logits(self) -> np.ndarray[Any, Any]:
        """Their logits; minus infinity: impossible."""
        values: np.ndarray[Any, Any] = self._rows["logit"]
        return values

    @property
    def selected(self) -> int:
        """The token that a sampler has drawn."""
        return int(self._array.data[self._array.selected].id)
