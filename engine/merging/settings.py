"""Parameters in a recipe: single values, filters by tensor name, and gradients over the layers.

Resolution (see `resolve`): the model's own, then the slice's, then the recipe's, then the default; in each
of them the first entry whose filter fits. A list v[0..m-1] is a gradient over the L layers of a slice:
at layer j, t = j / (L - 1) (1 where L = 1), s = t (m - 1), i = floor(s), f = s - i, and the value is
(1 - f) v[i] + f v[min(i + 1, m - 1)]. A tensor outside the layers takes v[0].
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

#: What stands behind a parameter's name: entries with filters, tried in order.
Value = bool | float | tuple[float, ...]


class Entry(BaseModel):
    """A value for the tensors that a filter names.

    Attributes:
        filter: Part of the tensor's name; None or ``*`` for every tensor.
        value: One value, or a gradient.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    filter: str | None = None
    value: Value

    @property
    def fits_all(self) -> bool:
        """Whether the entry speaks of every tensor."""
        return self.filter is None or self.filter == "*"

    def fits(self, tensor: str) -> bool:
        """Whether the entry speaks of the tensor."""
        return self.filter is None or self.fits_all or self.filter in tensor

    def at(self, position: float | None) -> float:
        """The value at ``position`` in the slice (0 first layer, 1 last; None: outside the layers)."""
        if not isinstance(self.value, tuple):
            return float(self.value)
        if position is None or len(self.value) == 1:
            return self.value[0]
        place = position * (len(self.value) - 1)
        left = min(int(place), len(self.value) - 1)
        right = min(left + 1, len(self.value) - 1)
        share = place - left
        return (1 - share) * self.value[left] + share * self.value[right]


def _parse(raw: Any) -> tuple[Entry, ...]:
    """Read what a recipe may write for a parameter."""
    if isinstance(raw, tuple) and all(isinstance(entry, Entry) for entry in raw):
        return raw
    if isinstance(raw, list) and any(isinstance(entry, Mapping) for entry in raw):
        return tuple(_parse_entry(entry) for entry in raw)
    if isinstance(raw, Mapping):
        return (_parse_entry(raw),)
    return (Entry(value=_parse_value(raw)),)


def _parse_entry(raw: Any) -> Entry:
    if not isinstance(raw, Mapping):
        return Entry(value=_parse_value(raw))
    strangers = set(raw) - {"filter", "value"}
    if strangers or "value" not in raw:
        named = f", not '{sorted(map(str, strangers))[0]}'" if strangers else ""
        raise ValueError(f"an entry has 'filter' and 'value'{named}")
    wanted = raw.get("filter")
    return Entry(filter=None if wanted is None else str(wanted), value=_parse_value(raw["value"]))


def _parse_value(raw: Any) -> Value:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, list):
        if not raw:
            raise ValueError("a gradient needs at least one number")
        return tuple(_number(item) for item in raw)
    return _number(raw)


def _number(raw: Any) -> float:
    if raw is None:
        raise ValueError("the value is missing")
    # YAML 1.1 reads 1e-5 (without a point) as text.
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValueError(f"{raw!r} is not a number")
    try:
        number = float(raw)
    except ValueError:
        raise ValueError(f"{raw!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{raw!r} is not a finite number")
    return number


def _plain(entries: tuple[Entry, ...]) -> Any:
    """The shortest form in which a recipe would write it."""
    values = [list(e.value) if isinstance(e.value, tuple) else e.value for e in entries]
    if len(entries) == 1 and entries[0].filter is None:
        return values[0]
    return [
        {"value": value} if entry.filter is None else {"filter": entry.filter, "value": value}
        for entry, value in zip(entries, values, strict=True)
    ]


#: A parameter's entries, read from any of the field's forms and written in the shortest.
Setting = Annotated[tuple[Entry, ...], BeforeValidator(_parse), PlainSerializer(_plain)]
#: Parameters by name. A recipe may leave nothing but the key 'parameters:'.
Settings = Annotated[dict[str, Setting], BeforeValidator(lambda raw: {} if raw is None else raw)]


def resolve(
    name: str, layers: Iterable[Settings], tensor: str, position: float | None, default: float | None
) -> float | None:
    """The value of parameter ``name`` for one tensor.

    Args:
        name: The parameter.
        layers: Where to look, the most specific first.
        tensor: Name of the tensor in the output.
        position: See `Entry.at`.
        default: The value where nothing fits.
    """
    for settings in layers:
        for entry in settings.get(name, ()):
            if entry.fits(tensor):
                return entry.at(position)
    return default
