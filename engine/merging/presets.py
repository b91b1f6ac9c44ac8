"""Merge recipes that ship with Bakeoff: templates to be filled with models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import yaml

from engine.merging.errors import RecipeError
from engine.merging.loading import parse_recipe
from engine.merging.recipe import Recipe
from engine.resources import resource

#: Stands for the base in a template.
_BASE: Final = "$base"
#: Stands for every model: the list item that holds it is repeated for each.
_EACH: Final = "$each_model"


def preset_names() -> list[str]:
    """The names of all presets."""
    return sorted(path.stem for path in resource("merges").glob("*.yml"))


def preset(name: str, models: Sequence[str], base: str | None = None) -> Recipe:
    """Fill a preset with models.

    Args:
        name: Its name, for example ``"slerp"``.
        models: What to merge, as a recipe would name it.
        base: The base; None for the first of ``models``. For SLERP it is the model at t = 0.

    Raises:
        RecipeError: There is no such preset, or no models were given.
    """
    if name not in preset_names():
        raise RecipeError(
            "recipe.preset_unknown",
            "There is no merge preset '{name}'.",
            fix="Known are: {known}.",
            name=name,
            known=", ".join(preset_names()),
        )
    if not models:
        raise RecipeError("recipe.preset_empty", "A merge needs models.", fix="Name at least two.")
    text = resource("merges", f"{name}.yml").read_text(encoding="utf-8")
    filled = _fill(yaml.safe_load(text), list(models), base if base is not None else models[0])
    return parse_recipe(filled)


def _fill(value: Any, models: list[str], base: str) -> Any:
    """Replace the placeholders in a template."""
    if isinstance(value, dict):
        return {key: _fill(item, models, base) for key, item in value.items()}
    if isinstance(value, list):
        filled: list[Any] = []
        for item in value:
            if isinstance(item, dict) and _EACH in item.values():
                filled += [
                    {key: model if part == _EACH else _fill(part, models, base) for key, part in item.items()}
                    for model in models
                ]
            else:
                filled.append(_fill(item, models, base))
        return filled
    return base if value == _BASE else value
