"""Reads recipes from YAML, and says in which line something is wrong and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml
from pydantic import BaseModel, ValidationError

from engine.errors import Words, reason_of
from engine.merging.errors import RecipeError, shortened
from engine.merging.method_table import KNOWN_PARAMETERS, METHODS
from engine.merging.recipe import InputModel, ModelRef, Recipe, Slice, SliceSource, TokenizerChoice
from engine.merging.settings import Settings

_Path = tuple[str | int, ...]
#: Keys of the field's recipes that mean something Bakeoff does not do.
_UNSUPPORTED: Final = {
    "modules": "merging parts of a model of several kinds by their own recipes",
    "chat_template": "replacing the chat template",
    "merge_methods": "several methods in one recipe",
}
#: What pydantic calls a value that has the wrong form, in words for people who write YAML.
_WORDS: Final = {
    "dict_type": "it takes a table (key: value)",
    "model_type": "it takes a table (key: value)",
    "model_attributes_type": "it takes a table (key: value)",
    "tuple_type": "it takes a list",
    "too_short": "it takes at least 1 entry",
    "string_type": "it takes text",
    "int_type": "it takes a whole number",
    "int_parsing": "it takes a whole number",
    "int_from_float": "it takes a whole number",
    "greater_than_equal": "it takes a whole number from 1",
}
#: Keys that are text, or the sign that puts another table in ("<<"). YAML reads yes and 1 as something else.
_TEXT_TAGS: Final = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
#: A recipe is a page of text; anything much longer is another file.
_MAX_BYTES: Final = 1_000_000


def load_recipe(file: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        RecipeError: It cannot be read, or is no valid recipe; names file and line.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too long for a recipe")
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as problem:
        reason = reason_of(problem) if isinstance(problem, OSError) else Words(str(problem))
        if isinstance(problem, UnicodeDecodeError):
            reason = Words("it is not text")
        raise RecipeError(
            "recipe.unreadable",
            "The recipe {file} cannot be read: {reason}.",
            fix="Name a YAML file with a merge recipe.",
            file=str(file),
            reason=reason,
        ) from problem
    return parse_recipe(text, file=file)


def parse_recipe(text: str | dict[str, Any], *, file: Path | None = None) -> Recipe:
    """Make a recipe of YAML text or of its structure.

    Args:
        text: The YAML, or what it says as a dict.
        file: Where it came from, for messages.

    Raises:
        RecipeError: It is no valid recipe.
    """
    lines: dict[_Path, int] = {}
    if isinstance(text, str):
        content, lines = _read_yaml(text, file)
    else:
        content = text
    if not isinstance(content, dict):
        _fail(
            file,
            None,
            "recipe.not_a_recipe",
            Words("it is not a table of settings"),
            Words("Begin with 'merge_method:'."),
        )
    for key, words in _UNSUPPORTED.items():
        if key in content:
            _fail(
                file,
                lines.get((key,)),
                "recipe.unsupported",
                Words("'{key}' ({words}) is not supported", key=key, words=Words(words)),
            )
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as problem:
        _explain(problem, lines, file)
    _require_known(recipe, lines, file)
    return recipe


def _read_yaml(text: str, file: Path | None) -> tuple[Any, dict[_Path, int]]:
    """Content and the line (from 1) of every key and item."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except RecursionError:
        _fail(file, None, "recipe.not_yaml", Words("it is nested too deeply"))
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        reason = getattr(problem, "problem", None) or Words("it is not YAML")
        _fail(
            file,
            None if mark is None else mark.line + 1,
            "recipe.not_yaml",
            Words("it is not valid YAML ({reason})", reason=reason),
        )
    lines: dict[_Path, int] = {}
    if node is not None:
        _note_lines(node, (), lines, file, set())
    return content, lines


def _note_lines(
    node: yaml.Node, path: _Path, lines: dict[_Path, int], file: Path | None, seen: set[int]
) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    # An alias (*name) is the very node of its anchor, which may even be one around it.
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            if key.tag not in _TEXT_TAGS:
                _fail(
                    file,
                    key.start_mark.line + 1,
                    "recipe.key_not_text",
                    Words("the key '{key}' is no text to YAML", key=shortened(str(key.value))),
                    Words("Correct it, or put it in quotes."),
                )
            if here in lines:
                twice = Words("'{key}' is given twice", key=str(key.value))
                _fail(file, key.start_mark.line + 1, "recipe.key_twice", twice)
            lines[here] = key.start_mark.line + 1
            _note_lines(value, here, lines, file, seen)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _note_lines(item, (*path, number), lines, file, seen)


