"""Texts of a grammar, drawn at random through llama.cpp itself, and whether a text is one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.inference.llama.candidates import Candidates
from engine.inference.llama.grammar import Grammar
from engine.inference.llama.model import LlamaModel
from engine.models.tokenizer import load_tokenizer
from tests.engine.inference.llama.models import tiny_gguf


class Reader:
    """A tiny model's vocabulary, which has a token for every byte."""

    def __init__(self, place: Path) -> None:
        folder, file = tiny_gguf(place)
        self._tokenizer: Any = load_tokenizer(folder)
        self._end: int = self._tokenizer.convert_tokens_to_ids("<|im_end|>")
        self.model = LlamaModel(file)

    def takes(self, grammar: str, text: str) -> bool:
        """Whether ``text`` is a text of ``grammar``, from its beginning to its end."""
        place = Grammar(self.model, grammar)
        for token in [*self._tokenizer(text, add_special_tokens=False)["input_ids"], self._end]:
            if not place.allows(token):
                return False
            if token != self._end:
                place.accept(token)
        return True

    def drawn(self, grammar: str, seed: int, longest: int = 400) -> str | None:
        """A text of ``grammar``; None where it does not come to an end."""
        random = np.random.default_rng(seed)
        place, tokens = Grammar(self.model, grammar), []
        every = np.arange(self.model.tokens)
        closing = self._tokenizer('"}]', add_special_tokens=False)["input_ids"]
        for step in range(longest):
            logits = random.standard_normal(self.model.tokens).astype(np.float32) * 3
            logits[closing] += step / 10
            logits[self._end] += 3 + step / 10
            candidates = Candidates(self.model.tokens)
            candidates.fill(every, logits)
            place.restrict(candidates)
            token = int(candidates.tokens[candidates.logits.argmax()])
            if self.model.ends(token):
                return str(self._tokenizer.decode(tokens))
            tokens.append(token)
            place.accept(token)
        return None
