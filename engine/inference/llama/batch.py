"""Tokens of several sequences that llama.cpp computes at once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from engine.inference.llama.library import llama

Ints = np.ndarray[Any, np.dtype[np.int32]]


class Batch:
    """A batch with room for a number of tokens, filled anew for each step.

    Args:
        room: Most tokens.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self._batch = llama().llama_batch_init(room, 0, 1)
        self._tokens = np.ctypeslib.as_array(self._batch.token, (room,))
        self._positions = np.ctypeslib.as_array(self._batch.pos, (room,))
        self._wanted = np.ctypeslib.as_array(self._batch.logits, (room,))
        self._sequences: Ints = np.zeros(room, dtype=np.int32)
        self._point_at_sequences()
        self.clear()

    def clear(self) -> None:
        """Forget all tokens."""
        self._batch.n_tokens = 0
        self.rows = 0

    def __len__(self) -> int:
        return int(self._batch.n_tokens)

    @property
    def left(self) -> int:
        """How many tokens still fit."""
        return self.room - len(self)

    @property
    def raw(self) -> Any:
        """What llama.cpp takes."""
        return self._batch

    def add(self, tokens: list[int], position: int, sequence: int, *, wanted: int) -> int:
        """Add tokens of one sequence.

        Args:
            tokens: What to compute.
            position: Of the first of them in its sequence.
            sequence: Whose they are.
            wanted: Of so many of the last ones the logits are wanted.

        Returns:
            The row that the first wanted logits will have among all wanted ones.
        """
        start, end = len(self), len(self) + len(tokens)
        self._tokens[start:end] = tokens
        self._positions[start:end] = np.arange(position, position + len(tokens))
        self._sequences[start:end] = sequence
        self._wanted[start:end] = 0
        self._wanted[end - wanted : end] = 1
        self._batch.n_tokens = end
        row = self.rows
        self.rows += wanted
        return row

    def close(self) -> None:
        """Free the memory; a second time does nothing."""
        batch, self._batch = self._batch, None
        if batch is not None:
            for place in range(self.room):
                batch.seq_id[place] = self._own[place]
            llama().llama_batch_free(batch)

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def _point_at_sequences(self) -> None:
        """Let each token's list of sequences be one place of an array that numpy can fill."""
        import ctypes

        integer = ctypes.POINTER(ctypes.c_int32)
        address = self._sequences.ctypes.data
        self._own = [ctypes.cast(self._batch.seq_id[place], integer) for place in range(self.room)]
        for place in range(self.room):
            self._batch.seq_id[place] = ctypes.cast(address + 4 * place, integer)
            self._batch.n_seq_id[place] = 1
