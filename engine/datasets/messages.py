"""Conversations as files have them -> messages in one shape, with everything wrong about them named."""

from __future__ import annotations

import json
from typing import Any, Final

from engine.datasets.errors import RowFaultError
from engine.datasets.values import text_of

MessageDict = dict[str, Any]

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
#: The keys of a message that are read.
_KEPT: Final = frozenset({"role", "content", "tool_calls", "tool_call_id", "name"})
_KEPT_OF_SHAREGPT: Final = _KEPT | {"from", "value"}
_SPEAKERS: Final = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "function_call": "call",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
}


def conversation(value: Any, dropped: set[str]) -> list[MessageDict]:
    """Messages of OpenAI's chat form: ``role``, ``content``, and tool calls kept exactly as they are.

    Args:
        value: The list of messages, or its JSON.
        dropped: Takes up the keys that messages had beside those that are kept.

    Raises:
        RowFaultError: It is no list of messages, one of them is not usable, or the last is marked as not to be
            learnt.
    """
    if isinstance(value, str):
        value = _parsed(value, "messages")
    if not isinstance(value, list) or not value:
        raise RowFaultError("row.no_messages", "'messages' is not a list of messages")
    messages = [_message(number, message) for number, message in enumerate(value, start=1)]
    _note_dropped(value, _KEPT, dropped)
    _refuse_unweighted(messages[-1], value[-1])
    return messages


def sharegpt(value: Any, dropped: set[str]) -> list[MessageDict]:
    """Messages of the ShareGPT form: ``from`` and ``value``, or ``role`` and ``content``.

    Args:
        value: As for `conversation`.
        dropped: As for `conversation`.

    Raises:
        RowFaultError: As for `conversation`.
    """
    if isinstance(value, str):
        value = _parsed(value, "conversations")
    if not isinstance(value, list) or not value:
        raise RowFaultError("row.no_messages", "'conversations' is not a list of messages")
    messages = []
    for number, turn in enumerate(value, start=1):
        if not isinstance(turn, dict):
            raise RowFaultError("row.bad_message", "message {number} is not an object", number=number)
        speaker = turn.get("from", turn.get("role"))
        role = _SPEAKERS.get(speaker) if isinstance(speaker, str) else None
        if role is None:
            raise _unknown_role(number, speaker)
        said = turn.get("value", turn.get("content"))
        if role == "call":
            messages.append({"role": "assistant", "content": None, "tool_calls": _called(number, said)})
        else:
            rest = {key: turn.get(key) for key in ("tool_calls", "tool_call_id", "name")}
            messages.append(_message(number, {"role": role, "content": said, **rest}))
    _note_dropped(value, _KEPT_OF_SHAREGPT, dropped)
    _refuse_unweighted(messages[-1], value[-1])
    return messages


def check(messages: list[MessageDict]) -> None:
    """Refuse a conversation that is no example.

    Raises:
        RowFaultError: Wrong order of roles, an empty prompt or an empty answer.
    """
    last = messages[-1]
    if last["role"] != "assistant":
        raise RowFaultError(
            "row.last_role",
            "wrong roles: the last message is from {role}, not from the assistant",
            role=last["role"],
        )
    if "tool_calls" not in last and not (last["content"] or "").strip():
        raise RowFaultError("row.answer_empty", "the answer is empty")
    asked = False
    calls: set[str] | None = None
    for number, message in enumerate(messages, start=1):
        role = message["role"]
        if role == "user":
            asked = True
        elif role == "system":
            if number > 1:
                raise RowFaultError(
                    "row.system_place",
                    "wrong roles: message {number} is a system message, not the first",
                    number=number,
                )
        elif role == "assistant":
            if "tool_calls" in message:
                calls = (calls or set()) | {
                    call["id"] for call in message["tool_calls"] if isinstance(call.get("id"), str)
                }
        elif calls is None or (calls and message.get("tool_call_id", next(iter(calls))) not in calls):
            raise RowFaultError(
                "row.tool_place",
                "wrong roles: message {number} of a tool answers no earlier call",
                number=number,
            )
        said = role in ("user", "assistant") and "tool_calls" not in message
        if said and number < len(messages) and not message["content"].strip():
            what = "the prompt" if len(messages) - number == 1 else f"message {number}"
            raise RowFaultError("row.message_empty", "{what} is empty", what=what)
    if not asked:
        raise RowFaultError("row.no_prompt", "wrong roles: no user message comes before the answer")


