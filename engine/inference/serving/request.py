"""A chat request of OpenAI's form, read strictly: what cannot be done is refused, never passed over."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from pydantic import ValidationError

from engine.datasets.errors import RowFaultError
from engine.datasets.messages import conversation
from engine.inference.constraints import Constraint, any_json, of_schema
from engine.inference.sampling import Sampling
from engine.inference.serving.errors import RequestError
from engine.refusals import why_refused

#: Parameters that change nothing here: who asks, how it is billed and stored.
_WITHOUT_EFFECT: Final = frozenset(
    {
        "metadata",
        "parallel_tool_calls",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
#: Parameters that are not supported, and the values that ask for nothing.
_NEUTRAL: Final[dict[str, tuple[Any, ...]]] = {
    "frequency_penalty": (0,),
    "function_call": (),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0,),
    "tool_choice": ("auto", "none"),
    "top_logprobs": (0,),
}
_READ: Final = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "response_format",
        "stop",
        "stream",
        "stream_options",
        "tools",
    }
)
_SAMPLING: Final = ("temperature", "top_p", "top_k", "min_p", "repeat_penalty")
_MOST_STOPS: Final = 16
#: As many as llama.cpp has: one of its 32-bit numbers means that each answer is drawn differently.
_SEEDS: Final = 2**32 - 1


@dataclass(frozen=True)
class ChatRequest:
    """What a program asks for.

    Attributes:
        model: Name of the model.
        messages: The conversation, in the shape that templates take.
        tools: In OpenAI's shape.
        max_new_tokens: Longest answer; None: as far as the context goes.
        stops: Texts that end the answer.
        constraint: What the answer is held to.
        stream: Whether the answer is wanted piece by piece.
        include_usage: Whether a stream ends with the counts of tokens.
    """

    model: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    sampling: Sampling
    max_new_tokens: int | None
    stops: tuple[str, ...]
    constraint: Constraint | None
    stream: bool
    include_usage: bool


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``.

    Raises:
        RequestError: It holds none.
    """
    try:
        document = json.loads(body)
        # Half of a character can be written as an escape, and is no text.
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError(
            HTTPStatus.BAD_REQUEST, "invalid_json", "The body holds half of a character, which is no text."
        ) from error
    except (ValueError, RecursionError) as error:
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            "invalid_json",
            "The body is not valid JSON: {reason}.",
            reason=str(error).rstrip("."),
        ) from error
    if not isinstance(document, dict):
        raise RequestError(HTTPStatus.BAD_REQUEST, "invalid_json", "The body is not a JSON object.")
    return document


def read_request(document: dict[str, Any]) -> ChatRequest:
    """The chat request that ``document`` is; a parameter that is null counts as left out.

    Raises:
        RequestError: A parameter is missing, of a wrong type, unknown, or asks for what is not supported.
        AnsweringError: Answers cannot be held to the schema.
    """
    given = {name: value for name, value in document.items() if value is not None}
    _refuse_unsupported(given)
    stream = _flag(given, "stream")
    tools = None if given.get("tool_choice") == "none" else _tools(given)
    return ChatRequest(
        model=_text(given, "model"),
        messages=_messages(given),
        tools=tools,
        sampling=_sampling(given),
        max_new_tokens=_longest(given),
        stops=_stops(given),
        constraint=_constraint(given),
        stream=stream,
        include_usage=_include_usage(given, stream),
    )


def _wrong(param: str, text: str, *, code: str = "invalid_value", **params: Any) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, code, text, param=param, name=param, **params)


def _refuse_unsupported(given: dict[str, Any]) -> None:
    for name, value in given.items():
        if name in _NEUTRAL:
            same = [neutral for neutral in _NEUTRAL[name] if neutral == value and _alike(neutral, value)]
            if not same:
                what = " With n above 1, ask several times." if name == "n" else ""
                raise _wrong(
                    name,
                    "This value of '{name}' is not supported.{what}",
                    code="unsupported_value",
                    what=what,
                )
        elif name not in _READ and name not in _WITHOUT_EFFECT and name not in (*_SAMPLING, "seed"):
            raise RequestError(
                HTTPStatus.BAD_REQUEST,
                "unknown_parameter",
                "The parameter '{name}' is not supported.",
                param=name[:100],
                name=name[:100],
            )


