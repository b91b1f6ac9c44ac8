"""Reads a grammar in llama.cpp's GBNF to see that it is one, and says where it is not.

llama.cpp tells what is wrong with a grammar to a terminal only, takes an empty one for none, and fills the memory
with a repetition that ends before it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from engine.errors import Words
from engine.inference.errors import AnsweringError

_ESCAPE: Final = r'\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[trn\\"\[\]-])'
_BLANKS: Final = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_BREAKS: Final = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_NAME: Final = re.compile(r"[A-Za-z0-9-]+")
_TEXT: Final = re.compile(rf'"((?:[^"\\]|{_ESCAPE})*)"')
_SET: Final = re.compile(rf"\[\^?((?:[^\]\\]|{_ESCAPE})*)\]")
_CHARACTER: Final = re.compile(rf"{_ESCAPE}|[^\\]", re.DOTALL)
_TOKEN: Final = re.compile(r"!?<(?:\[[0-9]+\]|[^\[>][^>]*)>")
_TIMES: Final = re.compile(r"\{\s*([0-9]+)\s*(?:(,)\s*([0-9]*)\s*)?\}")
_ROOT: Final = "root"


@dataclass
class _Item:
    """A part of an alternative: characters, or a text of the rule ``refers``.

    Attributes:
        refers: A rule's name.
        empty: It may be left out.
        nothing: It is left out always: "" or {0}.
    """

    refers: str | None = None
    empty: bool = False
    nothing: bool = False


@dataclass
class _Rule:
    """A rule, or a group in parentheses within it.

    Attributes:
        name: Its own; a group's ends in a number.
        place: Where it begins in the text.
        alternatives: Each the items that follow one another.
    """

    name: str
    place: int
    alternatives: list[list[_Item]] = field(default_factory=lambda: [[]])


def require_readable(text: str) -> None:
    """See that a text is a grammar.

    Args:
        text: In GBNF, moderate in size (see `engine.inference.grammars.limits`).

    Raises:
        AnsweringError: It is none; names the line.
    """
    reader = _Reader(text)
    reader.read()
    rules = reader.rules
    if _ROOT not in rules:
        reader.refuse(len(text), Words("it has no rule called root, with which every text begins"))
    for name, place in reader.named:
        if name not in rules:
            reader.refuse(place, Words("there is no rule called '{name}'", name=name))
    empty = _may_be_empty(rules)
    for item, place in reader.endless:
        if item.empty or item.refers in empty:
            reader.refuse(place, Words("what is repeated without end may be nothing at all"))
    if (again := _leads_to_itself(rules, empty)) is not None:
        reader.refuse(
            again.place,
            Words("the rule '{name}' begins with itself", name=again.name.partition(" ")[0]),
        )


class _Reader:
    """Goes through a grammar once.

    Attributes:
        rules: By name, groups among them.
        named: Rules that others name, and where.
        endless: What is repeated without end, and where.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self.rules: dict[str, _Rule] = {}
        self.named: list[tuple[str, int]] = []
        self.endless: list[tuple[_Item, int]] = []

    def refuse(self, place: int, reason: Words) -> NoReturn:
        """Say what is wrong at a place."""
        line = self._text.count("\n", 0, min(place, len(self._text.rstrip()))) + 1
        raise AnsweringError(
            "answers.grammar_line",
            "The grammar cannot be read: line {line}: {reason}.",
            fix="Check that line; grammars are written in llama.cpp's GBNF.",
            line=line,
            reason=reason,
        )

    def read(self) -> None:
        """Read all rules."""
        self._skip(_BREAKS)
        while self._place < len(self._text):
            self._rule()
            self._skip(_BREAKS)

    def _skip(self, what: re.Pattern[str]) -> None:
        found = what.match(self._text, self._place)
        self._place = found.end() if found else self._place

    def _next(self, what: re.Pattern[str]) -> re.Match[str] | None:
        found = what.match(self._text, self._place)
        if found is not None:
            self._place = found.end()
        return found

    def _rule(self) -> None:
        begin = self._place
        name = self._next(_NAME)
        if name is None:
            self.refuse(begin, Words("a rule begins with its name, of letters, digits and hyphens"))
        if name[0] in self.rules:
            self.refuse(begin, Words("the rule '{name}' is there twice", name=name[0]))
        self._skip(_BLANKS)
        if not self._text.startswith("::=", self._place):
            self.refuse(self._place, Words("after the name of a rule, '{name}', comes ::=", name=name[0]))
        self._place += 3
        self._skip(_BREAKS)
        open_rules = [_Rule(name[0], begin)]
        groups = 0
        while self._place < len(self._text):
            here = self._text[self._place]
            if here == "(":
                groups += 1
                open_rules.append(_Rule(f"{name[0]} {groups}", self._place))
                self._place += 1
                self._skip(_BREAKS)
            elif here == ")" and len(open_rules) > 1:
                group = open_rules.pop()
                self.rules[group.name] = group
                open_rules[-1].alternatives[-1].append(_Item(group.name))
                self._place += 1
                self._skip(_BREAKS if len(open_rules) > 1 else _BLANKS)
            elif here == "|":
                open_rules[-1].alternatives.append([])
                self._place += 1
                self._skip(_BREAKS)
            elif here in "\r\n" and len(open_rules) == 1:
                break
            else:
                self._item(here, open_rules[-1].alternatives[-1])
                self._skip(_BREAKS if len(open_rules) > 1 else _BLANKS)
        if len(open_rules) > 1:
            self.refuse(open_rules[-1].place, Words("a parenthesis is not closed"))
        self.rules[name[0]] = open_rules[0]

    def _item(self, here: str, items: list[_Item]) -> None:
        begin = self._place
        if here in "*+?{":
            self._repeated(here, items)
        elif here == '"':
            found = self._next(_TEXT)
            if found is None:
                self.refuse(begin, Words('a text is not closed by ", or has an unknown escape'))
            items.append(_Item(empty=not found[1], nothing=not found[1]))
        elif here == "[":
            found = self._next(_SET)
            if found is None:
                self.refuse(begin, Words("a set of characters is not closed by ], or has an unknown escape"))
            self._require_ranges(found[1], begin)
            items.append(_Item())
        elif here in "<!":
            if self._next(_TOKEN) is None:
                self.refuse(begin, Words("a token is written <[number]> or <text>"))
            items.append(_Item())
        elif here == ".":
            self._place += 1
            items.append(_Item())
        elif (name := self._next(_NAME)) is not None:
            self.named.append((name[0], begin))
            items.append(_Item(name[0]))
        else:
            self.refuse(begin, Words("'{here}' cannot stand here", here=here))

    def _repeated(self, here: str, items: list[_Item]) -> None:
        begin = self._place
        if not items or items[-1].nothing:
            self.refuse(
                begin, Words("'{here}' repeats what stands before it, and there is nothing", here=here)
            )
        if here != "{":
            self._place += 1
            if here != "?":
                self.endless.append((_Item(items[-1].refers, items[-1].empty), begin))
            items[-1].empty = items[-1].empty or here != "+"
            return
        found = self._next(_TIMES)
        if found is None:
            self.refuse(begin, Words("a repetition is written {3}, {3,} or {3,5}"))
        least, most = int(found[1]), int(found[3]) if found[3] else None
        if most is not None and most < least:
            self.refuse(
                begin,
                Words("a repetition of at least {least} and at most {most} is none", least=least, most=most),
            )
        if found[2] and most is None:
            self.endless.append((_Item(items[-1].refers, items[-1].empty), begin))
        items[-1].empty = items[-1].empty or least == 0
        if least == 0 and (most == 0 or not found[2]):
            items[-1] = _Item(empty=True, nothing=True)

    def _require_ranges(self, inner: str, place: int) -> None:
        characters = [found[0] for found in _CHARACTER.finditer(inner)]
        if not characters:
            self.refuse(place, Words("a set of characters is empty"))
        number = 0
        while number < len(characters):
            if characters[number + 1 : number + 2] != ["-"] or number + 2 == len(characters):
                number += 1
                continue
            first, last = characters[number], characters[number + 2]
            if _code(first) > _code(last):
                self.refuse(
                    place, Words("the range {first}-{last} ends before it begins", first=first, last=last)
                )
            number += 3


