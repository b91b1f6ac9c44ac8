"""Single values: the text of whatever a cell holds, and mapping expressions over a row.

A mapping names, for each role, one of:

- a column: ``--map prompt=question``. A list of texts is joined with spaces, an object becomes its JSON.
- a path into nested JSON: ``data.text``. A list on the way gives a list of what its elements hold there, a
  number picks one element (``target.0``), and ``*`` goes through an object and keeps its names (``slots.*.text``).
- a converter over paths:

  ==================== =========================================================================
  ``join(path)``       the texts one after the other, with nothing between them
  ``lines(path)``      the texts, one a line
  ``first(path)``      the first of them
  ``json(path, ...)``  JSON: the value itself, or an object of several, each named by its column
  ``pairs(keys, values)`` JSON: an object of two lists side by side; pairs without a key are left
                       out, a key that comes again gets a list
  ==================== =========================================================================

A column whose name looks like a path or a converter is still found first by its whole name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from typing import Any, Final

from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.example import compact
from engine.errors import UsageError

Row = dict[str, Any]

_CALL: Final = re.compile(r"\s*(\w+)\s*\((.*)\)\s*\Z", re.DOTALL)


def text_of(value: Any) -> str:
    """The text that a cell stands for; empty where it holds nothing."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list) and all(isinstance(item, str) or item is None for item in value):
        return " ".join(item for item in value if item)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise RowFaultError("row.binary_cell", "a cell holds bytes that are not text") from None
    if isinstance(value, dict | list | bool | int | float):
        return as_json(value)
    return str(value)


def as_json(value: Any) -> str:
    """A value's JSON on one line."""
    try:
        return compact(value)
    except (TypeError, ValueError):
        raise RowFaultError("row.not_json", "a cell holds a value that JSON cannot express") from None


def compile_expression(text: str, columns: Collection[str], file: str) -> Callable[[Row], Any]:
    """Turn a mapping's right side into a function of a row.

    Args:
        text: A column, path or converter (see the module's first lines).
        columns: The columns seen in the file.
        file: Named in errors.

    Raises:
        UsageError: The converter is unknown or has the wrong number of paths.
        DatasetError: A column is not in the file.
    """
    if text in columns:
        return lambda row: row.get(text)
    call = _CALL.match(text)
    if call is None:
        return _path(text.strip(), columns, file)
    name, inner = call[1], [part.strip() for part in call[2].split(",")]
    converter = _CONVERTERS.get(name)
    if converter is None or "" in inner or not converter[1] <= len(inner) <= converter[2]:
        raise UsageError(
            "dataset.bad_converter",
            "'{mapping}' is not a mapping that can be followed.",
            fix="Converters are join(path), lines(path), first(path), json(path, ...) and pairs(keys, values).",
            mapping=text,
        )
    paths = [_path(part, columns, file) for part in inner]
    names = [part.split(".")[0] for part in inner]
    return lambda row: converter[0](names, [path(row) for path in paths])


def _path(text: str, columns: Collection[str], file: str) -> Callable[[Row], Any]:
    if text in columns:
        return lambda row: row.get(text)
    first, *rest = text.split(".")
    if first not in columns:
        raise DatasetError(
            "dataset.unknown_column",
            "{file} has no column '{column}'.",
            fix="Its columns are: {columns}.",
            file=file,
            column=first,
            columns=", ".join(sorted(columns)) or "none",
        )
    return lambda row: _walk(row.get(first), rest)


def _walk(value: Any, path: list[str]) -> Any:
    """Follow ``path`` into ``value``; None where it leads nowhere."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        if step.isdigit():
            return _walk(value[int(step)], rest) if int(step) < len(value) else None
        return [_walk(item, path) for item in value]
    if isinstance(value, dict):
        if step == "*":
            return {name: _walk(item, rest) for name, item in value.items()}
        return _walk(value.get(step), rest)
    return None


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [text_of(item) for item in items if item is not None]


def _first(_names: list[str], values: list[Any]) -> str:
    return next((text for text in _texts(values[0]) if text.strip()), "")


def _json(names: list[str], values: list[Any]) -> str:
    return as_json(values[0] if len(values) == 1 else dict(zip(names, values, strict=True)))


def pairs(keys: Any, values: Any) -> dict[str, Any]:
    """An object of two lists side by side (see the module's first lines)."""
    if not isinstance(keys, list) or not isinstance(values, list) or len(keys) != len(values):
        raise RowFaultError("row.bad_pairs", "pairs() needs two lists of the same length")
    found: dict[str, list[Any]] = {}
    for key, value in zip(keys, values, strict=True):
        if key is not None:
            found.setdefault(text_of(key), []).append(value)
    return {key: items[0] if len(items) == 1 else items for key, items in found.items()}


_Converter = tuple[Callable[[list[str], list[Any]], Any], int, int]
_CONVERTERS: Final[dict[str, _Converter]] = {
    "join": (lambda _names, values: "".join(_texts(values[0])), 1, 1),
    "lines": (lambda _names, values: "\n".join(_texts(values[0])), 1, 1),
    "first": (_first, 1, 1),
    "json": (_json, 1, 64),
    "pairs": (lambda _names, values: as_json(pairs(values[0], values[1])), 2, 2),
}
