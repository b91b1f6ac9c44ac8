"""How an OpenAI-compatible endpoint is reached: its client, what it refuses, its books, when to try once more.

The client is OpenAI's own; repeating is done here, because every repetition has to fit the budget too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.errors import Words
from engine.inference.budget import Budget, Reservation
from engine.inference.endpoint_failures import (
    EndpointError,
    EndpointStoppedError,
    RetryPolicy,
    Where,
    hide_secrets,
)
from engine.inference.endpoint_stream import LOOK
from engine.inference.pricing import PriceList
from engine.progress import Reporter, SilentReporter

if TYPE_CHECKING:
    import openai


class Connection:
    """The way to one endpoint. Safe to use from several threads.

    Args:
        name: How the workspace calls it, for example ``openai``.
        base_url: For example ``https://api.openai.com/v1``.
        key: The API key; None for a server that wants none. It is passed in by whoever was asked to spend
            money: nothing is read from the environment here.
        prices: Where prices come from; the shipped list when not given.
        budget: What calls are booked on; without a limit when not given.
        retries: How failed requests are repeated.
        timeout: Seconds without a byte after which a request has failed.
        reporter: Hears of repetitions and of parameters left out.

    Raises:
        EndpointError: The URL or the key cannot be used.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        key: str | None,
        *,
        prices: PriceList | None = None,
        budget: Budget | None = None,
        retries: RetryPolicy | None = None,
        timeout: float = 120.0,
        reporter: Reporter | None = None,
    ) -> None:
        self.name = name
        self.base_url = _checked_url(name, base_url)
        self.prices = prices or PriceList()
        self.budget = budget or Budget()
        self._key = _checked_key(name, key)
        self._retries = retries or RetryPolicy()
        self._timeout = timeout
        self.reporter = reporter or SilentReporter()
        #: Parameters that a model does not take, learned from its refusals.
        self._refused: dict[str, frozenset[str]] = {}
        self._stopping = threading.Event()
        self._spent = 0.0
        self._books = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.place!r})"

    @property
    def place(self) -> str:
        """The URL without what could be secret in it."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}".rstrip("/")

    @property
    def spent_usd(self) -> float:
        """USD booked for calls of this one; others may be on the same budget."""
        with self._books:
            return self._spent

    def stop(self) -> None:
        """Make calls that wait for another attempt give up, and new ones fail; sent ones end normally."""
        self._stopping.set()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    @cached_property
    def client(self) -> openai.OpenAI:
        """OpenAI's own client; it repeats nothing by itself."""
        import httpx2
        import openai

        key = self._key or "none"
        client = openai.OpenAI(
            api_key=key,
            base_url=self.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(self._timeout, connect=min(self._timeout, 15.0), pool=None),
            # Explicit, so that OPENAI_CUSTOM_HEADERS cannot replace it.
            default_headers={"Authorization": f"Bearer {key}"},
        )
        # The client takes these from the environment, where they may belong to another endpoint.
        client.organization = client.project = client.admin_api_key = None
        return client

    def where(self, model: str) -> Where:
        """What a failure of a call to ``model`` is told with."""
        return Where(self.name, self.place, model, self._hide, self._retries.longest_asked_wait)

    def acceptable(self, model: str, wish: dict[str, Any]) -> dict[str, Any]:
        """The request without what ``model`` is known to refuse."""
        request = dict(wish)
        for parameter in self._refused.get(model, frozenset()):
            value = request.pop(parameter, None)
            if parameter == "max_tokens" and value is not None:
                request["max_completion_tokens"] = value
        return request

    def learn(self, model: str, parameter: str) -> None:
        """Leave ``parameter`` out of what ``model`` is sent from now on, and say so."""
        known = self._refused.get(model, frozenset())
        if parameter in known:
            return
        self._refused[model] = known | {parameter}
        choice = Words("sent as max_completion_tokens" if parameter == "max_tokens" else "left out")
        self.reporter.decision(
            parameter,
            choice,
            Words("the endpoint '{name}' refuses it for {model}", name=self.name, model=model),
            endpoint=self.name,
            model=model,
        )

    def wait_or_raise(
        self, failure: EndpointError, attempt: int, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait before the next attempt unless ``stopped`` says so, or raise ``failure`` when there is none."""
        seconds = self._retries.wait(failure, attempt)
        if seconds is None:
            # The client's own error is not chained: it holds the request, and so the key.
            raise failure from None
        self.reporter.event(
            "endpoint.retry",
            endpoint=self.name,
            attempt=attempt,
            wait=round(seconds, 2),
            reason=failure.message,
        )
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0 and not stopped():
            if self._stopping.wait(min(rest, LOOK)):
                break
        self.check_stopping()

    def check_stopping(self) -> None:
        """Raise `EndpointStoppedError` once `stop` was called."""
        if self._stopping.is_set():
            raise EndpointStoppedError("endpoint.stopped", "The call was given up because the work stops.")

    def settle(self, reservation: Reservation, usd: float) -> None:
        """Book what a call cost, here and on the budget."""
        self.budget.settle(reservation, usd)
        with self._books:
            self._spent += usd

    def _hide(self, text: str) -> str:
        return hide_secrets(text, self._key)


def _checked_url(name: str, url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EndpointError(
            "endpoint.url",
            "The URL of the endpoint '{name}' is no http or https address.",
            fix="Give it as in https://api.openai.com/v1",
            fatal=True,
            name=name,
        )
    return url.strip()


def _checked_key(name: str, key: str | None) -> str | None:
    key = (key or "").strip() or None
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        # Told here, because the HTTP library would show the key in its complaint.
        raise EndpointError(
            "endpoint.key_text",
            "The API key of the endpoint '{name}' holds characters that no key has.",
            fix="Copy the key again, without line breaks or quotes.",
            fatal=True,
            name=name,
        )
    return key
