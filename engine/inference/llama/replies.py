"""A GGUF model that talks: messages in, text out as it comes, and what it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal

from engine.inference.constraints import Constraint
from engine.inference.llama.grammar import Grammar, grammar_text
from engine.inference.llama.offload import load_fitting
from engine.inference.llama.sampler import Sampler
from engine.inference.llama.streaming import Stream
from engine.inference.sampling import Sampling
from engine.progress import Reporter, SilentReporter

if TYPE_CHECKING:
    from engine.models.template import ChatTemplate

#: What a decoder writes for the beginning of a character whose end has not come yet.
_HALF: Final = "\ufffd"


@dataclass(frozen=True)
class Reply:
    """A finished answer.

    Attributes:
        text: The whole of it.
        stop: ``stop`` at a stop token or text, ``length`` at the longest answer or the end of the context,
            ``stopped`` by whoever asked.
        prompt_tokens: Tokens of the prompt, ``cached_tokens`` of them known from the turn before.
        tokens: Tokens of the answer.
        first_seconds: Until the first token.
        seconds: In all.
    """

    text: str
    stop: Literal["stop", "length", "stopped"]
    prompt_tokens: int
    cached_tokens: int
    tokens: int
    first_seconds: float
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Tokens after the first, per second."""
        rest = self.seconds - self.first_seconds
        return (self.tokens - 1) / rest if self.tokens > 1 and rest > 0 else 0.0


class Talker:
    """A loaded model with its template. Use it as a context manager: leaving it frees the memory.

    Args:
        file: The GGUF file.
        template: The model's.
        context: Tokens of a conversation at most.
        gpu_layers: Layers on the accelerator; negative: as many as fit.
        threads: Of the processor; None: one per core.
        reporter: Hears how the layers are split.

    Raises:
        AnsweringError: llama.cpp cannot load the file, or there is not enough memory.
    """

    def __init__(
        self,
        file: Path,
        template: ChatTemplate,
        *,
        context: int = 8192,
        gpu_layers: int = -1,
        threads: int | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self._template = template
        self._model = load_fitting(file, context, gpu_layers, reporter or SilentReporter())
        self._stream = Stream(self._model, context=context, threads=threads)
        self._stops = {token for token in template.stop_ids if token < self._model.tokens}

    @property
    def alive(self) -> bool:
        """Whether it can be asked: in this process, always."""
        return True

    @property
    def context(self) -> int:
        """Tokens of a conversation at most."""
        return self._stream.size

    def reply(
        self,
        messages: Sequence[dict[str, Any]],
        sampling: Sampling,
        *,
        max_new_tokens: int | None = None,
        tools: list[dict[str, Any]] | None = None,
        constraint: Constraint | None = None,
        stops: Sequence[str] = (),
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[str | Reply]:
        """Answer a conversation: pieces of text as they come, and at last the whole `Reply`.

        Args:
            messages: In OpenAI's shape, the last one being the user's.
            sampling: How tokens are chosen.
            max_new_tokens: Longest answer; None: as far as the context goes.
            tools: In OpenAI's shape, for templates that show them.
            constraint: What the answer is held to.
            stops: Texts that end the answer and are no part of it.
            stopped: Asked before each token.

        Raises:
            TemplateError: The template cannot render the conversation.
            ContextFullError: It is too long.
            AnsweringError: The constraint cannot be used, or llama.cpp fails.
        """
        started = time.monotonic()
        ids = self._template.prompt_ids(list(messages), tools)
        cached = min(self._stream.common(ids), max(len(ids) - 1, 0))
        grammar = Grammar(self._model, grammar_text(constraint)) if constraint is not None else None
        sampler = Sampler(self._model, sampling, grammar)
        text = _Text(self._template.tokenizer, stops)
        ended: Literal["stop", "length", "stopped"] = "length"
        first = 0.0
        count = 0
        limit = max_new_tokens or self._stream.size
        for token in self._stream.answer(ids, self._stops, limit, sampler, stopped=stopped):
            first = first or time.monotonic() - started
            if token in self._stops or self._model.ends(token):
                ended = "stop"
                break
            count += 1
            piece = text.add(token)
            if piece:
                yield piece
            if text.complete:
                ended = "stop"
                break
        if ended == "length" and stopped():
            ended = "stopped"
        rest = text.finish()
        if rest:
            yield rest
        seconds = time.monotonic() - started
        yield Reply(text.written, ended, len(ids), cached, count, first, seconds)

    def close(self) -> None:
        """Free the memory; a second time does nothing."""
        self._stream.close()
        self._model.close()

    def __enter__(self) -> Talker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Text:
    """Tokens become text; what may still change, or be the beginning of a stop text, is held back."""

    def __init__(self, tokenizer: Any, stops: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._stops = [stop for stop in stops if stop]
        self._tokens: list[int] = []
        #: Decoding begins here: a token or two before what is new, since spaces depend on the token before.
        self._from = 0
        self._read = 0
        self._held = ""
        self.written = ""
        self.complete = False

    def add(self, token: int) -> str:
        """Text that is certain now."""
        self._tokens.append(token)
        before = self._decode(self._from, self._read)
        now = self._decode(self._from, len(self._tokens))
        if now.endswith(_HALF) or len(now) <= len(before):
            return ""
        self._from, self._read = self._read, len(self._tokens)
        return self._let_out(now[len(before) :], last=False)

    def finish(self) -> str:
        """What was held back."""
        if self.complete:
            return ""
        before = self._decode(self._from, self._read)
        now = self._decode(self._from, len(self._tokens))
        return self._let_out(now[len(before) :], last=True)

    def _decode(self, start: int, end: int) -> str:
        text: str = self._tokenizer.decode(self._tokens[start:end], skip_special_tokens=True)
        return text

    def _let_out(self, text: str, *, last: bool) -> str:
        self._held += text
        found = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if found:
            self.complete = True
            certain = self._held[: min(found)]
            self._held = ""
        else:
            keep = 0 if last else self._beginning_of_stop()
            certain = self._held[: len(self._held) - keep]
            self._held = self._held[len(self._held) - keep :]
        self.written += certain
        return certain

    def _beginning_of_stop(self) -> int:
        """How many characters at the end may be the beginning of a stop text."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0