def _code(character: str) -> int:
    """The number of a character, or of what an escape stands for."""
    if character[0] != "\\":
        return ord(character)
    if character[1] in "xuU":
        return int(character[2:], 16)
    return ord({"t": "\t", "r": "\r", "n": "\n"}.get(character[1], character[1]))


def _leads_to_itself(rules: dict[str, _Rule], empty: set[str]) -> _Rule | None:
    """A rule whose text may begin with itself, which no reader from left to right gets past."""
    first = {name: list(_first_of(rule, empty)) for name, rule in rules.items()}
    done: set[str] = set()
    for start in rules:
        if start in done:
            continue
        path, waiting = [start], [iter(first[start])]
        on_path = {start}
        while path:
            for name in waiting[-1]:
                if name in on_path:
                    return rules[name]
                if name not in done:
                    path.append(name)
                    waiting.append(iter(first[name]))
                    on_path.add(name)
                    break
            else:
                done.add(path[-1])
                on_path.discard(path.pop())
                waiting.pop()
    return None


def _first_of(rule: _Rule, empty: set[str]) -> Iterable[str]:
    """The rules that a text of ``rule`` may begin with."""
    for items in rule.alternatives:
        for item in items:
            if item.refers is not None:
                yield item.refers
            if not (item.empty or item.refers in empty):
                break


def _may_be_empty(rules: dict[str, _Rule]) -> set[str]:
    """The rules that the empty text is a text of."""
    users: dict[str, list[tuple[str, int]]] = {}
    missing: dict[tuple[str, int], int] = {}
    empty: set[str] = set()
    found: list[str] = []
    for name, rule in rules.items():
        for number, items in enumerate(rule.alternatives):
            solid = [item for item in items if not item.empty]
            missing[name, number] = len(solid)
            for item in solid:
                if item.refers is not None:
                    users.setdefault(item.refers, []).append((name, number))
            if not solid and name not in empty:
                empty.add(name)
                found.append(name)
    while found:
        for user in users.get(found.pop(), ()):
            missing[user] -= 1
            if not missing[user] and user[0] not in empty:
                empty.add(user[0])
                found.append(user[0])
    return empty
