"""Tool calls in what a model writes: found in the form in which its own chat template shows them.

Every family has a form of its own (Qwen and Hermes between ``<tool_call>`` marks, Mistral a list behind a mark,
Llama 3 a bare object). The template knows it: it is asked to show a call of known name and arguments, and what stands
around the JSON is what a call begins and ends with.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import BakeoffError
from engine.files import read_json
from engine.models.rendering import RENDERER

_NAME: Final = "NameOfTheTool"
_KEY: Final = "KeyOfTheArgument"
_VALUE: Final = "ValueOfTheArgument"
_ARGUMENTS: Final = ("arguments", "parameters")
_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"\s*")

Call = dict[str, Any]


@dataclass(frozen=True)
class CallForm:
    """How a template writes calls.

    Attributes:
        begin: Stands before the JSON, without tokens that decoding leaves out; may be empty.
        end: Stands after it.
    """

    begin: str
    end: str


def form_of(template: str, special: Collection[str] = ()) -> CallForm | None:
    """The form in which a template shows calls; None where it shows none, or none as JSON.

    Args:
        template: The Jinja text.
        special: Texts of the tokens that decoding leaves out.
    """
    for arguments in ({_KEY: _VALUE}, json.dumps({_KEY: _VALUE})):
        call = {"id": "call00001", "type": "function", "function": {"name": _NAME, "arguments": arguments}}
        asked: list[dict[str, Any]] = [{"role": "user", "content": "x"}]
        answered = [*asked, {"role": "assistant", "content": "", "tool_calls": [call]}]
        try:
            opening, whole = RENDERER.render_all(
                template, [_variables(asked, opening=True), _variables(answered, opening=False)]
            )
        except BakeoffError:
            continue
        answer = whole.removeprefix(opening) if whole.startswith(opening) else whole.rpartition("x")[2]
        found = _json_with(answer, _NAME)
        if found is not None:
            start, end, _ = found
            return CallForm(
                _without(answer[:start], special).strip(), _without(answer[end:], special).strip()
            )
    return None


def special_texts(folder: Path) -> frozenset[str]:
    """Texts of a tokenizer's special tokens, as its files tell."""
    content = read_json(folder / "tokenizer.json")
    tokens = content.get("added_tokens", []) if isinstance(content, dict) else []
    return frozenset(
        str(token["content"]) for token in tokens if token.get("special") and token.get("content")
    )


def calls_in(text: str, form: CallForm, names: Collection[str]) -> tuple[str, list[Call]]:
    """The words beside the calls, and the calls in OpenAI's form; none where the text is no call of these tools."""
    words, calls = "", list[Call]()
    place = read = 0
    while True:
        start = text.find(form.begin, place) if form.begin else place
        parsed = _json_at(text, start + len(form.begin)) if start >= 0 else None
        value = parsed[1] if parsed is not None else None
        found = [_call(one, names) for one in (value if isinstance(value, list) else [value])]
        fresh = [one for one in found if one is not None]
        if parsed is not None and fresh and len(fresh) == len(found):
            words += text[read:start]
            calls += fresh
            end = _beyond_space(text, parsed[0])
            closed = bool(form.end) and text.startswith(form.end, end)
            place = read = end + len(form.end) if closed else parsed[0]
        elif start >= 0 and form.begin:
            place = start + len(form.begin)  # a mark that is only spoken of
        else:
            break
    return (f"{words}{text[read:]}".strip(), calls) if calls else (text, [])


class CallWatch:
    """Lets text through as it comes, as long as it cannot be the beginning of a call."""

    def __init__(self, form: CallForm) -> None:
        self._form = form
        self._held = ""
        self._passed = False

    def add(self, piece: str) -> str:
        """What is certainly no call."""
        self._held += piece
        begin = self._form.begin
        if not begin:
            bare = self._held.lstrip()
            if not self._passed and (not bare or bare[0] in "[{"):
                return ""
            self._passed = True
            return self._let_out(len(self._held))
        place = self._held.find(begin)
        if place >= 0:
            return self._let_out(place)
        longest = min(len(begin), len(self._held))
        keep = next((size for size in range(longest, 0, -1) if begin.startswith(self._held[-size:])), 0)
        return self._let_out(len(self._held) - keep)

    def _let_out(self, count: int) -> str:
        certain, self._held = self._held[:count], self._held[count:]
        return certain


def _variables(messages: Sequence[dict[str, Any]], *, opening: bool) -> dict[str, Any]:
    return {
        "messages": list(messages),
        "tools": None,
        "documents": None,
        "add_generation_prompt": opening,
        "bos_token": "",
        "eos_token": "",
    }


def _json_with(text: str, name: str) -> tuple[int, int, Any] | None:
    """Where JSON that holds ``name`` begins and ends."""
    for start, sign in enumerate(text):
        if sign in "[{":
            parsed = _json_at(text, start)
            if parsed is not None and name in json.dumps(parsed[1]):
                return start, parsed[0], parsed[1]
    return None


def _json_at(text: str, start: int) -> tuple[int, Any] | None:
    try:
        value, end = _DECODER.raw_decode(text, _beyond_space(text, start))
    except (ValueError, RecursionError):
        return None
    return end, value


def _beyond_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found is not None else place


def _call(value: Any, names: Collection[str]) -> Call | None:
    """A call in OpenAI's form; None where the value is none of these tools'."""
    value = value.get("function", value) if isinstance(value, dict) else value
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in names:
        return None
    arguments: Any = next((value[key] for key in _ARGUMENTS if value.get(key) is not None), {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {
        "id": f"call_{secrets.token_hex(12)}",
        "type": "function",
        "function": {"name": name, "arguments": text},
    }


def _without(text: str, special: Collection[str]) -> str:
    for one in sorted(special, key=len, reverse=True):
        text = text.replace(one, "")
    return text


def named(tools: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Names of tools in OpenAI's form."""
    return (str(tool["function"]["name"]) for tool in tools)
