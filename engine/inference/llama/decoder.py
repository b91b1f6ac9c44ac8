"""Greedy decoding of many prompts at once by llama.cpp.

What all prompts begin with is computed once and its cache copied to every sequence. Sequences join as soon as others
have finished, their prompts computed in the same batches in which others are answering. Guesses of what comes next
(`engine.inference.llama.drafts`) are computed along and kept as far as they are what the model would have said.

Each sequence has a cache of its own, so that it attends to its own tokens alone: in one cache for all, attention
costs as much as all of them together. llama.cpp computes neighbours (sequences whose numbers follow each other) at
once, so that tokens are added in the order of the numbers, and gaps are closed once nobody is left to join.

The answers are those of one-by-one greedy decoding, but for rounding: the kernels of quantised weights round
differently in batches of different size, so that where two tokens are nearly equally likely the other one may win.
"""

from __future__ import annotations

import heapq
import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Any, Final, Literal

import numpy as np

from engine.inference.llama.batch import Batch
from engine.inference.llama.context import ROOM, compute, new_context
from engine.inference.llama.drafts import Drafts, Hits, NoDrafts
from engine.inference.llama.grammar import Grammar, Logits
from engine.inference.llama.library import llama
from engine.inference.llama.model import LlamaModel
from engine.inference.llama.shares import WORTH, shares
from engine.progress import Reporter, SilentReporter

#: The sequence that holds what all prompts begin with.
_SHARED: Final = 0
#: Steps of fewer tokens wait for memory, not for arithmetic, so that guesses come nearly free.
_CHEAP: Final = 16


@dataclass(frozen=True)
class Decoded:
    """An answer in tokens.

    Attributes:
        index: Of its prompt.
        tokens: Without the stop token.
        stop: ``stop`` at a stop token, ``length`` at the longest answer or the end of the context.
    """

    index: int
    tokens: list[int]
    stop: Literal["stop", "length"]


@dataclass
class _Sequence:
    """A prompt that is being answered.

    Attributes:
        index: Of the prompt.
        rest: Tokens of the prompt that are not computed yet.
        position: Of the next token to be computed.
        limit: Longest answer.
        answer: Tokens so far.
        draft: Guesses that are computed in this step.
        row: Where its logits begin in this step; negative: it wants none.
        grammar: What the answer is held to.
    """

    index: int
    sequence: int
    rest: list[int]
    position: int
    limit: int
    answer: list[int] = field(default_factory=list)
    draft: list[int] = field(default_factory=list)
    row: int = -1
    grammar: Grammar | None = None


class BatchedDecoder:
    """Answers prompts with one model.

    Args:
        model: The model.
        sequences: Most prompts that are answered at the same time.
        threads: Of the processor; None: one per core.
    """

    def __init__(self, model: LlamaModel, *, sequences: int = 32, threads: int | None = None) -> None:
        self._model = model
        self._sequences = sequences
        self._threads = threads or os.cpu_count() or 1

    def decode(
        self,
        prompts: Sequence[Sequence[int]],
        stops: Collection[int],
        max_new_tokens: int,
        *,
        drafts: Drafts | None = None,
        grammar: Grammar | None = None,
        ended: Callable[[Sequence[int]], bool] | None = None,
        reporter: Reporter | None = None,
    ) -> Iterator[Decoded]:
        """Continue each prompt with its likeliest tokens; answers come as they are finished.

        Args:
            prompts: Token ids, none of them empty.
            stops: Tokens that end an answer.
            max_new_tokens: Longest answer; an answer also ends where the model's context does.
            drafts: Guesses what comes next; None: nothing is guessed.
            grammar: What all answers are held to, at its beginning.
            ended: Whether an answer, with the token that it has just got, is finished besides.
            reporter: May interrupt between steps.

        Raises:
            AnsweringError: llama.cpp has not enough memory, or fails.
        """
        fitting = []
        for index, prompt in enumerate(prompts):
            if len(prompt) < self._model.trained_context:
                fitting.append(index)
            else:
                yield Decoded(index, [], "length")
        if not fitting:
            return
        run = _Run(
            self,
            [list(prompts[index]) for index in fitting],
            set(stops),
            max_new_tokens,
            drafts,
            grammar,
            ended,
        )
        with run:
            for decoded in run.answers(reporter or SilentReporter()):
                yield Decoded(fitting[decoded.index], decoded.tokens, decoded.stop)

    @property
    def model(self) -> LlamaModel:
        """The model."""
        return self._model

    @property
    def sequences(self) -> int:
        """Most prompts at the same time."""
        return self._sequences

    @property
    def threads(self) -> int:
        """Threads of the processor."""
        return self._threads


