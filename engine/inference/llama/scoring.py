"""How likely a GGUF file finds given answers: the surest measure of what quantisation has cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from engine.inference.errors import AnsweringError
from engine.inference.llama.batch import Batch
from engine.inference.llama.decoder import new_context
from engine.inference.llama.library import last_words, llama
from engine.inference.llama.model import LlamaModel
from engine.progress import Reporter, SilentReporter


def log_likelihoods(
    model: LlamaModel,
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
    *,
    threads: int | None = None,
    reporter: Reporter | None = None,
) -> Iterator[float]:
    """The natural logarithm of the probability of each answer, given its prompt.

    Args:
        model: The model.
        pairs: Tokens of a prompt and of its answer, neither empty.
        threads: Of the processor; None: one per core.
        reporter: May interrupt between two answers.

    Yields:
        The sum over the answer's tokens; minus infinity where prompt and answer exceed the model's context.

    Raises:
        AnsweringError: llama.cpp has not enough memory, or fails.
    """
    reporter = reporter or SilentReporter()
    longest = max((len(prompt) + len(answer) for prompt, answer in pairs), default=1)
    context = new_context(model, min(longest, model.trained_context), 1, threads)
    batch = Batch(512)
    memory = llama().llama_get_memory(context)
    try:
        for prompt, answer in pairs:
            reporter.check()
            if len(prompt) + len(answer) > model.trained_context:
                yield float("-inf")
                continue
            llama().llama_memory_clear(memory, False)
            yield _of_one(model, context, batch, [*prompt, *answer], len(prompt))
    finally:
        batch.close()
        llama().llama_free(context)


def _of_one(model: LlamaModel, context: object, batch: Batch, tokens: list[int], start: int) -> float:
    """The log-likelihood of ``tokens`` from ``start`` on; each token is told by the row before it."""
    total = 0.0
    for begin in range(0, len(tokens) - 1, batch.room):
        part = tokens[begin : min(begin + batch.room, len(tokens) - 1)]
        wanted = max(min(len(part), begin + len(part) - start + 1), 0)
        batch.clear()
        batch.add(part, begin, 0, wanted=wanted)
        if llama().llama_decode(context, batch.raw) != 0:
            raise AnsweringError(
                "answers.failed",
                "llama.cpp could not compute: {reason}.",
                reason=last_words().rstrip(".") or "it does not say why",
            )
        if wanted:
            logits = np.ctypeslib.as_array(llama().llama_get_logits(context), (wanted, model.tokens))
            first = begin + len(part) - wanted
            total += _log_probability(logits, tokens[first + 1 : first + 1 + wanted])
    return total


def _log_probability(logits: np.ndarray, tokens: list[int]) -> float:
    """The sum of the log-softmax of ``logits`` (rows, vocabulary) at one token per row."""
    top = logits.max(axis=1)
    log_sum = np.log(np.exp(logits - top[:, None], dtype=np.float64).sum(axis=1)) + top
    return float((logits[np.arange(len(tokens)), tokens] - log_sum).sum())
