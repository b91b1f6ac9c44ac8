"""What an endpoint is sent, and what is read from its response."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.inference.pricing import Message, Price


@dataclass(frozen=True)
class Completion:
    """A model's answer to one request.

    Attributes:
        text: The answer; empty when the model refused or a filter withheld it.
        refusal: What the model said instead, None when it did not refuse.
        finish_reason: ``stop``, ``length``, ``content_filter`` ... as the endpoint says.
        input_tokens: As billed; an upper bound when the endpoint does not say.
        output_tokens: The same.
        cost_usd: Of all attempts, those whose answer got lost included.
        model_snapshot: The exact model that answered.
        seconds: From the first attempt to the answer, waiting included.
        attempts: How many requests were sent.
        structured: Whether the endpoint was held to the schema.
    """

    text: str
    refusal: str | None
    finish_reason: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    model_snapshot: str
    seconds: float = 0.0
    attempts: int = 1
    structured: bool = False


def request_of(
    messages: Sequence[Message],
    model: str,
    temperature: float | None,
    max_tokens: int,
    schema: Mapping[str, Any] | None,
    seed: int | None,
) -> dict[str, Any]:
    """The body of a request; what is None is left to the endpoint."""
    request: dict[str, Any] = {
        "model": model,
        "messages": _sendable(list(messages)),
        "max_tokens": max_tokens,
    }
    if temperature is not None:
        request["temperature"] = temperature
    if seed is not None:
        request["seed"] = seed
    if schema is not None:
        wrapped = {"name": "answer", "strict": True, "schema": dict(schema)}
        request["response_format"] = {"type": "json_schema", "json_schema": wrapped}
    return request


def completion_of(document: Any, price: Price, most_input: int, max_tokens: int) -> Completion:
    """The completion in a response.

    Args:
        document: As the endpoint sent it.
        price: Of the model.
        most_input: Tokens that are charged where the response does not count them.
        max_tokens: The same of the answer.

    Raises:
        KeyError, TypeError and so on: It is no response.
    """
    choice = document["choices"][0]
    message = choice["message"]
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    if not isinstance(content, str):
        raise TypeError("content")
    if not content and message.get("tool_calls"):
        content = json.dumps(message["tool_calls"], ensure_ascii=False)
    refusal = message.get("refusal") or None
    usage = document.get("usage") or {}
    # An endpoint that does not say what it charges is taken to charge the most it could.
    input_tokens = _count(usage.get("prompt_tokens"), most_input)
    output_tokens = _count(usage.get("completion_tokens"), max_tokens)
    return Completion(
        text=_sendable(content),
        refusal=None if refusal is None else _sendable(str(refusal)),
        finish_reason=str(choice.get("finish_reason") or "unknown"),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=price.cost(input_tokens, output_tokens),
        model_snapshot=str(document.get("model") or ""),
    )


def _count(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def _sendable(value: Any) -> Any:
    """``value`` with half surrogate pairs replaced, which neither HTTP nor a database can carry."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {key: _sendable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sendable(item) for item in value]
    return value