def asked_text(prompt: list[MessageDict]) -> str:
    """What a prompt asks: its texts, but for the system message."""
    if len(prompt) == 1:
        return str(prompt[0]["content"] or "")
    return "\n".join(message["content"] or "" for message in prompt if message["role"] != "system")


def described_tools(value: Any) -> list[dict[str, Any]] | None:
    """The row's ``tools``, a list of objects or its JSON; None where it has none."""
    value = _parsed(value, "tools") if isinstance(value, str) and value.strip() else value
    if not value:
        return None
    if not isinstance(value, list) or not all(isinstance(tool, dict) for tool in value):
        raise RowFaultError("row.bad_tools", "'tools' is not a list of objects")
    return value


def described_format(value: Any) -> dict[str, Any] | None:
    """The row's ``response_format``, an object or its JSON; None where it has none."""
    value = _parsed(value, "response_format") if isinstance(value, str) and value.strip() else value
    if not value:
        return None
    if not isinstance(value, dict):
        raise RowFaultError("row.bad_response_format", "'response_format' is not an object")
    return value


def _note_dropped(messages: list[dict[str, Any]], kept: frozenset[str], dropped: set[str]) -> None:
    for message in messages:
        if not kept.issuperset(message):
            dropped.update(str(key) for key in message if key not in kept and message[key] is not None)


def _refuse_unweighted(last: MessageDict, given: dict[str, Any]) -> None:
    """OpenAI's ``weight: 0`` keeps a message from being learnt; only the last answer is learnt here anyway."""
    if last["role"] == "assistant" and given.get("weight") == 0:
        raise RowFaultError("row.answer_weight", "the answer has weight 0: it is not to be learnt")


def _message(number: int, message: Any) -> MessageDict:
    if not isinstance(message, dict):
        raise RowFaultError("row.bad_message", "message {number} is not an object", number=number)
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise _unknown_role(number, role)
    content = message.get("content")
    calls = message.get("tool_calls")
    if message.get("function_call"):
        raise RowFaultError(
            "row.function_call",
            "message {number} has the old 'function_call'; write it as 'tool_calls'",
            number=number,
        )
    if isinstance(content, list):
        content = _parts(number, content)
    if content is None and not calls:
        content = ""
    if content is not None and not isinstance(content, str):
        raise RowFaultError("row.bad_content", "the content of message {number} is not text", number=number)
    found: MessageDict = {"role": _ROLES[role], "content": content}
    if calls:
        _check_calls(number, role, calls)
        found["tool_calls"] = calls
    for name in ("tool_call_id", "name"):
        value = message.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise RowFaultError(
                    "row.bad_message", "'{name}' of message {number} is not text", name=name, number=number
                )
            found[name] = value
    return found


def _parts(number: int, parts: list[Any]) -> str:
    """The text of a content given in parts."""
    texts = []
    for part in parts:
        if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, str):
            texts.append(part)
        else:
            raise RowFaultError(
                "row.not_text", "message {number} holds something other than text", number=number
            )
    return "".join(texts)


def _check_calls(number: int, role: str, calls: Any) -> None:
    if role != "assistant":
        raise RowFaultError(
            "row.calls_place", "wrong roles: message {number} of {role} calls tools", number=number, role=role
        )
    for call in calls if isinstance(calls, list) else [None]:
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        arguments = function.get("arguments") if isinstance(function, dict) else None
        if not isinstance(name, str) or not name or not isinstance(arguments, str | dict | None):
            raise RowFaultError(
                "row.bad_tool_call",
                "a tool call of message {number} has no function with name and arguments",
                number=number,
            )


def _called(number: int, said: Any) -> list[dict[str, Any]]:
    """ShareGPT's ``function_call`` turn: the JSON of one call, or of several."""
    value = _parsed(said, "function_call") if isinstance(said, str) else said
    calls = [
        {"type": "function", "function": call} for call in (value if isinstance(value, list) else [value])
    ]
    _check_calls(number, "assistant", calls)
    return calls


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise RowFaultError("row.bad_json", "'{what}' is text that is not valid JSON", what=what) from None


def _unknown_role(number: int, role: Any) -> RowFaultError:
    if role is None:
        return RowFaultError("row.no_role", "wrong roles: message {number} has no role", number=number)
    shown = text_of(role)[:40]
    return RowFaultError(
        "row.unknown_role", "wrong roles: message {number} has the role '{role}'", number=number, role=shown
    )
