"""Schemas become grammars that keep every keyword, or are refused by the keyword that no grammar keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.inference.constraints import Constraint, of_choices, of_schema
from engine.inference.errors import AnsweringError
from engine.inference.llama.grammar import Grammar, grammar_text
from engine.inference.llama.model import LlamaModel
from tests.engine.inference.llama.models import tiny_gguf

AWKWARD = ["a\nb", "C:\\temp", 'say "no"', "tab\there", "\b\f", "naïve €", "{x}", "a\\nb", "[]"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LlamaModel:
    return LlamaModel(tiny_gguf(tmp_path_factory.mktemp("model"))[1])


def takes(model: LlamaModel, text: str, written: str) -> bool:
    """Whether a grammar allows a text, byte by byte, and an end after it."""
    grammar = Grammar(model, text)
    tokens = {bytes([byte]): token for token, byte in enumerate_bytes(model)}
    for byte in written.encode("utf-8"):
        token = tokens[bytes([byte])]
        if not grammar.allows(token):
            return False
        grammar.accept(token)
    end = next(token for token in range(model.tokens) if model.ends(token))
    return grammar.allows(end)


def enumerate_bytes(model: LlamaModel) -> list[tuple[int, int]]:
    """Tokens of one byte."""
    import ctypes

    from engine.inference.llama.library import llama

    found = []
    for token in range(model.tokens):
        buffer = ctypes.create_string_buffer(16)
        length = llama().llama_token_to_piece(model.vocabulary, token, buffer, 16, 0, False)
        if length == 1:
            found.append((token, buffer.raw[0]))
    return found


@pytest.mark.parametrize("value", AWKWARD)
def test_literals_are_written_as_they_are(model: LlamaModel, value: str) -> None:
    written = json.dumps(value, ensure_ascii=False)
    text = grammar_text(of_schema({"enum": [value, "other"]}))
    assert takes(model, text, written)
    assert not takes(model, text, '"another"')
    assert takes(model, grammar_text(of_choices([value.strip() or "x", "y"])), value.strip() or "x")
    named = {"type": "object", "properties": {value: {"type": "boolean"}}, "required": [value]}
    assert takes(model, grammar_text(of_schema(named)), f"{{{written}:true}}")


def test_a_range_of_few_whole_numbers_is_kept(model: LlamaModel) -> None:
    text = grammar_text(of_schema({"type": "integer", "minimum": 1, "exclusiveMaximum": 6}))
    assert [number for number in range(-3, 12) if takes(model, text, str(number))] == [1, 2, 3, 4, 5]


def test_one_of_several_types_keeps_what_is_said_of_it(model: LlamaModel) -> None:
    text = grammar_text(of_schema({"type": ["string", "null"], "maxLength": 2}))
    assert [one for one in ('"ab"', "null", '"abc"', "1") if takes(model, text, one)] == ['"ab"', "null"]
    text = grammar_text(of_schema({"type": ["string", "null"], "enum": ["a", None]}))
    assert [one for one in ('"a"', "null", '"b"') if takes(model, text, one)] == ['"a"', "null"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer", "minimum": 1}, "bounds of numbers"),
        ({"type": "number", "minimum": 0, "maximum": 1.5}, "bounds of numbers"),
        ({"type": "integer", "minimum": 0, "maximum": 100_000}, "1 to 1000"),
        ({"type": "array", "items": {}, "uniqueItems": True}, "uniqueItems"),
        ({"type": "string", "format": "email"}, "email"),
        ({"type": "string", "pattern": "^a$", "minLength": 3}, "only one"),
        ({"type": "object", "properties": {}, "allOf": [{}]}, "'properties'"),
        ({"allOf": [{"type": "object"}, {"type": "object"}]}, "only one part"),
        ({"type": "object", "properties": {}, "required": ["x"]}, "'x'"),
        ({"type": "object", "properties": {"x": {"not": {}}}}, "'not'"),
        ({"type": "string", "maxLength": 5000}, "above 1000"),
        ({"type": "array", "minItems": 2}, "need 'items'"),
        ({"items": 3, "type": "array"}, "object"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_name(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(AnsweringError, match=said) as refused:
        grammar_text(of_schema(schema))
    assert refused.value.code == "answers.schema"


@pytest.mark.parametrize(
    "constraint",
    [
        of_schema({"type": "string", "pattern": "^[a-z]{0,20000}$"}),
        of_schema({"type": "string", "pattern": "^[a-z]{5000000}$"}),
        Constraint(kind="grammar", text="root ::= " + "(" * 5000 + '"a"' + ")" * 5000),
        Constraint(kind="grammar", text='root ::= "a"{0,20000}'),
        Constraint(kind="grammar", text='root ::= "' + "a" * 2_000_000 + '"'),
    ],
)
def test_grammars_that_would_end_the_process_are_refused(constraint: Constraint) -> None:
    with pytest.raises(AnsweringError) as refused:
        grammar_text(constraint)
    assert refused.value.code == "answers.grammar_size"


def test_signs_in_literals_count_for_nothing(model: LlamaModel) -> None:
    text = 'root ::= "' + "(" * 2000 + '" | [({] | "{9999}" # ((((\n'
    assert takes(model, grammar_text(Constraint(kind="grammar", text=text)), "{9999}")


def test_annotations_and_definitions_are_taken(tmp_path: Path, model: LlamaModel) -> None:
    schema = {
        "$schema": "https://example.org/schema",
        "title": "Order",
        "description": "An order.",
        "$defs": {"Size": {"enum": ["s", "m"], "title": "Size"}},
        "type": "object",
        "properties": {
            "size": {"$ref": "#/$defs/Size", "description": "of it"},
            "note": {"allOf": [{"type": "string"}], "default": ""},
        },
        "required": ["size"],
        "additionalProperties": False,
    }
    text = grammar_text(of_schema(schema))
    assert takes(model, text, '{"size":"s"}')
    assert not takes(model, text, '{"size":"x"}')
