"""The pieces that grammars are put together of: texts, sets of characters, named rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.inference.errors import AnsweringError

#: More rules are made of no schema in use, and llama.cpp follows a chain of many more until its stack ends.
MOST_RULES: Final = 10_000
#: More repetitions of one thing make grammars that llama.cpp refuses, or works long on.
MOST_REPEATED: Final = 1000

#: First and last character of a range, by their numbers.
Range = tuple[int, int]


class Rules:
    """Named rules; equal ones are one.

    A name is short and plain whatever the rule is about: llama.cpp knows few characters in names, and two things
    may be called the same.
    """

    def __init__(self) -> None:
        self._expressions: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def add(self, expression: str) -> str:
        """The name of a rule that is ``expression``.

        Raises:
            AnsweringError: There are too many.
        """
        known = self._names.get(expression)
        if known is None:
            known = self.reserve()
            self.define(known, expression)
            self._names[expression] = known
        return known

    def reserve(self) -> str:
        """A name for a rule that is defined later, since it leads back to itself.

        Raises:
            AnsweringError: There are too many.
        """
        if len(self._expressions) >= MOST_RULES:
            raise refused("it is too large")
        name = f"r{len(self._expressions)}"
        self._expressions[name] = ""
        return name

    def define(self, name: str, expression: str) -> None:
        """Say what a reserved name is."""
        self._expressions[name] = expression

    def text(self, root: str) -> str:
        """The grammar of all texts that ``root`` describes."""
        lines = [f"{name} ::= {expression}" for name, expression in self._expressions.items()]
        return "\n".join([f"root ::= {root}", *lines, ""])


def refused(reason: str) -> AnsweringError:
    """The failure of a schema that answers cannot be held to."""
    return AnsweringError(
        "answers.schema",
        "Answers cannot be held to the JSON schema: {reason}.",
        fix="Leave it out of the schema, or say it more plainly; the guide to serving lists what is understood.",
        reason=reason[:300],
    )


def literal(text: str) -> str:
    """Exactly ``text``."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return f"\\x{ord(character):02X}" if ord(character) < 0x20 or character == "\x7f" else character


def one_of(ranges: Iterable[Range]) -> str:
    """One character of ``ranges``."""
    return "[" + "".join(_range(first, last) for first, last in ranges) + "]"


def none_of(characters: Iterable[str]) -> str:
    """One character that is none of ``characters``, and may stand in JSON's strings as it is."""
    return '[^"\\\\\\x00-\\x1F' + "".join(_in_set(ord(character)) for character in characters) + "]"


def repeated(item: str, least: int, most: int | None) -> str:
    """``item``, which is one symbol, so many times."""
    if most == 0:
        return '""'
    if (least, most) == (1, 1):
        return item
    if most is None and least < 2:
        return item + "*+"[least]
    return f"{item}{{{least}{'' if most == least else ','}{'' if most in (None, least) else most}}}"


def _range(first: int, last: int) -> str:
    return _in_set(first) if first == last else f"{_in_set(first)}-{_in_set(last)}"


def _in_set(number: int) -> str:
    character = chr(number)
    if character.isascii():
        return character if character.isalnum() else f"\\x{number:02X}"
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"
