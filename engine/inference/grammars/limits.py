"""Grammars that llama.cpp can read: a larger or deeper one ends its process, or fills the memory.

Its parser calls itself for each parenthesis, follows rules the same way, and writes repetitions out.
"""

from __future__ import annotations

import re
from typing import Final

from engine.inference.errors import AnsweringError
from engine.inference.grammars.writing import MOST_REPEATED, MOST_RULES

#: Characters of a grammar.
LONGEST: Final = 1_000_000
_DEEPEST: Final = 1000
#: Elements that repetitions may come to when they are written out.
_MOST_WRITTEN: Final = 500_000

#: What ends too late is taken to the end: llama.cpp refuses it there.
_TOKEN: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"?|\[(?:[^\]\\]|\\.)*\]?|#[^\n]*|\{[^}]*\}?|::=|[()*+?]|[A-Za-z0-9-]+', re.DOTALL
)


def require_moderate(text: str) -> None:
    """Refuse a grammar that llama.cpp could not read and live.

    Args:
        text: In GBNF.

    Raises:
        AnsweringError: It is one.
    """
    if len(text) > LONGEST:
        raise _refused(f"it has {len(text):,} characters, and at most {LONGEST:,} are read")
    depth = rules = written = 0
    size = 1  # of what a repetition would repeat
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token[0] == "#":
            continue
        if token == "(":
            depth += 1
            if depth > _DEEPEST:
                raise _refused(f"it has more than {_DEEPEST:,} parentheses within each other")
        elif token == ")":
            depth, size = depth - 1, 1
        elif token == "::=":
            rules += 1
            if rules > MOST_RULES:
                raise _refused(f"it has more than {MOST_RULES:,} rules")
        elif token[0] in "*+?{":
            least, most = _times(token)
            written += size * max(least, most)
            size = size * least + 1
            if written > _MOST_WRITTEN:
                raise _refused("its repetitions come to too much together")
        else:
            size = len(token) if token[0] in '"[' else 1


def _times(token: str) -> tuple[int, int]:
    """How often at least a repetition repeats, and how often its parts are written out at most.

    Raises:
        AnsweringError: Too often.
    """
    if token[0] != "{":
        return int(token == "+"), 1
    numbers = [part.strip() for part in token[1:].rstrip("}").split(",")]
    counts = [int(number[:9]) for number in numbers if number.isascii() and number.isdecimal()]
    if max(counts, default=0) > MOST_REPEATED:
        raise _refused(f"it repeats something more than {MOST_REPEATED:,} times")
    return (counts[0], max(*counts, 1)) if counts else (0, 1)


def _refused(reason: str) -> AnsweringError:
    return AnsweringError(
        "answers.grammar_size",
        "Answers cannot be held to this: as a grammar {reason}.",
        fix="Use a plainer schema or grammar, with smaller bounds.",
        reason=reason,
    )