def _explain(problem: ValidationError, lines: dict[_Path, int], file: Path | None) -> NoReturn:
    """Tell the first thing that pydantic found in the recipe's own words."""
    # A misspelt key is both unknown and missing: the former says more.
    found = min(problem.errors(), key=lambda item: item["type"] != "extra_forbidden")
    path = tuple(found["loc"])
    key = str(path[-1]) if path else ""
    line = _line_of(path, lines)
    if found["type"] == "extra_forbidden":
        known = _fields_at(path[:-1])
        _fail(
            file,
            line,
            "recipe.key_unknown",
            Words("'{key}' is not a key{where}", key=shortened(key), where=_where(path)),
            _did_you_mean(key, known),
        )
    if found["type"] == "missing":
        _fail(
            file, line, "recipe.key_missing", Words("'{key}' is missing{where}", key=key, where=_where(path))
        )
    words = _WORDS.get(found["type"]) or found["msg"].removeprefix("Value error, ")
    words = words[:1].lower() + words[1:]
    told = Words(words)
    if path:
        told = Words("'{place}': {words}", place=".".join(str(part) for part in path), words=told)
    given = found.get("input")
    if found["type"] == "literal_error":
        options = [option.strip("'") for option in found["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        _fail(
            file,
            line,
            "recipe.value_unknown",
            Words("'{value}' is not a {key}", value=shortened(str(given)), key=key),
            _did_you_mean(str(given), options),
        )
    _fail(file, line, "recipe.value_wrong", told)


def _fields_at(path: _Path) -> list[str]:
    """The keys that are allowed at a place of the recipe."""
    models: dict[str, type[BaseModel]] = {
        "models": InputModel,
        "slices": Slice,
        "sources": SliceSource,
        "tokenizer": TokenizerChoice,
        "model": ModelRef,
        "base_model": ModelRef,
    }
    names = [part for part in path if isinstance(part, str)]
    model = models.get(names[-1], Recipe) if names else Recipe
    return sorted(model.model_fields)


def _require_known(recipe: Recipe, lines: dict[_Path, int], file: Path | None) -> None:
    """Refuse a method or parameter that does not exist anywhere."""
    if recipe.merge_method not in METHODS:
        _fail(
            file,
            lines.get(("merge_method",)),
            "recipe.method_unknown",
            Words("'{method}' is not a merge method", method=shortened(recipe.merge_method)),
            _did_you_mean(recipe.merge_method, METHODS),
        )
    for path, settings in _all_settings(recipe):
        for name in settings:
            if name not in KNOWN_PARAMETERS:
                own = [parameter.name for parameter in METHODS[recipe.merge_method].parameters]
                close = difflib.get_close_matches(name, sorted(KNOWN_PARAMETERS), n=1)
                _fail(
                    file,
                    _line_of((*path, name), lines),
                    "recipe.parameter_unknown",
                    Words(
                        "'{parameter}' is not a parameter of {method}",
                        parameter=name,
                        method=recipe.merge_method,
                    ),
                    Words("Did you mean '{name}'?", name=close[0]) if close else _did_you_mean(name, own),
                )


def _all_settings(recipe: Recipe) -> Iterator[tuple[_Path, Settings]]:
    yield ("parameters",), recipe.parameters
    for number, entry in enumerate(recipe.models or ()):
        yield ("models", number, "parameters"), entry.parameters
    for number, part in enumerate(recipe.slices or ()):
        yield ("slices", number, "parameters"), part.parameters
        for index, source in enumerate(part.sources):
            yield ("slices", number, "sources", index, "parameters"), source.parameters


def _line_of(path: _Path, lines: dict[_Path, int]) -> int | None:
    """The line of a place, or of the nearest place around it."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def _where(path: _Path) -> Words:
    around = ".".join(str(part) for part in path[:-1])
    return Words(" in '{place}'", place=around) if around else Words(" of a recipe")


def _did_you_mean(name: str, known: Iterable[str]) -> Words:
    options = sorted(known)
    close = difflib.get_close_matches(name.lower(), options, n=1)
    if close:
        return Words("Did you mean '{name}'?", name=close[0])
    return Words("Known are: {known}.", known=", ".join(options)) if options else Words("")


def _fail(
    file: Path | None, line: int | None, code: str, reason: Words, fix: Words | None = None
) -> NoReturn:
    where = Words("The recipe") if file is None else Words("The recipe {file}", file=str(file))
    at = "" if line is None else Words(", line {line}", line=line)
    raise RecipeError(
        code,
        "{where}{at}: {reason}.",
        fix="{way}" if fix else "",
        way=fix,
        where=where,
        at=at,
        reason=reason,
        file=None if file is None else str(file),
        row=line,
    )
