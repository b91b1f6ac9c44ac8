"""Calls to an OpenAI-compatible endpoint: repeated where that helps, costed, failing in one plain sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.inference.completion import Completion, completion_of, request_of
from engine.inference.connection import Connection
from engine.inference.endpoint_failures import EndpointError
from engine.inference.endpoint_stream import Chunks, Gathered
from engine.inference.pricing import Message, Price, most_prompt_tokens


class Endpoint(Connection):
    """One OpenAI-compatible endpoint: asks it for whole answers, or for pieces as they come."""

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
                response = self.client.models.with_raw_response.list().http_response
                return sorted(str(item["id"]) for item in json.loads(response.content)["data"])
            except openai.OpenAIError as error:
                failure = self.where("").failure(error)
            except (ValueError, KeyError, TypeError):
                failure = self.where("").unreadable()
            self.wait_or_raise(failure, attempt)

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
            self.check_stopping()
            request = self.acceptable(model, wish)
            outcome, charged = self._attempt(request, price, most_input, max_tokens)
            if isinstance(outcome, Completion):
                seconds, structured = time.monotonic() - started, "response_format" in request
                cost = lost + charged
                return replace(outcome, cost_usd=cost, seconds=seconds, attempts=sent, structured=structured)
            lost += charged
            outcome.cost_usd = lost
            if outcome.refused_parameter in request:
                self.learn(model, str(outcome.refused_parameter))
                attempt -= 1
                continue
            self.wait_or_raise(outcome, attempt)

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
            self.check_stopping()
            request = self.acceptable(model, wish)
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
                self.learn(model, str(outcome.refused_parameter))
                attempt -= 1
                continue
            self.wait_or_raise(outcome, attempt, stopped)

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

        create = self.client.chat.completions.create
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
            outcome = self.where(request["model"]).failure(error)
            charged = reservation.usd if outcome.maybe_paid or gathered.begun else 0.0
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            outcome = self.where(request["model"]).unreadable()
        finally:
            self.settle(reservation, charged)
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
            response = self.client.chat.completions.with_raw_response.create(**request).http_response
            outcome = completion_of(json.loads(response.content), price, most_input, max_tokens)
            charged = outcome.cost_usd
        except openai.OpenAIError as error:
            outcome = self.where(request["model"]).failure(error)
            charged = reservation.usd if outcome.maybe_paid else 0.0
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            outcome = self.where(request["model"]).unreadable()
        finally:
            self.settle(reservation, charged)
        return outcome, charged
