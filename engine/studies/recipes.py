"""Merge recipes of a study: presets, or recipes of one's own with models filled in."""

from __future__ import annotations

import re
from typing import Any

import yaml

from engine.merging import preset


def fill_recipe(wanted: str | dict[str, Any], parents: list[str], base: str) -> dict[str, Any]:
    """The recipe with its models.

    Args:
        wanted: Name of a preset, or a recipe in which ``$parent1``, ``$parent2`` ... and ``$base`` stand for
            models.
        parents: Names of the models to merge, strongest first.
        base: The common ancestor, for methods that work on differences to it.
    """
    if isinstance(wanted, str):
        ancestor = parents[0] if wanted == "slerp" else base
        recipe = preset(wanted, parents, ancestor).as_dict()
        return _half_way(recipe, len(parents)) if wanted == "ties" and base in parents else recipe
    names = {f"$parent{number}": name for number, name in enumerate(parents, start=1)} | {"$base": base}
    return {key: _fill(value, names) for key, value in wanted.items()}


def recipe_name(wanted: str | dict[str, Any]) -> str:
    """A short name for people and for the merge's name."""
    if isinstance(wanted, str):
        return wanted
    return re.sub(r"[^\w-]", "-", str(wanted.get("merge_method", "merge")))


def recipe_text(wanted: str | dict[str, Any], filled: dict[str, Any]) -> str:
    """What the report says of a merge's recipe: the preset's name, or the recipe of one's own as YAML."""
    if isinstance(wanted, str):
        return wanted
    return yaml.safe_dump(filled, sort_keys=False, allow_unicode=True)


def _half_way(recipe: dict[str, Any], count: int) -> dict[str, Any]:
    """A TIES recipe in which the common ancestor counts as a parent.

    It differs from itself in nothing, and TIES averages over those that differ: of two parents the merge would
    be the other one. With equal shares instead of that average it lies between them.
    """
    models = [
        {**model, "parameters": {**model["parameters"], "weight": 1.0 / count}} for model in recipe["models"]
    ]
    return {**recipe, "models": models, "parameters": {**recipe["parameters"], "normalize": False}}


def _fill(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
