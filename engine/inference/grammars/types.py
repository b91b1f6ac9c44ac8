"""The types that a JSON schema speaks of, and the keywords that say something about each."""

from __future__ import annotations

from typing import Any, Final

from engine.inference.grammars.writing import refused

#: What describes and holds to nothing.
ANNOTATIONS: Final = frozenset(
    {
        "$comment",
        "$defs",
        "$id",
        "$schema",
        "default",
        "definitions",
        "deprecated",
        "description",
        "discriminator",
        "example",
        "examples",
        "readOnly",
        "title",
        "writeOnly",
    }
)
_NUMBERS: Final = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"})
_KEYWORDS: Final[dict[str, frozenset[str]]] = {
    "array": frozenset({"items", "maxItems", "minItems", "prefixItems", "uniqueItems"}),
    "boolean": frozenset(),
    "integer": _NUMBERS,
    "null": frozenset(),
    "number": _NUMBERS,
    "object": frozenset({"additionalProperties", "properties", "required"}),
    "string": frozenset({"format", "maxLength", "minLength", "pattern"}),
}
_PYTHON: Final[dict[str, tuple[type, ...]]] = {
    "array": (list,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def said_keywords(schema: Any) -> set[str]:
    """The keywords of a schema that hold answers to something.

    Raises:
        AnsweringError: It is no schema, or one that allows nothing.
    """
    if schema is True:
        return set()
    if not isinstance(schema, dict):
        raise refused("a part of it allows nothing" if schema is False else "a part of it is no schema")
    return {str(keyword) for keyword in schema} - ANNOTATIONS


def keywords_of(kind: str) -> frozenset[str]:
    """What may be said about values of a type."""
    return _KEYWORDS[kind]


def said_types(schema: dict[str, Any], keywords: set[str]) -> list[str]:
    """The types of a schema: those that it says, or the one that its keywords are about.

    Raises:
        AnsweringError: There is no such type, or what is said is about no type or about several.
    """
    if "type" in keywords:
        value = schema["type"]
        types = value if isinstance(value, list) else [value]
        if not types or not all(isinstance(kind, str) and kind in _KEYWORDS for kind in types):
            raise refused(f"the 'type' {str(value)[:80]!r} is none of {', '.join(_KEYWORDS)}")
        return list(dict.fromkeys(types))
    for kind in ("object", "array", "string", "number"):
        if keywords <= _KEYWORDS[kind]:
            return [kind]
    known = frozenset().union(*_KEYWORDS.values())
    if keywords - known:
        raise refused(f"'{min(keywords - known)}' is not supported")
    raise refused(f"'{min(keywords)}' needs the 'type' beside it")


def is_of_type(value: Any, kind: str) -> bool:
    """Whether a value is of a type of JSON schemas."""
    if kind == "integer":
        return is_of_type(value, "number") and value % 1 == 0
    return isinstance(value, _PYTHON[kind]) and (kind == "boolean" or not isinstance(value, bool))
