"""Merging models by recipe: tensor by tensor, checked before it starts.

Importing this package loads no torch; `merge` does when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.merging.errors import Finding, MergeError, RecipeError
from engine.merging.loading import load_recipe, parse_recipe
from engine.merging.preflight import Preflight, check
from engine.merging.presets import preset, preset_names
from engine.merging.recipe import Recipe

if TYPE_CHECKING:
    from engine.merging.execute import MergeResult, merge

__all__ = [
    "Finding",
    "MergeError",
    "MergeResult",
    "Preflight",
    "Recipe",
    "RecipeError",
    "check",
    "load_recipe",
    "merge",
    "parse_recipe",
    "preset",
    "preset_names",
]


def __getattr__(name: str) -> Any:
    """Load what needs torch on first use."""
    if name in ("merge", "MergeResult"):
        from engine.merging import execute

        return getattr(execute, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
