"""An example: one conversation whose last message is the answer. Knows nothing of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.datasets.options import Split


@dataclass(frozen=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: ``system``, ``user``, ``assistant`` or ``tool``.
        content: The text; None only beside tool calls.
        tool_calls: Calls of an assistant, exactly as the file had them.
        tool_call_id: Which call a tool's message answers.
        name: Name of the speaker or the tool.
    """

    role: str
    content: str | None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    name: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The message in OpenAI's shape; absent fields are left out, content never."""
        fields: dict[str, Any] = {"role": self.role, "content": self.content}
        for name in ("tool_calls", "tool_call_id", "name"):
            value = getattr(self, name)
            if value is not None:
                fields[name] = value
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Message:
        """The inverse of `as_dict`."""
        return cls(**fields)


@dataclass(frozen=True)
class Example:
    """One conversation of a dataset.

    Attributes:
        row: Number of the row it came from, counted from 1.
        messages: The conversation; the last one is the assistant's answer.
        tools: Descriptions of the tools that may be called.
        response_format: The form the answer must have, as OpenAI's API names it.
        split: Where it belongs.
    """

    row: int
    messages: tuple[Message, ...]
    tools: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None
    split: Split = "train"

    @property
    def prompt(self) -> tuple[Message, ...]:
        """Everything before the answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> Message:
        """The assistant's answer."""
        return self.messages[-1]

    @property
    def answer_text(self) -> str:
        """The answer as text; a tool call in its JSON."""
        if self.answer.content is not None:
            return self.answer.content
        return json.dumps(self.answer.tool_calls, ensure_ascii=False)

    @property
    def prompt_id(self) -> str:
        """Identity of the prompt (see `prompt_id`)."""
        return prompt_id([message.as_dict() for message in self.prompt], self.tools)

    def as_dict(self) -> dict[str, Any]:
        """The example in OpenAI's chat form, with its split."""
        fields: dict[str, Any] = {"messages": [message.as_dict() for message in self.messages]}
        if self.tools is not None:
            fields["tools"] = self.tools
        if self.response_format is not None:
            fields["response_format"] = self.response_format
        fields["split"] = self.split
        return fields

    @classmethod
    def from_dict(cls, row: int, fields: dict[str, Any]) -> Example:
        """The inverse of `as_dict`."""
        return cls(
            row=row,
            messages=tuple(Message.from_dict(message) for message in fields["messages"]),
            tools=fields.get("tools"),
            response_format=fields.get("response_format"),
            split=fields.get("split", "train"),
        )


def prompt_id(messages: Sequence[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
    """Identity of a prompt: 16 hex digits of the SHA-256 of its canonical JSON.

    The same messages and tools have the same identity in every import and every dataset.

    Args:
        messages: The messages before the answer, as `Message.as_dict` gives them.
        tools: The tools offered, if any.
    """
    value = messages if tools is None else {"messages": messages, "tools": tools}
    return hashlib.sha256(canonical(value)).hexdigest()[:16]


def canonical(value: Any) -> bytes:
    """A value's JSON with sorted keys and no spaces."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits, very deep nesting
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8")


def compact(value: Any) -> str:
    """A value's JSON on one line, keys in their own order, text as it is."""
    try:
        return orjson.dumps(value).decode("utf-8")
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse(text: str | bytes) -> Any:
    """The inverse of `compact`.

    The arguments of tool calls may hold integers beyond 64 bits, which orjson would turn into floats; a text
    that speaks of tools goes to the slower parser that keeps them.
    """
    speaks_of_tools = '"tool' in text if isinstance(text, str) else b'"tool' in text
    return json.loads(text) if speaks_of_tools else orjson.loads(text)
