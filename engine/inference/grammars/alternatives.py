"""Whether two schemas surely allow no value in common, so that one of them is exactly one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.inference.grammars.types import is_of_type, said_keywords, said_types

_TYPES: Final = ("array", "boolean", "null", "number", "object", "string")
#: Properties of properties are looked at so deep.
_DEEPEST: Final = 5


def apart(one: Any, other: Any, followed: Callable[[Any], Any], depth: int = 0) -> bool:
    """Whether no value is allowed by both; where it is not easily seen, no.

    Args:
        one: A schema.
        other: Another.
        followed: Follows references.
        depth: How deep in properties they lie.

    Raises:
        AnsweringError: One of them is no schema.
    """
    one, other = followed(one), followed(other)
    kinds = _kinds(one) & _kinds(other)
    if not kinds:
        return True
    values, others = _values(one), _values(other)
    if values is not None and others is not None:
        return not any(value in others for value in values)
    if kinds != {"object"} or depth >= _DEEPEST or values is not None or others is not None:
        return False
    properties, further = one.get("properties"), other.get("properties")
    if not isinstance(properties, dict) or not isinstance(further, dict):
        return False
    names = [name for name in properties if name in further]
    required = [name for name in names if all(name in (part.get("required") or ()) for part in (one, other))]
    return any(apart(properties[name], further[name], followed, depth + 1) for name in required)


def _kinds(schema: Any) -> set[str]:
    """The types of values that it may allow; whole numbers are numbers."""
    keywords = said_keywords(schema)
    values = _values(schema)
    if values is not None:
        return {kind for kind in _TYPES if any(is_of_type(value, kind) for value in values)}
    if not keywords or keywords & {"allOf", "anyOf", "oneOf"}:
        return set(_TYPES)
    return {"number" if kind == "integer" else kind for kind in said_types(schema, keywords)}


def _values(schema: Any) -> list[Any] | None:
    """The only values that it allows; None where they are not listed."""
    if not isinstance(schema, dict) or not {"const", "enum"} & schema.keys():
        return None
    values = [schema["const"]] if "const" in schema else schema["enum"]
    return values if isinstance(values, list) else None
