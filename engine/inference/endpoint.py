"""Calls to an OpenAI-compatible endpoint: repeated where that helps, costed, failing in one plain sentence.

The client is OpenAI's own; repeating is done here, because every repetition has to fit the budget too.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.inference.budget import Budget, Reservation
from engine.inference.completion import Completion, completion_of, request_of
from engine.inference.endpoint_failures import (
    EndpointError,
    EndpointStoppedError,
    RetryPolicy,
    Where,
    hide_secrets,
)
from engine.inference.endpoint_stream import LOOK, Chunks, Gathered
from engine.inference.pricing import Message, Price, PriceList, most_prompt_tokens
from engine.progress import Reporter, SilentReporter

if TYPE_CHECKING:
    import openai


class Endpoint:
    """One OpenAI-compatible endpoint. Safe to use from several threads.

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
        self._reporter = reporter or SilentReporter()
        #: Parameters that a model does not take, learned from its refusals.
        self._refused: dict[str, frozenset[str]] = {}
        self._stopping = threading.Event()
        self._spent = 0.0
        self._books = threading.Lock()

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r}, {self.place!r})"

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
        self._client.close()

    def models(self) -> list[str]:
        """The names of the models that the endpoint offers (free; proves URL and key).

        Raises:
            EndpointError: It cannot be reached or does not let us in.
        """
        import openai

        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._client.models.with_raw_response.list().http_response
                return sorted(str(item["id"]) for item in json.loads(response.content)["data"])
            except openai.OpenAIError as error:
                failure = self._where("").failure(error)
            except (ValueError, KeyError, TypeError):
                failure = self._where("").unreadable()
            self._wait_or_raise(failure, attempt)

    def complete(
        self,
        messages: Sequence[Message],
        model: str,
        *,
        temperature: float | None = 0.0,
        max_tokens: int = 1024,
        schema: Mapping[str, Any] | None = None,
        seed: int | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_format: Mapping[str, Any] | None = None,
    ) -> Completion:
        """Ask ``model`` to continue ``messages``.

        Args:
            messages: In OpenAI's form.
            model: A name that the endpoint knows.
            temperature: None leaves it to the endpoint.
            max_tokens: The most tokens of the answer; also bounds the cost.
            schema: A JSON schema that the answer must follow. An endpoint that knows no structured output
                is asked without it (`Completion.structured` tells).
            seed: Sent along when given.
            tools: Tools that the model may call; its calls are the answer then, as JSON.
            response_format: Sent along as it is, where no ``schema`` is given.

        Raises:
            PriceError: The model has no known price.
            BudgetReachedError: The call, or its repetition, could pass the budget.
            EndpointError: It failed for good; ``fatal`` tells whether the next call would fail as well.
            EndpointStoppedError: `stop` was called.
        """
        price = self.prices.require(model, self.name)
        offered = {"tools": list(tools)} if tools else {}
        most_input = most_prompt_tokens(messages, {**(schema or response_format or {}), **offered})
        wish = request_of(messages, model, temperature, max_tokens, schema, seed)
        wish |= offered
        if response_format is not None and schema is None:
            wish["response_format"] = dict(response_format)
        started, lost, attempt, sent = time.monotonic(), 0.0, 0, 0
        while True:
            attempt, sent = attempt + 1, sent + 1
            self._check_stopping()
            request = self._acceptable(model, wish)
            outcome, charged = self._attempt(request, price, most_input, max_tokens)
            if isinstance(outcome, Completion):
                seconds, structured = time.monotonic() - started, "response_format" in request
                cost = lost + charged
                return replace(outcome, cost_usd=cost, seconds=seconds, attempts=sent, structured=structured)
            lost += charged
            outcome.cost_usd = lost
            if outcome.refused_parameter in request:
                self._learn(model, str(outcome.refused_parameter))
                attempt -= 1
                continue
            self._wait_or_raise(outcome, attempt)

    def stream(
        self,
        messages: Sequence[Message],
        model: str,
        *,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int = 1024,
        seed: int | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[str | Completion, None, None]:
        """Ask ``model`` to continue ``messages``: pieces of text as they come, and at last the whole.

        A request that fails is repeated as long as nothing of its answer was given out. An answer that is left in
        the middle (by ``stopped``, or by closing the generator) is booked with the most that it can have cost.

        Args:
            messages: In OpenAI's form.
            model: A name that the endpoint knows.
            temperature: None leaves it to the endpoint.
            top_p: The same.
            max_tokens: The most tokens of the answer; also bounds the cost.
            seed: Sent along when given.
            stopped: Asked several times a second, also while nothing comes and between two attempts; ends the
                answer, without a whole.

        Raises:
            PriceError: The model has no known price.
            BudgetReachedError: The call, or its repetition, could pass the budget.
            EndpointError: It failed for good.
            EndpointStoppedError: `stop` was called.
        """
        price = self.prices.require(model, self.name)
        most_input = most_prompt_tokens(messages, {})
        wish = request_of(messages, model, temperature, max_tokens, None, seed)
        wish |= {"stream": True, "stream_options": {"include_usage": True}}
        if top_p is not None:
            wish["top_p"] = top_p
        started, lost, attempt, sent = time.monotonic(), 0.0, 0, 0
        while not stopped():
            attempt, sent = attempt + 1, sent + 1
            self._check_stopping()
            request = self._acceptable(model, wish)
            outcome, charged, begun = yield from self._streamed(
                request, price, most_input, max_tokens, stopped
            )
            lost += charged
            if outcome is None:
                return
            if isinstance(outcome, Completion):
                yield replace(outcome, cost_usd=lost, seconds=time.monotonic() - started, attempts=sent)
                return
            outcome.cost_usd = lost
            if begun:
                raise outcome from None
            if outcome.refused_parameter in request:
                self._learn(model, str(outcome.refused_parameter))
                attempt -= 1
                continue
            self._wait_or_raise(outcome, attempt, stopped)

    def _streamed(
        self,
        request: dict[str, Any],
        price: Price,
        most_input: int,
        max_tokens: int,
        stopped: Callable[[], bool],
    ) -> Generator[str, None, tuple[Completion | EndpointError | None, float, bool]]:
        """Send one request within the budget and yield its pieces.

        Returns:
            What came of it (None: it was stopped), its USD, whether any piece came.
        """
        import httpx2
        import openai

        create = self._client.chat.completions.create
        reservation = self.budget.reserve(price.cost(most_input, max_tokens))
        charged, gathered = reservation.usd, Gathered()
        outcome: Completion | EndpointError | None = None
        try:
            with Chunks(lambda: create(**request)) as chunks:
                for chunk in chunks.until(stopped):
                    piece = gathered.add(chunk)
                    if piece:
                        yield piece
            if chunks.complete:
                outcome = completion_of(gathered.document(), price, most_input, max_tokens)
                charged = outcome.cost_usd
        except openai.OpenAIError as error:
            outcome = self._where(request["model"]).failure(error)
            charged = reservation.usd if outcome.maybe_paid or gathered.begun else 0.0
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            outcome = self._where(request["model"]).unreadable()
        finally:
            self._settle(reservation, charged)
        return outcome, charged, gathered.begun

    def _attempt(
        self, request: dict[str, Any], price: Price, most_input: int, max_tokens: int
    ) -> tuple[Completion | EndpointError, float]:
        """Send one request within the budget; return what came of it, and the USD booked for it."""
        import openai

        reservation = self.budget.reserve(price.cost(most_input, max_tokens))
        # Whatever else may happen here (an interrupt, say), the endpoint may have answered.
        charged = reservation.usd
        outcome: Completion | EndpointError
        try:
            response = self._client.chat.completions.with_raw_response.create(**request).http_response
            outcome = completion_of(json.loads(response.content), price, most_input, max_tokens)
            charged = outcome.cost_usd
        except openai.OpenAIError as error:
            outcome = self._where(request["model"]).failure(error)
            charged = reservation.usd if outcome.maybe_paid else 0.0
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            outcome = self._where(request["model"]).unreadable()
        finally:
            self._settle(reservation, charged)
        return outcome, charged

    def _settle(self, reservation: Reservation, usd: float) -> None:
        self.budget.settle(reservation, usd)
        with self._books:
            self._spent += usd

    def _acceptable(self, model: str, wish: dict[str, Any]) -> dict[str, Any]:
        """The request without what ``model`` is known to refuse."""
        request = dict(wish)
        for parameter in self._refused.get(model, frozenset()):
            value = request.pop(parameter, None)
            if parameter == "max_tokens" and value is not None:
                request["max_completion_tokens"] = value
        return request

    def _learn(self, model: str, parameter: str) -> None:
        known = self._refused.get(model, frozenset())
        if parameter in known:
            return
        self._refused[model] = known | {parameter}
        choice = "sent as max_completion_tokens" if parameter == "max_tokens" else "left out"
        self._reporter.decision(
            parameter,
            choice,
            f"the endpoint '{self.name}' refuses it for {model}",
            endpoint=self.name,
            model=model,
        )

    def _wait_or_raise(
        self, failure: EndpointError, attempt: int, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait before the next attempt unless ``stopped`` says so, or raise ``failure`` when there is none."""
        seconds = self._retries.wait(failure, attempt)
        if seconds is None:
            # The client's own error is not chained: it holds the request, and so the key.
            raise failure from None
        self._reporter.event(
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
        self._check_stopping()

    def _check_stopping(self) -> None:
        if self._stopping.is_set():
            raise EndpointStoppedError("endpoint.stopped", "The call was given up because the work stops.")

    def _where(self, model: str) -> Where:
        return Where(self.name, self.place, model, self._hide, self._retries.longest_asked_wait)

    def _hide(self, text: str) -> str:
        return hide_secrets(text, self._key)

    @cached_property
    def _client(self) -> openai.OpenAI:
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
