"""Regular expressions as JSON schemas have them (JavaScript's) -> what a JSON string has between its quotes.

What is not understood is refused by its name: looking around, references back, boundaries of words.
"""

from __future__ import annotations

import json
from typing import Final

from engine.inference.errors import AnsweringError
from engine.inference.grammars.writing import MOST_REPEATED, Range, Rules, literal, one_of, refused, repeated

_LAST: Final = 0x10FFFF
#: Halves of characters, which are no text.
_HALVES: Final = (0xD800, 0xDFFF)
_DEEPEST: Final = 50

_DIGIT: Final[list[Range]] = [(0x30, 0x39)]
_WORD: Final[list[Range]] = [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]
_SPACE: Final[list[Range]] = [
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
]
_SETS: Final = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
#: What JSON's strings have as escapes only.
_ESCAPED: Final[list[Range]] = [(0x00, 0x1F), (0x22, 0x22), (0x5C, 0x5C)]
_NEW_LINES: Final[list[Range]] = [(0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)]
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}


def pattern_grammar(pattern: str, rules: Rules) -> str:
    """What a string may have between its quotes so that ``pattern`` matches it.

    Args:
        pattern: Beginning with ``^`` and ending with ``$``.
        rules: Takes up the rules that are needed.

    Raises:
        AnsweringError: It is no pattern, or has something that is not understood.
    """
    escapes = len(pattern[:-1]) - len(pattern[:-1].rstrip("\\"))
    if len(pattern) < 2 or pattern[0] != "^" or pattern[-1] != "$" or escapes % 2:
        raise _wrong(pattern, "it has to begin with ^ and to end with $")
    return _Reader(pattern[1:-1], pattern, rules).whole()


