"""JSON schemas as grammars: what a grammar cannot hold an answer to is refused by its name, never passed over.

llama-cpp-python's converter knows the common keywords and leaves out others without a word. What it would leave out
is found here before; ranges of few whole numbers become choices among them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from llama_cpp.llama_grammar import SchemaConverter

from engine.inference.errors import AnsweringError

#: Says nothing about what is valid.
_ANNOTATIONS: Final = frozenset(
    {
        "$comment",
        "$defs",
        "$id",
        "$schema",
        "default",
        "definitions",
        "deprecated",
        "description",
        "examples",
        "readOnly",
        "title",
        "writeOnly",
    }
)
_FORMATS: Final = re.compile(r"(?:date|time|date-time|uuid[1-5]?)\Z")
#: Whole numbers that are listed one by one.
_MOST_NUMBERS: Final = 1000
#: Repetitions that llama.cpp's grammars bear.
_MOST_REPEATED: Final = 1000
_LOWER: Final = {"minimum": 0, "exclusiveMinimum": 1}
_UPPER: Final = {"maximum": 0, "exclusiveMaximum": -1}
_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", '"': '\\"', **{chr(code): f"\\x{code:02X}" for code in (*range(32), 127)}}
)

Schema = dict[str, Any]


def schema_grammar(text: str) -> str:
    """The grammar, in GBNF, of what a JSON schema describes.

    Raises:
        AnsweringError: It has keywords that no grammar can keep, or is no schema.
    """
    try:
        schema = _plain(json.loads(text))
        converter = _Converter(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)
        converter.visit(converter.resolve_refs(schema, "schema"), "")
        found: str = converter.format_grammar()
    except AnsweringError:
        raise
    except Exception as error:  # the converter raises whatever it meets
        raise _refused(str(error)[:200] or type(error).__name__) from error
    return found


def literal(text: str) -> str:
    """A text as a literal of GBNF."""
    return f'"{text.translate(_ESCAPES)}"'


class _Converter(SchemaConverter):  # type: ignore[misc]
    """Writes literals so that they are read as what they were."""

    def _format_literal(self, literal_text: str) -> str:
        with suppress(ValueError):  # that it is none: a part of a pattern
            # A JSON text: letters as themselves, as models write them.
            literal_text = json.dumps(json.loads(literal_text), ensure_ascii=False)
        return literal(literal_text)


def _plain(schema: Any) -> Schema:
    """A schema in the keywords that the converter keeps.

    Raises:
        AnsweringError: It has others.
    """
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise _refused("a schema has to be an object")
    found = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    kept: Schema = {
        key: {name: _plain(one) for name, one in schema[key].items()}
        for key in ("$defs", "definitions")
        if isinstance(schema.get(key), dict)
    }
    return kept | _plain_here(found)


def _plain_here(found: Schema) -> Schema:
    kind = found.get("type")
    if "$ref" in found:
        _require_only(found, "$ref")
        return found
    if "allOf" in found:
        _require_only(found, "allOf")
        if len(found["allOf"]) != 1:
            raise _refused("of 'allOf' only one part can be kept")
        return _plain(found["allOf"][0])
    for key in ("oneOf", "anyOf"):
        if key in found:
            _require_only(found, key)
            return {key: [_plain(one) for one in found[key]]}
    if "const" in found or "enum" in found:
        _require_only(found, "const", "enum", "type")
        return {key: found[key] for key in ("const", "enum") if key in found}
    if isinstance(kind, list):
        return {"anyOf": [_plain_here({**_for_kind(found, one), "type": one}) for one in kind]}
    if kind == "object" or (kind is None and ("properties" in found or "additionalProperties" in found)):
        return _plain_object(found)
    if kind == "array" or (kind is None and ("items" in found or "prefixItems" in found)):
        return _plain_array(found)
    if kind == "string" or (kind is None and ("pattern" in found or "format" in found)):
        return _plain_string(found)
    if kind in ("integer", "number"):
        return _plain_number(found)
    _require_only(found, "type")
    return found


def _plain_object(found: Schema) -> Schema:
    _require_only(found, "type", "properties", "required", "additionalProperties")
    properties: Mapping[str, Any] = found.get("properties", {})
    for name in found.get("required", ()):
        if name not in properties:
            raise _refused(f"the required property '{name}' is not described")
    plain = {**found}
    if "properties" in found:
        plain["properties"] = {name: _plain(one) for name, one in properties.items()}
    if isinstance(found.get("additionalProperties"), dict):
        plain["additionalProperties"] = _plain(found["additionalProperties"])
    return plain


def _plain_array(found: Schema) -> Schema:
    _require_only(found, "type", "items", "prefixItems", "minItems", "maxItems")
    _require_moderate(found, "minItems", "maxItems")
    tuple_of = found.get("prefixItems") or (found["items"] if isinstance(found.get("items"), list) else None)
    if tuple_of is not None:
        if any(found.get(key, len(tuple_of)) != len(tuple_of) for key in ("minItems", "maxItems")):
            raise _refused("'prefixItems' can be kept only whole, without 'minItems' and 'maxItems'")
        return {"type": "array", "prefixItems": [_plain(one) for one in tuple_of]}
    if "items" not in found and ("minItems" in found or "maxItems" in found):
        raise _refused("'minItems' and 'maxItems' need 'items'")
    plain = {**found}
    if "items" in found:
        plain["items"] = _plain(found["items"])
    return plain


def _plain_string(found: Schema) -> Schema:
    _require_only(found, "type", "pattern", "format", "minLength", "maxLength")
    _require_moderate(found, "minLength", "maxLength")
    lengths = "minLength" in found or "maxLength" in found
    if ("pattern" in found) + ("format" in found) + lengths > 1:
        raise _refused("of 'pattern', 'format' and lengths only one can be kept")
    if "format" in found and not _FORMATS.match(str(found["format"])):
        raise _refused(f"the format '{found['format']}' is not known")
    return {**found, "type": "string"}


def _plain_number(found: Schema) -> Schema:
    """Bounds of whole numbers become choices among them."""
    if set(found) == {"type"}:
        return found
    _require_only(found, "type", *_LOWER, *_UPPER)
    low = [found[key] + more for key, more in _LOWER.items() if key in found]
    high = [found[key] + more for key, more in _UPPER.items() if key in found]
    whole = found["type"] == "integer" and all(float(one).is_integer() for one in (*low, *high))
    if not whole or not low or not high:
        raise _refused("bounds of numbers can be kept only for whole numbers between two of them")
    first, last = int(max(low)), int(min(high))
    if not 0 <= last - first < _MOST_NUMBERS:
        raise _refused(f"a range of whole numbers may hold 1 to {_MOST_NUMBERS} of them")
    return {"enum": list(range(first, last + 1))}


def _for_kind(found: Schema, kind: str) -> Schema:
    """The keywords that concern one of several types."""
    about = {
        "object": {"properties", "required", "additionalProperties"},
        "array": {"items", "prefixItems", "minItems", "maxItems"},
        "string": {"pattern", "format", "minLength", "maxLength"},
        "integer": {*_LOWER, *_UPPER},
        "number": {*_LOWER, *_UPPER},
    }
    known = set().union(*about.values()) | {"type"}
    _require_only(found, *known)
    return {key: value for key, value in found.items() if key in about.get(kind, set())}


def _require_only(found: Schema, *keys: str) -> None:
    others = sorted(set(found) - set(keys))
    if others:
        raise _refused(f"'{others[0]}' cannot be kept here")


def _require_moderate(found: Schema, *keys: str) -> None:
    for key in keys:
        if isinstance(found.get(key), int | float) and found[key] > _MOST_REPEATED:
            raise _refused(f"'{key}' is above {_MOST_REPEATED}")


def _refused(reason: str) -> AnsweringError:
    return AnsweringError(
        "answers.schema",
        "Answers cannot be held to this JSON schema: {reason}.",
        fix="Use a plainer schema: types, properties, required, enum, items, lengths, ranges of few whole numbers.",
        reason=reason.rstrip("."),
    )
