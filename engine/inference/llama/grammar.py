"""Answers held to a grammar: only tokens that can still become a text of it are taken."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Final

import numpy as np

from engine.errors import Words
from engine.inference.constraints import Constraint
from engine.inference.errors import AnsweringError
from engine.inference.grammars.limits import require_moderate
from engine.inference.grammars.reading import require_readable
from engine.inference.grammars.schema import schema_grammar
from engine.inference.grammars.writing import literal, refused
from engine.inference.llama.candidates import Candidates
from engine.inference.llama.library import forget_words, last_words, llama
from engine.inference.llama.model import LlamaModel

#: What llama.cpp logs whatever is wrong.
_NOT_SAID: Final = "failed to parse grammar"

Logits = np.ndarray[Any, np.dtype[np.float32]]

#: So many of the likeliest tokens are tried before all are: asking for all costs a walk over the vocabulary.
_FIRST: Final = 64


class Grammar:
    """The place of one answer in a grammar.

    Args:
        model: Whose tokens they are.
        text: The grammar, in llama.cpp's GBNF, its start symbol being ``root``.

    Raises:
        AnsweringError: It is no grammar.
    """

    def __init__(self, model: LlamaModel, text: str) -> None:
        self._model = model
        forget_words()
        self._sampler: Any = llama().llama_sampler_init_grammar(
            model.vocabulary, text.encode("utf-8"), b"root"
        )
        if not self._sampler:
            reason = last_words().rstrip(".")
            raise AnsweringError(
                "answers.grammar",
                "The grammar cannot be read: {reason}.",
                fix="Check it; its start symbol has to be called root.",
                reason=Words("it names a token that the model does not have, or repeats too much")
                if reason in ("", _NOT_SAID)
                else reason,
            )

    def copy(self) -> Grammar:
        """Another answer at the same place."""
        twin = Grammar.__new__(Grammar)
        twin._model = self._model
        twin._sampler = llama().llama_sampler_clone(self._sampler)
        return twin

    def allows(self, token: int) -> bool:
        """Whether the answer may go on with ``token``."""
        one = Candidates(1)
        one.fill(np.array([token], dtype=np.int32), np.zeros(1, dtype=np.float32))
        self.restrict(one)
        return bool(np.isfinite(one.logits[0]))

    def restrict(self, candidates: Candidates) -> None:
        """Make what is not allowed impossible."""
        llama().llama_sampler_apply(self._sampler, candidates.raw)

    def best(self, logits: Logits) -> int:
        """The likeliest token of those that are allowed; ``logits`` has one value per token."""
        likeliest = int(logits.argmax())
        if self.allows(likeliest):
            return likeliest
        everything = np.arange(len(logits))
        for chosen in (
            np.argpartition(logits, -_FIRST)[-_FIRST:] if len(logits) > _FIRST else everything,
            everything,
        ):
            candidates = Candidates(len(chosen))
            candidates.fill(chosen.astype(np.int32), logits[chosen])
            self.restrict(candidates)
            place = int(candidates.logits.argmax())
            if np.isfinite(candidates.logits[place]):
                return int(candidates.tokens[place])
        raise AnsweringError(
            "answers.grammar_stuck",
            "No token of the model can go on as the grammar demands.",
            fix="Check the grammar: every text of it has to be writable in the model's tokens.",
        )

    def accept(self, token: int) -> None:
        """Go on to the place after ``token``."""
        llama().llama_sampler_accept(self._sampler, token)

    def close(self) -> None:
        """Free the memory; a second time does nothing."""
        sampler, self._sampler = self._sampler, None
        if sampler:
            llama().llama_sampler_free(sampler)

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()


def grammar_text(constraint: Constraint) -> str:
    """A constraint in GBNF, of a size that llama.cpp can read.

    Raises:
        AnsweringError: Its schema has no grammar, or the grammar is too large.
    """
    if constraint.kind == "grammar":
        text = constraint.text
    elif constraint.kind == "choices":
        text = "root ::= " + " | ".join(literal(choice) for choice in constraint.choices)
    else:
        try:
            schema = json.loads(constraint.text)
        except (ValueError, RecursionError) as error:
            raise refused("it is no JSON") from error
        text = schema_grammar(schema)
    require_moderate(text)
    if constraint.kind == "grammar":
        require_readable(text)
    return text
