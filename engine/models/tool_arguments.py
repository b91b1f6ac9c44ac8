"""The arguments of tool calls: as JSON text, as OpenAI has them, or as the object that most chat templates want."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

#: What a template takes the arguments of a tool call for.
Kind = Literal["object", "text"]
#: All of them, the usual one first.
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_PROBED: Final = {"bakeoff": "probe"}
#: How a template that shows the arguments of a tool call properly renders `arguments_probe`.
PROBE_SHOWN: Final = re.compile(r'"bakeoff"\s*:\s*"probe"')


def has_calls(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether any message calls a tool."""
    return any(message.get("tool_calls") for message in messages)


def with_arguments(messages: Sequence[dict[str, Any]], kind: Kind) -> list[dict[str, Any]]:
    """A copy in which the arguments of tool calls are of this kind; text that is no JSON object stays."""
    copied = []
    for message in messages:
        calls = [
            {**call, "function": _with_argument(call["function"], kind)}
            for call in message.get("tool_calls") or ()
        ]
        copied.append({**message, "tool_calls": calls} if calls else message)
    return copied


def _with_argument(function: dict[str, Any], kind: Kind) -> dict[str, Any]:
    arguments = function.get("arguments")
    if kind == "text" and isinstance(arguments, dict):
        return {**function, "arguments": json.dumps(arguments, ensure_ascii=False)}
    if kind == "object" and isinstance(arguments, str):
        try:
            parsed = json.loads(arguments)
        except (ValueError, RecursionError):
            return function
        if isinstance(parsed, dict):
            return {**function, "arguments": parsed}
    return function


def arguments_probe(kind: Kind) -> list[dict[str, Any]]:
    """A conversation with a tool call, in which `PROBE_SHOWN` finds whether its arguments are shown properly."""
    arguments = _PROBED if kind == "object" else json.dumps(_PROBED)
    # Mistral's templates want an id of nine characters.
    call = {"id": "call00001", "type": "function", "function": {"name": "probe", "arguments": arguments}}
    return [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
