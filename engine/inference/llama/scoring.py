"""How likely a GGUF file finds given answers: the surest measure of what quantisation has cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from engine.inference.llama.batch import Batch
from engine.inference.llama.context import ROOM, compute, new_context
from engine.inference.llama.decoder import common_beginning
from engine.inference.llama.library import llama
from engine.inference.llama.model import LlamaModel
from engine.progress import Reporter, SilentReporter

#: Most pairs in one batch.
_SEQUENCES: Final = 64
_SHARED: Final = 0

Pair = tuple[Sequence[int], Sequence[int]]


def log_likelihoods(
    model: LlamaModel, pairs: Sequence[Pair], *, threads: int | None = None, reporter: Reporter | None = None
) -> list[float]:
    """The natural logarithm of the probability of each answer, given its prompt.

    Args:
        model: The model.
        pairs: Tokens of a prompt and of its answer, neither empty.
        threads: Of the processor; None: one per core.
        reporter: May interrupt between two steps.

    Returns:
        The sum over each answer's tokens; minus infinity where prompt and answer exceed the model's context.

    Raises:
        AnsweringError: llama.cpp has not enough memory, or fails.
    """
    fitting = [
        index
        for index, (prompt, answer) in enumerate(pairs)
        if len(prompt) + len(answer) <= model.trained_context
    ]
    found = [float("-inf")] * len(pairs)
    if fitting:
        scorer = _Scorer(model, [pairs[index] for index in fitting], threads)
        with scorer:
            for index, value in zip(fitting, scorer.values(reporter or SilentReporter()), strict=True):
                found[index] = value
    return found


class _Scorer:
    """A context in which pairs are computed, as many at once as fit a batch."""

    def __init__(self, model: LlamaModel, pairs: list[Pair], threads: int | None) -> None:
        self._model = model
        self._pairs = pairs
        self._shared = common_beginning([list(prompt) for prompt, _ in pairs])
        longest = max(len(prompt) + len(answer) for prompt, answer in pairs)
        self._context = new_context(model, longest + 2 * ROOM, _SEQUENCES + 1, threads, together=True)
        self._memory = llama().llama_get_memory(self._context)
        self._batch = Batch(ROOM)

    def __enter__(self) -> _Scorer:
        return self

    def __exit__(self, *_: object) -> None:
        self._batch.close()
        llama().llama_free(self._context)

    def values(self, reporter: Reporter) -> Iterator[float]:
        """The log-likelihood of each pair."""
        for start in range(0, len(self._shared), ROOM):
            self._batch.clear()
            self._batch.add(self._shared[start : start + ROOM], start, _SHARED, wanted=0)
            compute(self._context, self._batch)
        group: list[Pair] = []
        size = 0
        for pair in self._pairs:
            tokens = len(pair[0]) + len(pair[1]) - 1 - len(self._shared)
            if group and (size + tokens > ROOM or len(group) == _SEQUENCES):
                reporter.check()
                yield from self._group(group)
                group, size = [], 0
            group.append(pair)
            size += tokens
        yield from self._group(group)

    def _group(self, group: list[Pair]) -> Iterator[float]:
        """Pairs that fit one batch, or a single one that takes several."""
        start = len(self._shared)
        for number in range(1, len(group) + 1):
            if start:
                llama().llama_memory_seq_cp(self._memory, _SHARED, number, 0, start)
        if len(group) == 1:
            yield self._long(*group[0])
        else:
            self._batch.clear()
            for number, (prompt, answer) in enumerate(group, start=1):
                tokens = [*prompt, *answer[:-1]][start:]
                self._batch.add(tokens, start, number, wanted=len(answer))
            compute(self._context, self._batch)
            logits = self._logits()
            row = 0
            for _, answer in group:
                yield _log_probability(logits[row : row + len(answer)], answer)
                row += len(answer)
        for number in range(1, len(group) + 1):
            llama().llama_memory_seq_rm(self._memory, number, -1, -1)

    def _long(self, prompt: Sequence[int], answer: Sequence[int]) -> float:
        tokens, total = [*prompt, *answer], 0.0
        for begin in range(len(self._shared), len(tokens) - 1, ROOM):
            part = tokens[begin : min(begin + ROOM, len(tokens) - 1)]
            wanted = max(min(len(part), begin + len(part) - len(prompt) + 1), 0)
            self._batch.clear()
            self._batch.add(part, begin, 1, wanted=wanted)
            compute(self._context, self._batch)
            if wanted:
                first = begin + len(part) - wanted
                total += _log_probability(self._logits(), tokens[first + 1 : first + 1 + wanted])
        return total

    def _logits(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        pointer = llama().llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, (self._batch.rows, self._model.tokens))


def _log_probability(logits: np.ndarray[Any, np.dtype[np.float32]], tokens: Sequence[int]) -> float:
    """The sum of the log-softmax of ``logits`` (rows, vocabulary) at one token per row."""
    top = logits.max(axis=1)
    log_sum = np.log(np.exp(logits - top[:, None]).sum(axis=1, dtype=np.float64)) + top
    return float((logits[np.arange(len(tokens)), list(tokens)] - log_sum).sum())
