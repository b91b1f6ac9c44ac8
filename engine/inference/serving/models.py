"""The models that are served: loaded on first use, one answer at a time each, begun anew after a crash."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from engine.errors import BakeoffError
from engine.inference.constraints import Constraint
from engine.inference.llama.replies import Reply
from engine.inference.sampling import Sampling
from engine.inference.serving.errors import RequestError, status_of
from engine.inference.serving.request import ChatRequest
from engine.inference.serving.tool_calls import CallForm
from engine.inference.serving.turns import Turns


class Answerer(Protocol):
    """A loaded model (see `engine.inference.llama.replies.Talker`)."""

    @property
    def alive(self) -> bool:
        """Whether it can be asked; a process of its own may have ended meanwhile."""

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
        """Pieces of text as they come, and at last the whole."""

    def close(self) -> None:
        """Free the memory; a second time does nothing."""


@dataclass(frozen=True)
class Offer:
    """A model before it is loaded.

    Attributes:
        name: Under which it is asked for.
        fingerprint: Tells which file answers.
        shows_tools: Whether its template shows tools to it.
        load: Brings it into memory.
        calls: How it writes tool calls; None: they stay text.
    """

    name: str
    fingerprint: str
    shows_tools: bool
    load: Callable[[], Answerer]
    calls: CallForm | None = None


class ServedModel:
    """A model that many threads may ask.

    Args:
        offer: The model.
    """

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self._turns = Turns()
        self._answerer: Answerer | None = None

    def reply(self, request: ChatRequest, gone: Callable[[], bool]) -> Generator[str | Reply, None, None]:
        """Answer, when those before have their answers.

        Args:
            request: What is asked.
            gone: Whether nobody wants the answer any more; asked before each token.

        Raises:
            GoneError: Nobody wanted it before it was begun.
            RequestError: The model cannot be asked so.
            BakeoffError: It cannot be loaded, or cannot answer. The next request begins with a model loaded anew,
                unless the request itself was at fault.
        """
        if request.tools and not self.offer.shows_tools:
            raise RequestError(
                HTTPStatus.BAD_REQUEST,
                "unsupported_parameter",
                "The chat template of '{model}' shows no tools to the model.",
                param="tools",
                model=self.offer.name,
            )
        with self._turns.turn(gone):
            try:
                if self._answerer is not None and not self._answerer.alive:
                    self.close()
                if self._answerer is None:
                    self._answerer = self.offer.load()
                pieces = self._answerer.reply(
                    request.messages,
                    request.sampling,
                    max_new_tokens=request.max_new_tokens,
                    tools=request.tools,
                    constraint=request.constraint,
                    stops=request.stops,
                    stopped=gone,
                )
                # A generator that is closed closes those that it delegates to.
                yield from pieces
            except Exception as error:
                if not isinstance(error, BakeoffError) or status_of(error) >= 500:
                    self.close()
                raise

    def close(self) -> None:
        """Free its memory."""
        answerer, self._answerer = self._answerer, None
        if answerer is not None:
            with suppress(Exception):
                answerer.close()