class _Reader:
    """Reads a pattern from its first character to its last."""

    def __init__(self, text: str, pattern: str, rules: Rules) -> None:
        self._text = text
        self._pattern = pattern
        self._rules = rules
        self._place = 0

    def whole(self) -> str:
        found = self._alternatives(0)
        if self._next():
            raise self._wrong("a parenthesis closes nothing")
        return found

    def _alternatives(self, depth: int) -> str:
        if depth > _DEEPEST:
            raise self._wrong("its groups lie too deep within each other")
        found = [self._sequence(depth)]
        while self._next() == "|":
            self._place += 1
            found.append(self._sequence(depth))
        return f"({' | '.join(found)})" if len(found) > 1 else found[0]

    def _sequence(self, depth: int) -> str:
        found: list[str] = []
        while (character := self._next()) and character not in "|)":
            found.append(self._repeated(self._atom(depth)))
        return " ".join(found) or '""'

    def _atom(self, depth: int) -> str:
        character = self._take()
        if character == "(":
            self._open_group()
            group = self._rules.add(self._alternatives(depth + 1))
            if self._next() != ")":
                raise self._wrong("a parenthesis is not closed")
            self._place += 1
            return group
        if character == "[":
            return self._one_of(self._set())
        if character == ".":
            return self._one_of(_without(_NEW_LINES))
        if character == "\\":
            return self._one_of(self._escape())
        if character in "^$*+?{":
            raise self._wrong(f"'{character}' is not supported where it stands")
        return self._one_of(_one(ord(character)))

    def _open_group(self) -> None:
        if self._next() != "?":
            return
        rest = self._text[self._place :]
        if rest.startswith("?:"):
            self._place += 2
        elif rest.startswith("?<") and rest[2:3].isalpha() and ">" in rest:
            self._place += rest.index(">") + 1
        else:
            raise self._wrong(f"'({rest[:3]}' is not supported")

    def _repeated(self, item: str) -> str:
        character = self._next()
        if character and character in "*+?":
            self._place += 1
            return self._greedy(f"{item}{character}")
        if character == "{":
            end = self._text.find("}", self._place)
            numbers = (
                [part.strip() for part in self._text[self._place + 1 : end].split(",")] if end > 0 else []
            )
            if not numbers or len(numbers) > 2 or not all(part.isdecimal() for part in numbers if part):
                raise self._wrong("'{' has to be written as '\\{' where it counts nothing")
            least = int(numbers[0][:9] or 0)
            last = numbers[-1]
            most = int(last[:9]) if last else None
            if max(least, most or 0) > MOST_REPEATED:
                raise self._wrong(f"it repeats something more than {MOST_REPEATED} times")
            if most is not None and most < least:
                raise self._wrong("it repeats something at most less often than at least")
            self._place = end + 1
            return self._greedy(repeated(item, least, most))
        return item

    def _greedy(self, found: str) -> str:
        """What is repeated is the same texts however greedily."""
        if self._next() == "?":
            self._place += 1
        return found

    def _set(self) -> list[Range]:
        """What stands between brackets, the first of which is read."""
        others = self._next() == "^"
        if others:
            self._place += 1
        found: list[Range] = []
        while self._next() != "]":
            first = self._in_set()
            if self._next() == "-" and self._text[self._place + 1 : self._place + 2] not in ("]", ""):
                self._place += 1
                last = self._in_set()
                if len(first) != 1 or len(last) != 1 or first[0][0] > last[0][1]:
                    raise self._wrong("a range between brackets has no first or no last character")
                first = [(first[0][0], last[0][1])]
            found += first
        self._place += 1
        return _without(found) if others else found

    def _in_set(self) -> list[Range]:
        character = self._take()
        if character == "\\":
            return _one(0x08) if self._next() == "b" and self._take() else self._escape()
        return _one(ord(character))

    def _escape(self) -> list[Range]:
        """What a backslash that is read makes of what follows."""
        character = self._take()
        if character.lower() in _SETS:
            ranges = _SETS[character.lower()]
            return ranges if character.islower() else _without(ranges)
        if character in _CONTROLS:
            return _one(ord(_CONTROLS[character]))
        if character in "xu":
            length = 2 if character == "x" else 4
            digits = self._text[self._place : self._place + length]
            if len(digits) < length or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise self._wrong(f"'\\{character}' needs {length} hexadecimal digits")
            self._place += length
            return _one(int(digits, 16))
        if character.isalnum():
            raise self._wrong(f"'\\{character}' is not supported")
        return _one(ord(character))

    def _one_of(self, ranges: list[Range]) -> str:
        """A character of ``ranges`` as JSON writes it: some of them as escapes."""
        plain = _without([*_without(ranges), *_ESCAPED])
        written = [
            json.dumps(chr(number))[1:-1]
            for first, last in _without([*_without(ranges), (_ESCAPED[-1][1] + 1, _LAST)])
            for number in range(first, last + 1)
        ]
        escaped = [literal(text) for text in written if len(text) > 1]
        if not plain and not escaped:
            raise self._wrong("there is no character that it allows somewhere")
        if not escaped and len(plain) == 1 and plain[0][0] == plain[0][1]:
            return literal(chr(plain[0][0]))
        found = ([one_of(plain)] if plain else []) + escaped
        return found[0] if len(found) == 1 else self._rules.add(" | ".join(found))

    def _next(self) -> str:
        return self._text[self._place : self._place + 1]

    def _take(self) -> str:
        character = self._next()
        if not character:
            raise self._wrong("it ends in the middle")
        self._place += 1
        return character

    def _wrong(self, reason: str) -> AnsweringError:
        return _wrong(self._pattern, reason)


def _one(number: int) -> list[Range]:
    return [(number, number)]


def _without(ranges: list[Range]) -> list[Range]:
    """All characters but those of ``ranges``, in order; halves of characters are none."""
    found, start = [], 0
    for first, last in sorted([*ranges, _HALVES, (_LAST + 1, _LAST + 1)]):
        if first > start:
            found.append((start, first - 1))
        start = max(start, last + 1)
    return found


def _wrong(pattern: str, reason: str) -> AnsweringError:
    return refused(f"in the pattern {pattern[:80]!r}, {reason}")