def _alike(one: Any, other: Any) -> bool:
    """Whether a truth value is not compared with a number."""
    return isinstance(one, bool) == isinstance(other, bool)


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None:
        raise _wrong(name, "The parameter '{name}' is missing.", code="missing_required_parameter")
    if not isinstance(value, str):
        raise _wrong(name, "The parameter '{name}' is not a text.", code="invalid_type")
    return value


def _flag(given: dict[str, Any], name: str, where: str = "") -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(where + name, "The parameter '{name}' is neither true nor false.", code="invalid_type")
    return value


def _messages(given: dict[str, Any]) -> list[dict[str, Any]]:
    value = given.get("messages")
    if value is None:
        raise _wrong("messages", "The parameter '{name}' is missing.", code="missing_required_parameter")
    if not isinstance(value, list):
        raise _wrong("messages", "The parameter '{name}' is not a list.", code="invalid_type")
    try:
        return conversation(value, set())
    except RowFaultError as error:
        raise _wrong("messages", "The messages cannot be used: {reason}.", reason=str(error)) from error


def _tools(given: dict[str, Any]) -> list[dict[str, Any]] | None:
    value = given.get("tools")
    if not value and (value is None or isinstance(value, list)):
        return None
    if not isinstance(value, list):
        raise _wrong("tools", "The parameter '{name}' is not a list.", code="invalid_type")
    for tool in value:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _wrong(
                "tools", 'Each of \'{name}\' has to be {{"type": "function", "function": {{"name": ...}}}}.'
            )
    return value


def _sampling(given: dict[str, Any]) -> Sampling:
    settings = {name: given[name] for name in _SAMPLING if name in given}
    seed = given.get("seed", secrets.randbelow(_SEEDS))
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise _wrong("seed", "The parameter '{name}' is not a whole number.", code="invalid_type")
    for name, value in settings.items():
        whole = name == "top_k"
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            what = "a whole number" if whole else "a number"
            raise _wrong(name, "The parameter '{name}' is not {what}.", code="invalid_type", what=what)
    try:
        # OpenAI's seeds have 64 bits and a sign, llama.cpp's 32.
        return Sampling(**settings, seed=seed % _SEEDS)
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong(
            str(first["loc"][0]), "The value of '{name}' cannot be used: {reason}.", reason=why_refused(first)
        ) from error


def _longest(given: dict[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = given.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(name, "The parameter '{name}' is not a whole number.", code="invalid_type")
        if value < 1:
            raise _wrong(name, "The value of '{name}' is below 1.")
        return value
    return None


def _stops(given: dict[str, Any]) -> tuple[str, ...]:
    value = given.get("stop", [])
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise _wrong(
            "stop", "The parameter '{name}' is neither a text nor a list of texts.", code="invalid_type"
        )
    if len(stops) > _MOST_STOPS or not all(stops):
        raise _wrong("stop", "'{name}' takes at most {most} texts, none of them empty.", most=_MOST_STOPS)
    return tuple(stops)


def _include_usage(given: dict[str, Any], stream: bool) -> bool:
    options = given.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise _wrong("stream_options", "The parameter '{name}' is not an object.", code="invalid_type")
    if not stream:
        raise _wrong("stream_options", "'{name}' is only for requests with stream.")
    return _flag(options, "include_usage", "stream_options.")


def _constraint(given: dict[str, Any]) -> Constraint | None:
    wanted = given.get("response_format")
    if wanted is None:
        return None
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return any_json()
    if kind != "json_schema":
        raise _wrong("response_format", "The type of '{name}' is not text, json_object or json_schema.")
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    if not isinstance(schema, dict):
        raise _wrong("response_format.json_schema.schema", "'{name}' is missing or not an object.")
    return of_schema(schema)
