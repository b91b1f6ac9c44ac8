"""Patterns: what is drawn matches, what matches is allowed, and what is not understood is refused."""

from __future__ import annotations

import json
import re

import pytest

from engine.inference.errors import AnsweringError
from engine.inference.grammars.schema import schema_grammar
from tests.engine.inference.grammars.drawing import Reader


@pytest.mark.parametrize(
    ("pattern", "allowed", "refused"),
    [
        (r"^[A-Z]{2,3}-\d+(?:x|y\.)?$", ["AB-1", "ABC-12y."], ["A-1", "AB-", "AB-1y", "AB-1z"]),
        (r"^(red|green blue)*$", ["", "redgreen blue"], ["re", "blue"]),
        (r"^a|b$", ["a", "b"], ["ab", "c"]),
        (r'^["\\]+$', ['"', '\\"\\'], ["", "n"]),
        (r"^[^a-z]{2}$", ["A\n", '""', "é🙂"], ["Ab", "A"]),
        (r"^.$", ["x", '"', "\\", "\t"], ["\n", ""]),
        (r"^\w+\s\S\D$", ["a_1 xx", "a\n\\-"], ["a-1 xx", "a xx1"]),
        (r"^[\w.+\-]+@[a-z\d]{2,}?$", ["a.b-c@x1"], ["a b@x1", "@x1"]),
        (r"^\$\^\/\x41\u00e9\t$", ["$^/Aé\t"], ["$^/Aé"]),
        (r"^x{3}y{0}z{1,}$", ["xxxz", "xxxzz"], ["xxz", "xxxyz"]),
        (r"^[]-]$".replace("]-", r"\]-"), ["]", "-"], ["\\"]),
        (r"^(?<year>\d{4})$", ["2024"], ["24"]),
        (r"^$", [""], ["x"]),
        (r"^ünï]}$", ["ünï]}"], ["uni"]),
    ],
)
def test_what_a_pattern_allows(reader: Reader, pattern: str, allowed: list[str], refused: list[str]) -> None:
    grammar = schema_grammar({"type": "string", "pattern": pattern})
    python = re.compile(pattern.replace("?<", "?P<"), re.ASCII)
    for text in allowed:
        assert reader.takes(grammar, json.dumps(text, ensure_ascii=False)), text
        assert python.search(text)
    for text in refused:
        assert not reader.takes(grammar, json.dumps(text, ensure_ascii=False)), text
        assert pattern == "^a|b$" or not python.fullmatch(text)
    for seed in range(4):
        drawn = reader.drawn(grammar, seed)
        # JavaScript's white space is more than Python's of ASCII.
        assert (
            drawn is None or "\\s" in pattern or python.fullmatch(json.loads(drawn).replace("\ufffd", "?"))
        ), drawn


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("abc", "begin with ^"),
        ("^abc", "end with"),
        ("^abc\\$", "end with"),
        ("^", "begin with"),
        ("^(?=a)b$", "(?="),
        ("^(?!a)b$", "(?!"),
        ("^(?<=a)b$", "(?<"),
        ("^(a)\\1$", "\\1"),
        ("^a\\b$", "\\b"),
        ("^\\p{L}$", "\\p"),
        ("^(a$", "not closed"),
        ("^a)$", "closes nothing"),
        ("^[a$", "middle"),
        ("^[z-a]$", "range"),
        ("^[]$", "no character"),
        ("^*a$", "'*'"),
        ("^a**$", "'*'"),
        ("^a{2,1}$", "less often"),
        ("^a{x}$", "'{'"),
        ("^a^b$", "'^'"),
        ("^\\u00$", "hexadecimal"),
        ("^[a-z]{0,20000}$", "more than 1000"),
        ("^[a-z]{5000000}$", "more than 1000"),
        ("^a{99999999999999999999}$", "more than 1000"),
        ("^" + "(" * 5000 + ")" * 5000 + "$", "too deep"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_not_understood_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(AnsweringError, match="pattern") as refused:
        schema_grammar({"type": "string", "pattern": pattern})
    assert refused.value.code == "answers.schema"
    assert reason in refused.value.message
