"""Renders the part of Go's template language that our Modelfiles use, as Ollama does, to prove them.

Known are text, fields (``.Role``, ``$.System``), variables, ``if``, ``else if``, ``else``, ``range``, ``end``,
trim markers, comments, string and number literals, parentheses, and the functions eq, ne, and, or, not, len, slice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.exporting.errors import ExportError

#: An action with its trim markers; strings inside may hold braces.
_ACTION: Final = re.compile(r"\{\{(-\s)?((?:`[^`]*`|\"(?:\\.|[^\"\\])*\"|(?!\}\}).)*?)(\s-)?\}\}", re.DOTALL)
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<raw>`[^`]*`)|(?P<quoted>\"(?:\\.|[^\"\\])*\")|(?P<number>\d+)|(?P<sign>:=|[(),])"
    r"|(?P<path>\$\w*(?:\.\w+)*|\.\w+(?:\.\w+)*|\.)|(?P<word>\w+))"
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_EMPTY: Final = (None, "", 0, False)

_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "eq": lambda first, *others: any(first == other for other in others),
    "ne": lambda first, second: first != second,
    "and": lambda *values: next((value for value in values if not _true(value)), values[-1]),
    "or": lambda *values: next((value for value in values if _true(value)), values[-1]),
    "not": lambda value: not _true(value),
    "len": len,
    "slice": lambda value, start=0, stop=None: value[start:stop],
}

Tokens = list[tuple[str, str]]


@dataclass
class _Node:
    """A piece of a template: text, a value, an assignment, or a block with its branches."""

    kind: str
    text: str = ""
    tokens: Tokens = field(default_factory=list)
    branches: list[tuple[Tokens | None, list[_Node]]] = field(default_factory=list)


def render(template: str, messages: Sequence[Mapping[str, str]]) -> str:
    """What Ollama makes of a conversation before it is tokenised.

    Messages of one role that follow each other become one, and all system text together is ``.System``.

    Args:
        template: The text of a Modelfile's TEMPLATE.
        messages: With ``role`` and ``content``.

    Raises:
        ExportError: The template is not of the language that is known here.
    """
    collated: list[dict[str, str]] = []
    for message in messages:
        if collated and collated[-1]["Role"] == message["role"]:
            collated[-1]["Content"] += f"\n\n{message['content']}"
        else:
            collated.append({"Role": message["role"], "Content": message["content"]})
    system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    values = {"System": system, "Messages": collated, "Response": ""}
    try:
        return "".join(_run(_parsed(template), values, {"$": values}))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise _unreadable(str(error)) from error


def _parsed(template: str) -> list[_Node]:
    root: list[_Node] = []
    open_blocks: list[_Node] = []
    body = root
    for node in _pieces(template):
        word = node.tokens[0][1] if node.tokens and node.tokens[0][0] == "word" else ""
        if node.kind == "text":
            body.append(node)
        elif word in ("if", "range"):
            block = _Node(word, branches=[(node.tokens[1:], [])])
            body.append(block)
            open_blocks.append(block)
            body = block.branches[-1][1]
        elif word == "else" and open_blocks:
            rest = node.tokens[1:]
            open_blocks[-1].branches.append((rest[1:] if rest else None, []))
            body = open_blocks[-1].branches[-1][1]
        elif word == "end" and open_blocks:
            open_blocks.pop()
            body = open_blocks[-1].branches[-1][1] if open_blocks else root
        elif word in ("else", "end"):
            raise _unreadable(f"{word} without a block")
        else:
            body.append(node)
    if open_blocks:
        raise _unreadable(f"{open_blocks[-1].kind} without end")
    return root


def _pieces(template: str) -> Iterator[_Node]:
    """Texts and actions in turn, white space at trim markers gone."""
    place, trim = 0, False
    for action in _ACTION.finditer(template):
        text = template[place : action.start()]
        text = text.lstrip() if trim else text
        yield _Node("text", text.rstrip() if action[1] else text)
        place, trim = action.end(), bool(action[3])
        if not action[2].startswith("/*"):
            yield _Node("action", tokens=_tokens(action[2]))
    rest = template[place:]
    if "{{" in rest:
        raise _unreadable("{{ without }}")
    yield _Node("text", rest.lstrip() if trim else rest)


def _tokens(text: str) -> Tokens:
    tokens, place = [], 0
    text = text.strip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise _unreadable(text[place : place + 20])
        tokens.append((found.lastgroup, found[found.lastgroup]))
        place = found.end()
    return tokens


def _run(nodes: list[_Node], dot: Any, variables: dict[str, Any]) -> Iterator[str]:
    for node in nodes:
        if node.kind == "text":
            yield node.text
        elif node.kind == "if":
            for condition, body in node.branches:
                if condition is None or _true(_value(condition, dot, variables)):
                    yield from _run(body, dot, dict(variables))
                    break
        elif node.kind == "range":
            yield from _range(node, dot, variables)
        elif len(node.tokens) > 1 and node.tokens[1] == ("sign", ":="):
            variables[node.tokens[0][1]] = _value(node.tokens[2:], dot, variables)
        else:
            yield str(_value(node.tokens, dot, variables))


def _range(node: _Node, dot: Any, variables: dict[str, Any]) -> Iterator[str]:
    condition, body = node.branches[0]
    tokens = condition or []
    names: list[str] = []
    if ("sign", ":=") in tokens:
        at = tokens.index(("sign", ":="))
        names, tokens = [text for kind, text in tokens[:at] if kind == "path"], tokens[at + 1 :]
    for number, item in enumerate(_value(tokens, dot, variables)):
        given = (number, item) if len(names) == 2 else (item,)
        yield from _run(body, item, {**variables, **dict(zip(names, given, strict=False))})


def _value(tokens: Tokens, dot: Any, variables: Mapping[str, Any]) -> Any:
    """The value of an expression: a function with its arguments, or a single operand."""
    operands: list[Any] = []
    function = None
    rest = list(tokens)
    while rest:
        kind, text = rest.pop(0)
        if kind == "word" and not operands and function is None and text in _FUNCTIONS:
            function = _FUNCTIONS[text]
        elif kind == "word" and text in ("true", "false"):
            operands.append(text == "true")
        elif (kind, text) == ("sign", "("):
            depth, inner = 1, []
            while depth:
                token = rest.pop(0)
                depth += {"(": 1, ")": -1}.get(token[1], 0) if token[0] == "sign" else 0
                inner.append(token)
            operands.append(_value(inner[:-1], dot, variables))
        elif kind in ("raw", "quoted", "number", "path"):
            operands.append(_operand(kind, text, dot, variables))
        else:
            raise _unreadable(text)
    if function is not None:
        return function(*operands)
    if len(operands) != 1:
        raise _unreadable(" ".join(text for _, text in tokens))
    return operands[0]


def _operand(kind: str, text: str, dot: Any, variables: Mapping[str, Any]) -> Any:
    if kind == "raw":
        return text[1:-1]
    if kind == "quoted":
        return re.sub(r"\\(.)", lambda escape: _ESCAPES[escape[1]], text[1:-1])
    if kind == "number":
        return int(text)
    first, *fields = text.split(".")
    value = variables[first] if first else dot
    for name in filter(None, fields):
        value = value[name]
    return value


def _true(value: Any) -> bool:
    """Whether Go takes a value for true: not nothing, zero, or empty."""
    return not (isinstance(value, list | dict) and not value) and value not in _EMPTY


def _unreadable(what: str) -> ExportError:
    return ExportError(
        "ollama.template_unreadable",
        "The template for Ollama holds something that cannot be rendered here: {what}.",
        fix="Use the GGUF file itself; llama.cpp reads the model's own template from it.",
        what=what[:80],
    )
