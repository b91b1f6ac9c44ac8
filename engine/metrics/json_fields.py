"""Field accuracy of a JSON answer."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_FENCE: Final = re.compile(r"```[\w-]*[ \t]*\r?\n(.*?)```", re.DOTALL)

#: Where a value sits: the keys from the top. A tuple, so that the key "a.b" is not the path a → b.
Path = tuple[str, ...]


def parse_json(text: str) -> Any:
    """Read ``text`` as one JSON value; a Markdown code fence around it is tolerated.

    Raises:
        ValueError: It is no JSON (prose around a bare value, a cut value, ``NaN``), or is nested too deep.
    """
    try:
        return _loads(text)
    except ValueError:
        fenced = _FENCE.search(text)
        if fenced is None:
            raise
        return _loads(fenced.group(1))


@dataclass(frozen=True)
class JsonFieldsMetric:
    """The share of fields that are right, over the fields of the expected answer and of the answer together.

    Objects are flattened to paths; a field is right when both have it and the values are equal after
    collapsing whitespace in strings. A list is one field, right when it holds the same items in any
    order. When the whole answer is a list, its items are the fields. So a missing field and an invented
    one cost the same, and an answer that cannot be parsed scores 0.
    """

    name: str = "json_fields"
    title: str = "JSON field accuracy"
    margin: float = 0.0

    def score(self, expected: str, answer: str) -> float:
        """Right fields divided by the fields that either side has."""
        try:
            wanted, got = parse_json(expected), parse_json(answer)
            if isinstance(wanted, list) and isinstance(got, list):
                return _overlap(wanted, got)
            wanted_fields, got_fields = dict(_fields(wanted)), dict(_fields(got))
        except (ValueError, RecursionError):
            return 0.0
        paths = wanted_fields.keys() | got_fields.keys()
        right = sum(
            path in wanted_fields and path in got_fields and wanted_fields[path] == got_fields[path]
            for path in paths
        )
        return right / len(paths)


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _fields(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _fields(inner, (*path, key))
    else:
        yield path, _canonical(value)


def _canonical(value: Any) -> str:
    """A text that two values share exactly when they count as equal."""
    if isinstance(value, str):
        return json.dumps(" ".join(value.split()))
    if isinstance(value, list):
        return "[" + ",".join(sorted(map(_canonical, value))) + "]"
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(sorted(f"{json.dumps(key)}:{_canonical(item)}" for key, item in value.items()))
            + "}"
        )
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def _overlap(wanted: list[Any], got: list[Any]) -> float:
    left, right = Counter(map(_canonical, wanted)), Counter(map(_canonical, got))
    either = (left | right).total()
    return (left & right).total() / either if either else 1.0