class _Run:
    """One call of `BatchedDecoder.decode`: a context of llama.cpp and the sequences in it."""

    def __init__(
        self,
        decoder: BatchedDecoder,
        prompts: list[list[int]],
        stops: set[int],
        max_new_tokens: int,
        drafts: Drafts | None,
        grammar: Grammar | None,
        ended: Callable[[Sequence[int]], bool] | None,
    ) -> None:
        self._model = decoder.model
        self._ended = ended
        self._grammar = grammar
        self._prompts = prompts
        self._stops = stops
        self._limit = max_new_tokens
        self._drafts = drafts or NoDrafts()
        self._hits = Hits()
        self._shared = common_beginning(prompts)
        #: Numbers that nobody has, the lowest first.
        self._free = list(range(1, min(decoder.sequences, len(prompts)) + 1))
        longest = max(len(prompt) for prompt in prompts)
        room = longest + self._most(longest) + self._drafts.longest
        self._context = new_context(decoder.model, room, len(self._free) + 1, decoder.threads)
        self._memory = llama().llama_get_memory(self._context)
        self._batch = Batch(ROOM)

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._batch.close()
        context, self._context = self._context, None
        if context:
            llama().llama_free(context)

    def __del__(self) -> None:
        with suppress(Exception):
            self.__exit__()

    def answers(self, reporter: Reporter) -> Iterator[Decoded]:
        """Answer all prompts."""
        self._compute_shared(reporter)
        # Long prompts first: they end up beside each other, and none is left to answer alone at the end.
        waiting = deque(sorted(range(len(self._prompts)), key=lambda index: -len(self._prompts[index])))
        active: list[_Sequence] = []
        while waiting or active:
            reporter.check()
            self._fill(active, waiting)
            self._step()
            logits = self._logits()
            best = logits.argmax(axis=1)
            still = []
            for sequence in active:
                finished = self._advance(sequence, logits, best)
                if finished is None:
                    still.append(sequence)
                    continue
                self._leave(sequence)
                yield finished
            active = still
            self._close_gaps(active)

    def _compute_shared(self, reporter: Reporter) -> None:
        for start in range(0, len(self._shared), self._batch.room):
            reporter.check()
            self._batch.clear()
            part = self._shared[start : start + self._batch.room]
            self._batch.add(part, start, _SHARED, wanted=0)
            self._step()

    def _fill(self, active: list[_Sequence], waiting: deque[int]) -> None:
        """Fill the batch: the next tokens of those who answer have their places, prompts have what is left."""
        self._batch.clear()
        left = self._batch.room
        for sequence in active:
            sequence.row = -1
            if not sequence.rest:
                self._guess(sequence, len(active))
                left -= 1 + len(sequence.draft)
        answering = left < self._batch.room
        self._join(active, waiting, left, least=WORTH if answering else 1)
        active.sort(key=lambda sequence: sequence.sequence)
        rests = [len(sequence.rest) for sequence in active if sequence.rest]
        parts = iter(shares(rests, left, beside=answering))
        for sequence in active:
            if sequence.rest:
                self._add_prompt(sequence, next(parts))
            else:
                self._add_next(sequence)

    def _join(self, active: list[_Sequence], waiting: deque[int], room: int, *, least: int) -> None:
        """Let prompts join that fill the room, but only once they have ``least`` tokens together."""
        taken = sum(len(sequence.rest) for sequence in active)
        joining = []
        for index in islice(waiting, len(self._free)):
            if taken >= room:
                break
            joining.append(index)
            taken += len(self._prompts[index]) - len(self._shared)
        if taken >= least or len(joining) == len(waiting):
            active.extend(self._begin(waiting.popleft()) for _ in joining)

    def _begin(self, index: int) -> _Sequence:
        """A sequence for a prompt, which has what all begin with."""
        number, prompt, start = heapq.heappop(self._free), self._prompts[index], len(self._shared)
        if start:
            self._copy(_SHARED, number)
        grammar = self._grammar.copy() if self._grammar is not None else None
        return _Sequence(index, number, prompt[start:], start, self._most(len(prompt)), grammar=grammar)

    def _guess(self, sequence: _Sequence, active: int) -> None:
        room = min(sequence.limit - len(sequence.answer), _CHEAP // active) - 1
        if room <= 0:
            return
        draft = self._drafts.guess(self._prompts[sequence.index], sequence.answer)[:room]
        # A guess that it ends here saves nothing: whether it does is seen without.
        draft = list(takewhile(lambda token: token not in self._stops, draft))
        if draft and self._hits.pays(active):
            sequence.draft = draft

    def _add_next(self, sequence: _Sequence) -> None:
        tokens = [sequence.answer[-1], *sequence.draft]
        sequence.row = self._batch.add(tokens, sequence.position, sequence.sequence, wanted=len(tokens))
        sequence.position += len(tokens)

    def _add_prompt(self, sequence: _Sequence, tokens: int) -> None:
        """Add the next so many tokens of a prompt."""
        if not tokens:
            return
        part, sequence.rest = sequence.rest[:tokens], sequence.rest[tokens:]
        whole = not sequence.rest
        row = self._batch.add(part, sequence.position, sequence.sequence, wanted=int(whole))
        sequence.row = row if whole else -1
        sequence.position += len(part)

    def _step(self) -> None:
        compute(self._context, self._batch)

    def _logits(self) -> Logits:
        """One row for each that is wanted of this step."""
        if not self._batch.rows:
            return np.empty((0, self._model.tokens), dtype=np.float32)
        pointer = llama().llama_get_logits(self._context)
        logits: Logits = np.ctypeslib.as_array(pointer, (self._batch.rows, self._model.tokens))
        return logits

    def _advance(
        self, sequence: _Sequence, logits: Logits, best: np.ndarray[Any, np.dtype[np.int64]]
    ) -> Decoded | None:
        """Take over what the model says, guesses as far as they were right; the answer, when it is finished."""
        if sequence.row < 0:
            return None
        guessed, sequence.draft = sequence.draft, []
        before = len(sequence.answer)
        finished = self._take(sequence, guessed, logits, best)
        if guessed:
            pairs = zip(guessed, sequence.answer[before:], strict=False)
            self._hits.count(len(guessed), sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))
        return finished

    def _take(
        self,
        sequence: _Sequence,
        guessed: list[int],
        logits: Logits,
        best: np.ndarray[Any, np.dtype[np.int64]],
    ) -> Decoded | None:
        for offset in range(len(guessed) + 1):
            row = sequence.row + offset
            token = int(best[row]) if sequence.grammar is None else sequence.grammar.best(logits[row])
            if token in self._stops or (sequence.grammar is not None and self._model.ends(token)):
                return Decoded(sequence.index, sequence.answer, "stop")
            sequence.answer.append(token)
            if sequence.grammar is not None:
                sequence.grammar.accept(token)
            if self._ended is not None and self._ended(sequence.answer):
                return Decoded(sequence.index, sequence.answer, "stop")
            if len(sequence.answer) >= sequence.limit:
                return Decoded(sequence.index, sequence.answer, "length")
            if offset < len(guessed) and token != guessed[offset]:
                wrong = len(guessed) - offset
                sequence.position -= wrong
                llama().llama_memory_seq_rm(self._memory, sequence.sequence, sequence.position, -1)
                break
        return None

    def _leave(self, sequence: _Sequence) -> None:
        llama().llama_memory_seq_rm(self._memory, sequence.sequence, -1, -1)
        if sequence.grammar is not None:
            sequence.grammar.close()
        heapq.heappush(self._free, sequence.sequence)

    def _close_gaps(self, active: list[_Sequence]) -> None:
        """Give those who are left the lowest numbers."""
        for sequence in sorted(active, key=lambda one: -one.sequence):
            if not self._free or self._free[0] > sequence.sequence:
                return
            number = heapq.heappop(self._free)
            self._copy(sequence.sequence, number)
            llama().llama_memory_seq_rm(self._memory, sequence.sequence, -1, -1)
            heapq.heappush(self._free, sequence.sequence)
            sequence.sequence = number

    def _copy(self, source: int, target: int) -> None:
        """Copy the whole cache of a sequence (between caches nothing less can be copied)."""
        llama().llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def _most(self, prompt: int) -> int:
        """The longest answer to a prompt of so many tokens."""
        return min(self._limit, self._model.trained_context - prompt)


def common_beginning(prompts: list[list[int]]) -> list[int]:
    """What all prompts begin with; each has at least one token more."""
    first, last = min(prompts), max(prompts)
    end = min(len(first), len(last))
    same = next((place for place in range(end) if first[place] != last[place]), end)
    return first[: min(same, min(len(prompt) for prompt in prompts) - 1)]
