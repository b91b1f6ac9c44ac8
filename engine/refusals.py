"""What is wrong with a value that a setting cannot have, in our words and not the library's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.errors import Words

#: By pydantic's name of the problem; ``{bound}`` is the limit that it names.
_WORDS: Final = {
    "greater_than": "it has to be more than {bound}",
    "greater_than_equal": "it has to be at least {bound}",
    "less_than": "it has to be less than {bound}",
    "less_than_equal": "it has to be at most {bound}",
    "int_type": "it is not a whole number",
    "int_parsing": "it is not a whole number",
    "int_from_float": "it is not a whole number",
    "int_parsing_size": "it is too large a number",
    "float_type": "it is not a number",
    "float_parsing": "it is not a number",
    "finite_number": "it is not a finite number",
    "bool_type": "it is neither true nor false",
    "bool_parsing": "it is neither true nor false",
    "string_type": "it is not text",
    "string_too_short": "it is too short: {bound} or more characters are needed",
    "string_too_long": "it is longer than {bound} characters",
    "too_short": "at least {bound} of them are needed",
    "too_long": "at most {bound} of them are taken",
    "list_type": "it is not a list",
    "tuple_type": "it is not a list",
    "dict_type": "it is not a table of settings",
    "model_type": "it is not a table of settings",
    "missing": "it is missing",
    "extra_forbidden": "it is not known",
    "literal_error": "it can be {bound}",
    "enum": "it can be {bound}",
}
#: Where pydantic keeps the limit.
_BOUNDS: Final = ("gt", "ge", "lt", "le", "min_length", "max_length", "expected")


def why_refused(problem: Mapping[str, Any]) -> Words | str:
    """The reason for the middle of a sentence, without a stop at its end.

    Args:
        problem: An entry of ``pydantic.ValidationError.errors()``.
    """
    context = problem.get("ctx") or {}
    if problem["type"] in _WORDS:
        bound = next((context[key] for key in _BOUNDS if key in context), "")
        return Words(_WORDS[problem["type"]], bound=_shown(bound))
    return str(context.get("error") or problem["msg"]).removeprefix("Value error, ").rstrip(".")


def place_of(problem: Mapping[str, Any]) -> str:
    """Which setting it is: its path, the parts joined by dots."""
    return ".".join(str(part) for part in problem["loc"])


def _shown(bound: Any) -> Any:
    """1.0 as 1; names that pydantic lists without their quotation marks."""
    if isinstance(bound, float) and bound.is_integer():
        return int(bound)
    return bound.replace("'", "").replace(" or ", ", ") if isinstance(bound, str) else bound
