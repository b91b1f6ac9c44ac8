"""Contexts of llama.cpp, in which a model computes batches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from engine.errors import Words
from engine.inference.errors import AnsweringError
from engine.inference.llama.library import last_words, llama

if TYPE_CHECKING:
    from engine.inference.llama.batch import Batch
    from engine.inference.llama.model import LlamaModel

#: Most tokens that are computed at once.
ROOM: Final = 512


def new_context(
    model: LlamaModel, cells: int, sequences: int, threads: int | None = None, *, together: bool = False
) -> Any:
    """A context of llama.cpp, to be freed by the caller.

    Args:
        model: The model that computes in it.
        cells: Room for so many tokens of each sequence, or of all ``together``.
        sequences: Most sequences.
        together: All have one cache, where parts of it can be shared.
        threads: Of the processor; None: one per core.

    Raises:
        AnsweringError: There is not enough memory.
    """
    options = llama().llama_context_default_params()
    options.n_ctx = cells_for(cells, 1 if together else sequences)
    options.n_batch = options.n_ubatch = ROOM
    options.n_seq_max = sequences
    options.n_threads = options.n_threads_batch = threads or os.cpu_count() or 1
    options.kv_unified = together
    options.no_perf = True
    options.swa_full = True  # a sequence that takes guesses back needs what lies behind a window, too
    context = llama().llama_init_from_model(model.handle, options)
    if not context:
        raise AnsweringError(
            "answers.no_memory",
            "llama.cpp cannot make room for {cells} tokens: {reason}.",
            fix="Answer fewer prompts at the same time (a smaller batch size).",
            cells=options.n_ctx,
            reason=last_words().rstrip(".") or Words("it does not say why"),
        )
    return context


def cells_for(tokens: int, sequences: int) -> int:
    """Cells of the cache for so many tokens of each sequence; llama.cpp gives each a multiple of 256."""
    return -(-tokens // 256) * 256 * sequences


def compute(context: Any, batch: Batch) -> None:
    """Compute a batch in a context.

    Raises:
        AnsweringError: llama.cpp fails.
    """
    status = llama().llama_decode(context, batch.raw)
    if status != 0:
        raise AnsweringError(
            "answers.failed",
            "llama.cpp could not compute ({status}): {reason}.",
            fix="Answer fewer prompts at the same time (a smaller batch size).",
            status=status,
            reason=last_words().rstrip(".") or Words("it does not say why"),
        )
