"""Draws one answer's tokens as its settings say, held to a grammar where there is one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import numpy as np

from engine.inference.llama.candidates import Candidates
from engine.inference.llama.grammar import Grammar, Logits
from engine.inference.llama.library import llama
from engine.inference.llama.model import LlamaModel
from engine.inference.sampling import Sampling

#: How many of the last tokens a repeat penalty looks at.
_WINDOW: Final = 64


class Sampler:
    """Chooses tokens for one answer.

    Args:
        model: Whose tokens they are.
        sampling: How.
        grammar: What the answer is held to; it moves along, so each answer needs its own.
    """

    def __init__(self, model: LlamaModel, sampling: Sampling, grammar: Grammar | None = None) -> None:
        self._grammar = grammar
        self._candidates: Candidates | None = None
        self._chain: Any = None
        if sampling.temperature > 0 or sampling.repeat_penalty != 1.0:
            self._chain = _chain(sampling, model.tokens)

    def choose(self, logits: Logits) -> int:
        """The next token; ``logits`` has one value per token of the model."""
        if self._chain is None:
            token = int(logits.argmax()) if self._grammar is None else self._grammar.best(logits)
        else:
            token = self._draw(logits, restricted=False)
            if self._grammar is not None and not self._grammar.allows(token):
                token = self._draw(logits, restricted=True)
            llama().llama_sampler_accept(self._chain, token)
        if self._grammar is not None:
            self._grammar.accept(token)
        return token

    def _draw(self, logits: Logits, *, restricted: bool) -> int:
        if self._candidates is None:
            self._candidates = Candidates(len(logits))
        self._candidates.fill(np.arange(len(logits), dtype=np.int32), logits)
        if restricted and self._grammar is not None:
            self._grammar.restrict(self._candidates)
        llama().llama_sampler_apply(self._chain, self._candidates.raw)
        return self._candidates.selected

    def close(self) -> None:
        """Free the memory; a second time does nothing."""
        chain, self._chain = self._chain, None
        if chain:
            llama().llama_sampler_free(chain)

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()


def _chain(sampling: Sampling, tokens: int) -> Any:
    """llama.cpp's samplers, one after another."""
    library = llama()
    chain = library.llama_sampler_chain_init(library.llama_sampler_chain_default_params())

    def add(sampler: Any) -> None:
        library.llama_sampler_chain_add(chain, sampler)

    if sampling.repeat_penalty != 1.0:
        add(library.llama_sampler_init_penalties(tokens, _WINDOW, sampling.repeat_penalty, 0.0, 0.0))
    if sampling.temperature <= 0:
        add(library.llama_sampler_init_greedy())
        return chain
    if sampling.top_k:
        add(library.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p < 1:
        add(library.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p > 0:
        add(library.llama_sampler_init_min_p(sampling.min_p, 1))
    add(library.llama_sampler_init_temp(sampling.temperature))
    add(library.llama_sampler_init_dist(sampling.seed))
    return chain
