"""One answer after another, token by token, as a person or a program waits for them.

What a prompt has in common with the last prompt and its answer stays computed, so that each turn of a conversation
costs only what is new in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import numpy as np

from engine.inference.errors import AnsweringError
from engine.inference.llama.batch import Batch
from engine.inference.llama.context import ROOM, compute, new_context
from engine.inference.llama.library import llama
from engine.inference.llama.model import LlamaModel
from engine.inference.llama.sampler import Sampler

#: The only sequence.
_SEQUENCE: Final = 0


class ContextFullError(AnsweringError):
    """A prompt that leaves no room for an answer."""

    title = "The conversation is too long"


class Stream:
    """A context in which answers are made one at a time. Not to be used by two threads at once.

    Args:
        model: The model.
        context: Tokens of prompt and answer together; at most what the model was made for.
        threads: Of the processor; None: one per core.

    Raises:
        AnsweringError: There is not enough memory.
    """

    def __init__(self, model: LlamaModel, *, context: int, threads: int | None = None) -> None:
        self._model = model
        self.size = min(context, model.trained_context)
        self._context = new_context(model, self.size, 1, threads)
        self._memory = llama().llama_get_memory(self._context)
        self._batch = Batch(ROOM)
        #: Tokens that are computed.
        self._known: list[int] = []

    def answer(
        self,
        prompt: Sequence[int],
        stops: Collection[int],
        max_new_tokens: int,
        sampler: Sampler,
        *,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[int]:
        """Continue ``prompt``; each token is yielded as soon as it is chosen, a stop token as the last.

        The answer ends without a stop token at the longest answer, at the end of the context, or when it is stopped.

        Args:
            prompt: Token ids.
            stops: Tokens that end an answer.
            max_new_tokens: Longest answer.
            sampler: Chooses the tokens.
            stopped: Asked before each step.

        Raises:
            ContextFullError: The prompt fills the context.
            AnsweringError: llama.cpp fails.
        """
        if len(prompt) >= self.size:
            raise ContextFullError(
                "answers.context_full",
                "The conversation has {tokens} tokens, and the model was made for {size}."
                if self.size == self._model.trained_context
                else "The conversation has {tokens} tokens, and the context {size}.",
                fix="Begin a new conversation, or leave out earlier turns."
                if self.size == self._model.trained_context
                else "Begin a new conversation, leave out earlier turns, or take a larger context.",
                tokens=len(prompt),
                size=self.size,
            )
        if not prompt:
            raise AnsweringError("answers.no_prompt", "There is nothing to answer.", fix="Write a message.")
        rest = self._keep(list(prompt))
        for _ in range(min(max_new_tokens, self.size - len(prompt))):
            if not self._compute(rest, stopped):
                return
            token = sampler.choose(self._logits())
            yield token
            if token in stops:
                return
            rest = [token]

    def common(self, prompt: Sequence[int]) -> int:
        """How many tokens of ``prompt`` are computed already."""
        pairs = zip(self._known, prompt, strict=False)
        same = next((place for place, (known, asked) in enumerate(pairs) if known != asked), None)
        return min(len(self._known), len(prompt)) if same is None else same

    def _keep(self, prompt: list[int]) -> list[int]:
        """Forget what is computed and not in ``prompt``; what is left of it to compute, a token at least."""
        same = min(self.common(prompt), len(prompt) - 1)
        if not llama().llama_memory_seq_rm(self._memory, _SEQUENCE, same, -1):
            # Models whose memory cannot be cut (with states instead of a cache) begin anew.
            same = 0
            llama().llama_memory_seq_rm(self._memory, _SEQUENCE, -1, -1)
        self._known = self._known[:same]
        return prompt[same:]

    def _compute(self, tokens: list[int], stopped: Callable[[], bool]) -> bool:
        """Compute tokens; False when it was stopped before the end."""
        for start in range(0, len(tokens), self._batch.room):
            if stopped():
                return False
            part = tokens[start : start + self._batch.room]
            last = start + len(part) == len(tokens)
            self._batch.clear()
            self._batch.add(part, len(self._known), _SEQUENCE, wanted=int(last))
            compute(self._context, self._batch)
            self._known += part
        return True

    def _logits(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Of the last token."""
        pointer = llama().llama_get_logits_ith(self._context, -1)
        logits: np.ndarray[Any, np.dtype[np.float32]] = np.ctypeslib.as_array(pointer, (self._model.tokens,))
        return logits

    def close(self) -> None:
        """Free the memory; a second time does nothing."""
        self._batch.close()
        context, self._context = self._context, None
        if context:
            llama().llama_free(context)

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()
