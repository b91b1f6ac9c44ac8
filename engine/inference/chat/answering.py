"""Who answers in a conversation: a GGUF file in a process of its own, or a model behind an endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Protocol

from engine.errors import BakeoffError
from engine.inference.chat.conversation import Answer
from engine.inference.completion import Completion
from engine.inference.endpoint import Endpoint
from engine.inference.sampling import Sampling
from engine.inference.talking.client import ChildTalker, Loading

#: Codes of failures after which the process has to be started anew.
_CRASHED = "answers.crashed"
_STOPPED = "answers.stopped"
#: Tokens of an answer that is paid for, where nothing else is said.
_PAID_TOKENS = 1024


class Answering(Protocol):
    """One who answers."""

    def answer(
        self,
        messages: list[dict[str, Any]],
        sampling: Sampling,
        max_new_tokens: int | None,
        stopped: Callable[[], bool],
    ) -> Iterator[str | Answer]:
        """Pieces of text as they come, and at last the whole."""

    def close(self) -> None:
        """End it; a second time does nothing."""


class LocalAnswering:
    """A GGUF file. Its process starts with the first question, and anew after a crash.

    Args:
        loading: What to load.
    """

    def __init__(self, loading: Loading) -> None:
        self._loading = loading
        self._talker: ChildTalker | None = None

    def start(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Load the model, if it is not loaded.

        Raises:
            AnsweringError: It cannot be, or it was stopped (``answers.stopped``).
        """
        if self._talker is None:
            self._talker = ChildTalker(self._loading, stopped)

    @property
    def process_id(self) -> int | None:
        """Of its process, while it runs."""
        return None if self._talker is None else self._talker.process_id

    def answer(
        self,
        messages: list[dict[str, Any]],
        sampling: Sampling,
        max_new_tokens: int | None,
        stopped: Callable[[], bool],
    ) -> Iterator[str | Answer]:
        """See `Answering`.

        Raises:
            AnsweringError: The process ended, or the conversation is too long (``answers.context_full``).
        """
        try:
            self.start(stopped)
            talker = self._talker
            if talker is None:
                return
            for piece in talker.reply(messages, sampling, max_new_tokens=max_new_tokens, stopped=stopped):
                if isinstance(piece, str):
                    yield piece
                    continue
                yield Answer(
                    text=piece.text,
                    stop=piece.stop,
                    prompt_tokens=piece.prompt_tokens,
                    cached_tokens=piece.cached_tokens,
                    tokens=piece.tokens,
                    first_seconds=piece.first_seconds,
                    seconds=piece.seconds,
                    sampling=sampling,
                )
        except BakeoffError as error:
            if error.code == _STOPPED:
                yield Answer(
                    text="",
                    stop="stopped",
                    prompt_tokens=0,
                    tokens=0,
                    first_seconds=0.0,
                    seconds=0.0,
                    sampling=sampling,
                )
                return
            if error.code == _CRASHED:
                self.close()
            raise

    def close(self) -> None:
        """End its process; a second time does nothing."""
        talker, self._talker = self._talker, None
        if talker is not None:
            talker.close()


class PaidAnswering:
    """A model behind an endpoint; temperature, top p and seed are sent along.

    Args:
        endpoint: On the budget of the conversation.
        model: What the endpoint calls it.
    """

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self._endpoint = endpoint
        self._model = model

    def answer(
        self,
        messages: list[dict[str, Any]],
        sampling: Sampling,
        max_new_tokens: int | None,
        stopped: Callable[[], bool],
    ) -> Iterator[str | Answer]:
        """See `Answering`. An answer that is stopped is booked with the most that it can have cost.

        Raises:
            BakeoffError: The budget does not allow it, or the endpoint failed.
        """
        started, first, parts = time.monotonic(), 0.0, list[str]()
        before = self._endpoint.spent_usd
        stream = self._endpoint.stream(
            messages,
            self._model,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=max_new_tokens or _PAID_TOKENS,
            seed=sampling.seed,
            stopped=stopped,
        )
        done: Completion | None = None
        with closing(stream):
            for piece in stream:
                if isinstance(piece, Completion):
                    done = piece
                    break
                first = first or time.monotonic() - started
                parts.append(piece)
                yield piece
        yield Answer(
            text="".join(parts) if done is None else done.text or done.refusal or "",
            stop="stopped" if done is None else "refusal" if done.refusal else done.finish_reason,
            prompt_tokens=0 if done is None else done.input_tokens,
            tokens=len(parts) if done is None else done.output_tokens,
            first_seconds=first,
            seconds=time.monotonic() - started,
            cost_usd=self._endpoint.spent_usd - before,
            sampling=sampling,
            snapshot="" if done is None else done.model_snapshot,
        )

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.close()
