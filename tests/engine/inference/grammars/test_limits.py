"""Grammars that would end llama.cpp's process, or fill the memory, are refused before it sees them."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from engine.inference.constraints import Constraint, of_schema
from engine.inference.errors import AnsweringError
from engine.inference.grammars.limits import require_moderate
from engine.inference.llama.grammar import Grammar, grammar_text
from tests.engine.inference.grammars.drawing import Reader

CHAIN = "\n".join(f"r{number} ::= r{number + 1}" for number in range(100_000))
HUGE = {
    "deep": "root ::= " + "(" * 20_000 + '"a"' + ")" * 20_000,
    "long": 'root ::= "' + "a" * 1_000_001 + '"',
    "chain": f'root ::= r0\n{CHAIN}\nr100000 ::= "a"',
    "often": 'root ::= "a"{0,1001}',
    "at least": 'root ::= "a"{5000,}',
    "digits": 'root ::= "a"{' + "9" * 5000 + "}",
    "long and often": 'root ::= "' + "a" * 1000 + '"{1000}',
    "often and often": 'root ::= "a"{1000}{1000}',
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_grammar_is_refused(name: str) -> None:
    with pytest.raises(AnsweringError) as refused:
        grammar_text(Constraint(kind="grammar", text=HUGE[name]))
    assert refused.value.code == "answers.grammar_size"
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        'root ::= "(((" [(] # ' + "(" * 2000 + '\n | "a"',
        'root ::= "' + '\\"(' * 2000 + '"',
        "root ::= " + "(" * 1000 + '"a"' + ")" * 1000,
        'root ::= [a-z]{1,1000} ("b" | [^\\]]{2} "c"+)* "x"{ 2 , 3 }?',
        'root ::= "a" {, 3}',
        "root ::= [",
        'root ::= "',
        "root ::= {",
        "",
    ],
    ids=lambda text: text[:30],
)
def test_what_only_looks_large_or_is_wrong_is_left_to_llama_cpp(text: str) -> None:
    require_moderate(text)


@pytest.mark.parametrize(
    "text", ["[" * 10**6, '"' * 10**6, "{" * 10**6, "\\" * 10**6, "a" * 10**6, "a{1}" * 250_000]
)
def test_reading_takes_no_long(text: str) -> None:
    started = time.monotonic()
    with suppress(AnsweringError):
        require_moderate(text)
    assert time.monotonic() - started < 10


def test_the_largest_that_are_read_do_llama_cpp_no_harm(reader: Reader) -> None:
    chain = "\n".join(f"r{number} ::= r{number + 1}" for number in range(9998))
    for text in (
        "root ::= " + "(" * 1000 + '"a"' + ")" * 1000,
        f'root ::= r0\n{chain}\nr9998 ::= "a"',
        'root ::= "a"{0,1000}',
        'root ::= "a"{1000}',
        'root ::= ("a"?){1000}',
    ):
        require_moderate(text)
        Grammar(reader.model, text)


def test_a_rule_that_only_leads_back_to_itself_is_refused(reader: Reader) -> None:
    with pytest.raises(AnsweringError, match="left recursion"):
        Grammar(reader.model, grammar_text(of_schema({"anyOf": [{"$ref": "#"}, {"type": "null"}]})))
