"""Answers that are held to a JSON schema follow all of it, and what cannot be held to is refused by its name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.inference.constraints import of_choices
from engine.inference.errors import AnsweringError
from engine.inference.grammars.schema import schema_grammar
from engine.inference.llama.grammar import grammar_text
from tests.engine.inference.grammars.drawing import Reader

PERSON: dict[str, Any] = {
    "type": "object",
    "title": "Person",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 3, "description": "Short."},
        "age": {"type": "integer", "minimum": 0, "default": 3},
        "mood": {"enum": ["good", "bad"]},
    },
    "required": ["name", "mood"],
    "additionalProperties": False,
}
TREE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {
        "tree_node": {
            "type": "object",
            "properties": {
                "string": {"type": "boolean"},
                "left": {"anyOf": [{"$ref": "#/$defs/tree_node"}, {"type": "null"}]},
                "a/b": {"$ref": "#/$defs/a~1b"},
            },
            "required": ["string", "left"],
        },
        "a/b": {"const": 5},
        "string": {"type": "integer"},
    },
    "$ref": "#/$defs/tree_node",
}
SHAPES: dict[str, Any] = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"kind": {"const": "a"}, "n": {"type": "null"}},
            "required": ["kind"],
        },
        {"type": "object", "properties": {"kind": {"enum": ["b", "c"]}}, "required": ["kind"]},
        {"type": "string", "maxLength": 1},
    ]
}


@pytest.mark.parametrize(
    ("schema", "allowed", "refused"),
    [
        (
            PERSON,
            ['{"name":"Ann","mood":"bad"}', '{ "name": "é", "age": 12, "mood": "good" }'],
            [
                '{"name":"Anna","mood":"bad"}',
                '{"name":"","mood":"bad"}',
                '{"name":"Ann"}',
                '{"name":"Ann","age":-1,"mood":"bad"}',
                '{"name":"Ann","age":1.5,"mood":"bad"}',
                '{"name":"Ann","mood":"bad","more":1}',
                '{"name":"A\nn","mood":"bad"}',
                '{"name":"Ann","mood":"bad"} ',
            ],
        ),
        (
            TREE,
            [
                '{"string":true,"left":null}',
                '{"string":true,"left":{"string":false,"left":null,"a/b":5},"a/b":5}',
            ],
            ['{"string":4,"left":null}', '{"string":true}', '{"string":true,"left":null,"a/b":4}'],
        ),
        (SHAPES, ['{"kind":"a","n":null}', '{"kind":"c"}', '"x"'], ['{"kind":"b","n":null}', '"xy"']),
        (
            {"type": ["string", "null"], "maxLength": 2},
            ['"ab"', "null", r'"\u00e9\n"'],
            ['"abc"', "4", r'"\ud800"'],
        ),
        (
            {"properties": {"ab": {"type": "null"}}, "additionalProperties": {"type": "integer"}},
            ["{}", '{"ab":null}', '{"ab":null,"a":1,"abc":2}', '{"b":1,"":0}'],
            ['{"ab":1}', '{"a":null}', '{"b":1,"ab":2}'],
        ),
        (
            {
                "allOf": [
                    {"properties": {"a": {"type": "null"}}, "required": ["a"]},
                    {"$ref": "#/$defs/b"},
                ],
                "$defs": {"b": {"type": "object", "properties": {"b": {"type": "null"}}}},
                "properties": {"c": {"type": "null"}},
                "required": ["c"],
            },
            ['{"a":null,"b":null,"c":null}', '{"a":null,"c":null}'],
            ['{"b":null}', '{"a":null}'],
        ),
        ({"allOf": [{"type": "integer"}], "title": "Number"}, ["5", "-12"], ["5.5", '"x"']),
        (
            {
                "type": "array",
                "items": {"type": "boolean"},
                "minItems": 1,
                "maxItems": 3,
                "uniqueItems": False,
            },
            ["[true]", "[ true , false,true ]"],
            ["[]", "[true,true,true,true]", "[1]", "[true,]"],
        ),
        ({"prefixItems": [{"type": "null"}, True], "items": False}, ['[null,{"x":[]}]'], ["[null]", "[1,2]"]),
        ({"type": "array", "maxItems": 0}, ["[]"], ["[1]"]),
        ({"type": "array"}, ["[]", '[1,"x",[null]]'], ["{}"]),
        ({"type": "object"}, ["{}", '{"a":{"b":[1.5e3]}}'], ["[]", '{"a":}']),
        ({"enum": [1, "b", None, {"k": [1.5]}]}, ["1", '"b"', "null", '{"k": [1.5]}'], ["2", "b"]),
        ({"type": "string", "enum": ["b", 1, "c"]}, ['"b"', '"c"'], ["1"]),
        (
            {"type": "string", "format": "date"},
            ['"2024-02-29"', '"1999-12-31"'],
            ['"2023-02-29"', '"1999-06-31"'],
        ),
        (
            {"format": "date-time"},
            ['"2024-02-29T23:59:59Z"', '"1900-01-01T00:00:00.123+01:30"'],
            ['"1900-02-29T00:00:00Z"', '"2024-02-01T24:00:00Z"', '"2024-02-01T20:00:00"'],
        ),
        (
            {"format": "uuid"},
            ['"123e4567-e89b-12d3-a456-426614174000"'],
            ['"123e4567e89b12d3a456426614174000"'],
        ),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_what_a_schema_allows(reader: Reader, schema: Any, allowed: list[str], refused: list[str]) -> None:
    grammar = schema_grammar(schema)
    assert [text for text in allowed if not reader.takes(grammar, text)] == []
    assert [text for text in refused if reader.takes(grammar, text)] == []


@pytest.mark.parametrize("schema", [True, PERSON, TREE, {"type": "array", "items": SHAPES}], ids=str)
def test_whatever_is_drawn_is_json(reader: Reader, schema: Any) -> None:
    texts = [reader.drawn(schema_grammar(schema), seed) for seed in range(12)]
    whole = [text for text in texts if text is not None]
    assert len(whole) > 6
    for text in whole:
        json.loads(text)


AWKWARD = [
    "a\nb",
    "C:\\temp",
    'say "no"',
    "\b\f\r\t",
    "\\n",
    '\\"',
    "\x1f\x7f",
    "ünï 🙂",
    "",
    "]^-",
    {'k"\\': "\\"},
]


@pytest.mark.parametrize("value", AWKWARD, ids=ascii)
def test_awkward_values_come_out_as_they_are(reader: Reader, value: Any) -> None:
    for schema in ({"const": value}, {"enum": [value]}):
        drawn = reader.drawn(schema_grammar(schema), 0)
        assert drawn is not None
        assert json.loads(drawn) == value
    if isinstance(value, str):
        named = reader.drawn(
            schema_grammar({"properties": {value: {"type": "null"}}, "required": [value]}), 0
        )
        assert named is not None
        assert json.loads(named) == {value: None}
        if value.strip():
            assert reader.drawn(grammar_text(of_choices([value])), 0) == value.strip()


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "number", "minimum": 0.5}, "'minimum'"),
        ({"type": "number", "exclusiveMinimum": 0}, "'exclusiveMinimum'"),
        ({"type": "integer", "multipleOf": 5}, "'multipleOf'"),
        ({"type": "integer", "maxLength": 5}, "'maxLength'"),
        ({"type": "integer", "minimum": True}, "'minimum'"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "no number"),
        ({"type": "array", "uniqueItems": True}, "'uniqueItems'"),
        ({"type": "array", "contains": {}}, "'contains'"),
        ({"type": "array", "prefixItems": [{}], "items": {}}, "'items'"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "'maxItems'"),
        ({"type": "string", "format": "email"}, "email"),
        ({"type": "string", "pattern": "^a$", "minLength": 1}, "'minLength' beside 'pattern'"),
        ({"type": "string", "format": "date", "maxLength": 1}, "'maxLength' beside 'format'"),
        ({"type": "string", "maxLength": 1001}, "'maxLength' is above 1000"),
        ({"type": "string", "maxLength": 2.5}, "'maxLength'"),
        ({"type": "string", "maxLength": None}, "'maxLength'"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "'maxLength'"),
        ({"allOf": [{"minimum": 1}], "properties": {}}, "'allOf'"),
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"a": {"type": "null"}}}]}, "'a'"),
        (
            {"allOf": [{"properties": {"a": {}}, "additionalProperties": False}, {"properties": {"b": {}}}]},
            "allOf",
        ),
        ({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, "'allOf'"),
        ({"properties": {"a": {}}, "required": ["b"]}, "'required' names 'b'"),
        ({"required": ["b"]}, "'required' names 'b'"),
        ({"type": "object", "required": "b"}, "'required'"),
        ({"properties": {"a": {"properties": {"c": {}}, "required": ["d"]}}}, "'d'"),
        ({"type": "object", "minProperties": 1}, "'minProperties'"),
        ({"type": "object", "patternProperties": {}}, "'patternProperties'"),
        ({"not": {"type": "null"}}, "'not'"),
        ({"if": {}, "type": "null"}, "'if'"),
        ({"type": "any"}, "any"),
        ({"type": []}, "'type'"),
        ({"minimum": 1, "maxLength": 5}, "'type'"),
        ({"anyOf": [{}], "type": "string"}, "'type' beside 'anyOf'"),
        ({"anyOf": []}, "'anyOf'"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "'oneOf'"),
        ({"oneOf": [{"enum": ["a"]}, {"enum": ["a", "b"]}]}, "'oneOf'"),
        ({"oneOf": [{"properties": {"k": {"const": 1}}}, {"properties": {"k": {"const": 2}}}]}, "'oneOf'"),
        ({"enum": ["a"], "type": "null"}, "'enum'"),
        ({"enum": [float("nan")]}, "'enum'"),
        ({"enum": ["a"], "maxLength": 3}, "'maxLength' beside 'enum'"),
        ({"$ref": "#/$defs/a", "maxLength": 3, "$defs": {"a": {}}}, "'maxLength' beside '$ref'"),
        ({"$ref": "https://example.com/c"}, "example.com"),
        ({"$ref": "#/nowhere/at/all"}, "nowhere"),
        ({"items": False}, "nothing"),
        ({"items": 5}, "no schema"),
        ([], "no schema"),
    ],
    ids=str,
)
def test_what_cannot_be_held_to_is_refused_by_its_name(schema: Any, named: str) -> None:
    with pytest.raises(AnsweringError) as refused:
        schema_grammar(schema)
    assert refused.value.code == "answers.schema"
    assert named in refused.value.message
    assert refused.value.message.endswith(".")


def test_a_schema_that_is_too_deep_or_too_large_is_refused() -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    wide = {"properties": {f"p{number}": {"enum": [number]} for number in range(20_000)}}
    for schema in (deep, wide):
        with pytest.raises(AnsweringError, match=r"too (deeply|large)"):
            schema_grammar(schema)
