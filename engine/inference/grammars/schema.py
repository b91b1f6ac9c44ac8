"""JSON schemas -> grammars of the answers that they allow.

Each keyword is either turned into grammar or refused by its name: none is passed over. A grammar may allow less than
its schema does (the properties in their order, no white space but single spaces), never more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from engine.inference.grammars.alternatives import apart
from engine.inference.grammars.numbers import LARGEST, integers, numbers
from engine.inference.grammars.patterns import pattern_grammar
from engine.inference.grammars.strings import (
    FORMATS,
    QUOTE,
    any_string,
    other_name,
    string_in_format,
    value_text,
)
from engine.inference.grammars.types import is_of_type, keywords_of, said_keywords, said_types
from engine.inference.grammars.writing import MOST_REPEATED, Rules, literal, refused, repeated

_DEEPEST: Final = 100
_SPACE: Final = '" "?'

Schema = dict[str, Any]


def schema_grammar(schema: Any) -> str:
    """The grammar of the answers that ``schema`` allows, in GBNF.

    Raises:
        AnsweringError: The schema has what is not supported, or allows nothing.
    """
    try:
        return _Writer(schema).text()
    except RecursionError as error:
        raise refused("it is nested too deeply") from error


class _Writer:
    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._rules = Rules()
        self._space = ""
        self._any = ""
        #: Where a reference leads -> the rule.
        self._known: dict[str, str] = {}
        self._writers: dict[str, Callable[[Schema, int], str]] = {
            "array": self._array,
            "boolean": lambda schema, depth: '("true" | "false")',
            "integer": lambda schema, depth: integers(*self._bounds(schema, whole=True)),
            "null": lambda schema, depth: '"null"',
            "number": lambda schema, depth: numbers(*self._bounds(schema, whole=False)),
            "object": self._object,
            "string": self._string,
        }

    def text(self) -> str:
        self._space = self._rules.add(_SPACE)
        return self._rules.text(self._value(self._schema, 0))

    def _value(self, schema: Any, depth: int) -> str:
        """The name of the rule of ``schema``."""
        if depth > _DEEPEST:
            raise refused("it is nested too deeply")
        keywords = said_keywords(schema)
        if not keywords:
            return self._anything()
        if "$ref" in keywords:
            _require_only(keywords, "$ref")
            return self._referred(schema["$ref"], depth)
        for choice in ("anyOf", "oneOf"):
            if choice in keywords:
                _require_only(keywords, choice)
                return self._either(choice, _list_of(schema, choice), depth)
        if "allOf" in keywords:
            return self._all(schema, keywords, depth)
        if keywords & {"const", "enum"}:
            return self._values(schema, keywords)
        types = said_types(schema, keywords)
        supported = {"type"}.union(*(keywords_of(kind) for kind in types))
        if keywords - supported:
            raise refused(f"'{min(keywords - supported)}' is not supported for {' or '.join(types)}")
        found = [
            self._writers[kind]({key: schema[key] for key in keywords & keywords_of(kind)}, depth)
            for kind in types
        ]
        return self._rules.add(" | ".join(found))

    def _anything(self) -> str:
        if not self._any:
            self._any = self._rules.reserve()
            kinds = ("object", "array", "string", "number", "boolean", "null")
            self._rules.define(self._any, " | ".join(self._writers[kind]({}, 0) for kind in kinds))
        return self._any

    def _referred(self, reference: Any, depth: int) -> str:
        target = self._resolved(reference)
        if reference not in self._known:
            self._known[reference] = self._rules.reserve()
            self._rules.define(self._known[reference], self._value(target, depth + 1))
        return self._known[reference]

    def _resolved(self, reference: Any) -> Any:
        """What a reference within the schema leads to."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise refused(f"the '$ref' {str(reference)[:80]!r} leads out of it")
        target = self._schema
        for part in unquote(reference).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and key.isascii() and key.isdecimal() and int(key[:9]) < len(target):
                target = target[int(key[:9])]
            elif isinstance(target, dict) and key in target:
                target = target[key]
            else:
                raise refused(f"the '$ref' {reference[:80]!r} leads nowhere")
        return target

    def _followed(self, schema: Any) -> Any:
        """What ``schema`` says, also where it only refers to it."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, dict) or "$ref" not in schema:
                return schema
            _require_only(said_keywords(schema), "$ref")
            schema = self._resolved(schema["$ref"])
        raise refused("a '$ref' leads back to itself")

    def _either(self, choice: str, schemas: list[Any], depth: int) -> str:
        if choice == "oneOf":
            for place, one in enumerate(schemas):
                if not all(apart(one, other, self._followed) for other in schemas[:place]):
                    raise refused(
                        "'oneOf' is supported only where the types, or a required property's values, tell its "
                        "parts apart; say 'anyOf'"
                    )
        return self._rules.add(" | ".join(self._value(schema, depth + 1) for schema in schemas))

    def _values(self, schema: Schema, keywords: set[str]) -> str:
        which = min(keywords & {"const", "enum"})
        _require_only(keywords - {"type"}, which)
        values = [schema["const"]] if which == "const" else _list_of(schema, "enum")
        if "type" in keywords:
            types = said_types(schema, keywords)
            values = [value for value in values if any(is_of_type(value, kind) for kind in types)]
            if not values:
                raise refused(f"'{which}' has no value of the 'type'")
        try:
            return self._rules.add(" | ".join(literal(value_text(value)) for value in values))
        except ValueError as error:
            raise refused(f"'{which}' has a number that is not finite") from error

    def _all(self, schema: Schema, keywords: set[str], depth: int) -> str:
        """All of several at once: one thing, or objects whose properties are put together."""
        parts = _list_of(schema, "allOf")
        if len(parts) == 1 and keywords == {"allOf"}:
            return self._value(parts[0], depth + 1)
        merged: Schema = {"type": "object", "properties": {}, "required": []}
        closed: list[set[str]] = []
        waiting = [*parts, {key: schema[key] for key in keywords if key != "allOf"}]
        for _ in range(MOST_REPEATED):
            if not waiting:
                break
            part = self._followed(waiting.pop(0))
            said = said_keywords(part)
            if said - {"type", "properties", "required", "additionalProperties", "allOf"}:
                raise refused("'allOf' is supported for objects with 'properties' only")
            if part.get("type", "object") != "object" or part.get("additionalProperties", False) not in (
                True,
                False,
            ):
                raise refused("'allOf' is supported for objects with 'properties' only")
            waiting = [*_list_of(part, "allOf"), *waiting] if "allOf" in said else waiting
            for name, described in _properties(part).items():
                if merged["properties"].setdefault(name, described) != described:
                    raise refused(f"'allOf' says different things of the property {name[:80]!r}")
            merged["required"] += _required(part)
            if part.get("additionalProperties") is False:
                closed.append(set(_properties(part)))
        if waiting:
            raise refused("'allOf' leads back to itself")
        if any(names != set(merged["properties"]) for names in closed):
            raise refused("a part of 'allOf' allows no properties that another has")
        return self._rules.add(self._object(merged, depth))

    def _object(self, schema: Schema, depth: int) -> str:
        """An object: what it has, in the order in which the schema tells it."""
        properties, required = _properties(schema), _required(schema)
        for name in required:
            if name not in properties:
                raise refused(f"'required' names {name[:80]!r}, which is none of the 'properties'")
        more = schema.get("additionalProperties", "properties" not in schema)
        comma = f'"," {self._space}'
        further = ""
        if more is not False:
            further = self._pair(other_name(self._rules, properties), more, depth)
        # What may follow where something stands before it, and where nothing does.
        after = f"({comma} {further})*" if further else ""
        begun = f"({further} {after})?" if further else ""
        for name, described in reversed(properties.items()):
            pair = self._pair(literal(value_text(name)), described, depth)
            rest = self._rules.add(after) if after else ""
            if name in required:
                begun = f"{pair} {rest}"
                after = f"{comma} {pair} {rest}"
            else:
                begun = f"({pair} {rest} | {self._rules.add(begun)})" if begun else f"({pair} {rest})?"
                after = f"({comma} {pair})? {rest}"
        return f'"{{" {self._space} {begun} "}}"'

    def _pair(self, name: str, described: Any, depth: int) -> str:
        value = self._value(described, depth + 1)
        return self._rules.add(f'{name} {self._space} ":" {self._space} {value} {self._space}')

    def _array(self, schema: Schema, depth: int) -> str:
        if schema.get("uniqueItems", False) is not False:
            raise refused("'uniqueItems' is not supported")
        least, most = _count(schema, "minItems") or 0, _count(schema, "maxItems")
        items = schema.get("items", True)
        first = schema.get("prefixItems", items if isinstance(items, list) else None)
        if first is not None:
            if not isinstance(first, list) or (items is not first and items not in (True, False)):
                raise refused("'items' beside 'prefixItems' is not supported")
            if len(first) < least or (most is not None and len(first) > most):
                raise refused("'minItems' and 'maxItems' have to fit 'prefixItems'")
            values = [f"{self._value(item, depth + 1)} {self._space}" for item in first]
            return f'"[" {self._space} {f" {_comma(self._space)} ".join(values)} "]"'
        if most is not None and most < least:
            raise refused("'maxItems' is below 'minItems'")
        if most == 0:
            return f'"[" {self._space} "]"'
        value = f"{self._value(items, depth + 1)} {self._space}"
        following = self._rules.add(f"{_comma(self._space)} {value}")
        rest = repeated(following, max(least - 1, 0), None if most is None else most - 1)
        return f'"[" {self._space} ({value} {rest}){"?" if least == 0 else ""} "]"'

    def _string(self, schema: Schema, depth: int) -> str:
        said = [keyword for keyword in ("pattern", "format") if keyword in schema]
        if said and len(schema) > 1:
            other = min(keyword for keyword in schema if keyword != said[0])
            raise refused(f"'{other}' beside '{said[0]}' is not supported")
        if "pattern" in schema:
            if not isinstance(schema["pattern"], str):
                raise refused("the 'pattern' is no text")
            return f"{QUOTE} {pattern_grammar(schema['pattern'], self._rules)} {QUOTE}"
        if "format" in schema:
            if schema["format"] not in FORMATS:
                raise refused(f"the 'format' {str(schema['format'])[:80]!r} is not supported")
            return string_in_format(self._rules, schema["format"])
        least, most = _count(schema, "minLength") or 0, _count(schema, "maxLength")
        if most is not None and most < least:
            raise refused("'maxLength' is below 'minLength'")
        return any_string(self._rules, least, most)

    def _bounds(self, schema: Schema, *, whole: bool) -> tuple[int | None, int | None]:
        """The least and the greatest number; None: without a bound."""
        found: list[int | None] = []
        for side, (bound, outer, sign) in enumerate(
            (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1))
        ):
            numbers = [_bound(schema, bound, sign, whole=whole)] if bound in schema else []
            if outer in schema:
                if not whole:
                    raise refused(f"'{outer}' is not supported for number")
                value = _bound(schema, outer, sign, whole=True)
                # Above 1.5 begins where from 1.5 on begins.
                numbers.append(value + sign if value == schema[outer] else value)
            found.append(([max, min][side])(numbers) if numbers else None)
        least, most = found
        if least is not None and most is not None and most < least:
            raise refused("no number is within its bounds")
        return least, most


def _comma(space: str) -> str:
    return f'"," {space}'


def _require_only(keywords: set[str], allowed: str) -> None:
    if keywords != {allowed}:
        raise refused(f"'{min(keywords - {allowed})}' beside '{allowed}' is not supported")


def _list_of(schema: Schema, keyword: str) -> list[Any]:
    value = schema[keyword]
    if not isinstance(value, list) or not value:
        raise refused(f"'{keyword}' is no list with something in it")
    return value


def _properties(schema: Schema) -> dict[str, Any]:
    value = schema.get("properties", {})
    if not isinstance(value, dict):
        raise refused("the 'properties' are no object")
    return value


def _required(schema: Schema) -> list[str]:
    value = schema.get("required", [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise refused("'required' is no list of names")
    return value


def _count(schema: Schema, keyword: str) -> int | None:
    if keyword not in schema:
        return None
    value = schema[keyword]
    if not is_of_type(value, "integer") or value < 0:
        raise refused(f"'{keyword}' is no whole number from 0 on")
    if value > MOST_REPEATED:
        raise refused(f"'{keyword}' is above {MOST_REPEATED}")
    return int(value)


def _bound(schema: Schema, keyword: str, sign: int, *, whole: bool) -> int:
    """A bound as a whole number, the next one within it if it is none."""
    value = schema[keyword]
    if not is_of_type(value, "number") or not -LARGEST <= value <= LARGEST:
        raise refused(f"'{keyword}' is no number, or a very large one")
    if value != int(value) and not whole:
        raise refused(f"'{keyword}' of a number is supported only where it is a whole number")
    return int(value // 1) if sign < 0 else -int(-value // 1)
