"""JSON's strings: any, of some length, in a format, or without some names."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from engine.inference.grammars.writing import Rules, literal, none_of, repeated

QUOTE: Final = literal('"')
#: Half of a character written as an escape is no text: D800 to DFFF are left out.
_CHARACTER: Final = (
    r'[^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" ([0-9abcefABCEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}))'
)

_DAY_OF_MONTH: Final = (
    '(("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])'
    ' | ("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30")'
    ' | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8]))'
)
#: The last two digits of leap years, of which those of centuries are leap years only where the first two are so.
_LEAP: Final = '("0" [48] | [2468] [048] | [13579] [26])'
_LEAP_DAY: Final = f'([0-9]{{2}} {_LEAP} | {_LEAP} "00") "-02-29"'
_DATE: Final = f'([0-9]{{4}} "-" {_DAY_OF_MONTH} | {_LEAP_DAY})'
_HOURS: Final = '([01] [0-9] | "2" [0-3])'
_TIME: Final = f'{_HOURS} (":" [0-5] [0-9]){{2}} ("." [0-9]{{1,6}})? ("Z" | [+-] {_HOURS} ":" [0-5] [0-9])'
_HEX: Final = "[0-9a-fA-F]"
#: What is between the quotes of a string in this format.
FORMATS: Final = {
    "date": _DATE,
    "date-time": f'{_DATE} "T" {_TIME}',
    "time": _TIME,
    "uuid": f'{_HEX}{{8}} ("-" {_HEX}{{4}}){{3}} "-" {_HEX}{{12}}',
}


def any_string(rules: Rules, least: int = 0, most: int | None = None) -> str:
    """A string of ``least`` to ``most`` characters."""
    character = rules.add(_CHARACTER)
    return rules.add(f"{QUOTE} {repeated(character, least, most)} {QUOTE}")


def string_in_format(rules: Rules, name: str) -> str:
    """A string in one of `FORMATS`."""
    return rules.add(f"{QUOTE} {FORMATS[name]} {QUOTE}")


def value_text(value: Any) -> str:
    """A JSON value as answers write it.

    Raises:
        ValueError: It is none: a number that is not finite.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half of a character can be told only by its escape
        return json.dumps(value, allow_nan=False)
    return text


def other_name(rules: Rules, names: Iterable[str]) -> str:
    """A string without escapes that is none of ``names``."""
    #: Each node has what follows a beginning of a name; the empty text as a key marks the end of one.
    tree: dict[str, Any] = {}
    for name in names:
        if json.dumps(name, ensure_ascii=False) == f'"{name}"':  # others need escapes, which are left out
            node = tree
            for character in name:
                node = node.setdefault(character, {})
            node[""] = {}
    return rules.add(f"{QUOTE} {_other(rules, tree)} {QUOTE}")


def _other(rules: Rules, node: dict[str, Any]) -> str:
    rest = f"{none_of(())}*"
    if not node:
        return rest
    following = [character for character in node if character]
    found = [f"{none_of(following)} {rest}"]
    for character in following:
        after = node[character]
        if set(after) == {""}:  # a name ends here, and nothing longer has to be left out
            found.append(f"{literal(character)} {none_of(())}+")
        else:
            found.append(f"{literal(character)} {rules.add(_other(rules, after))}")
    expression = f"({' | '.join(found)})"
    return expression if "" in node else f"{expression}?"
