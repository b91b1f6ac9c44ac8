"""Lists with one entry per layer follow the layers into the merge's config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.merging import merge, parse_recipe
from tests.engine.merging.conftest import change_config, stacked, told
from tests.tiny import tiny_model


def made(recipe: dict[str, Any], root: Path) -> dict[str, Any]:
    merge(parse_recipe(recipe), root / "out", resolve=root.joinpath)
    config: dict[str, Any] = json.loads((root / "out" / "config.json").read_text())
    return config


def test_entries_come_from_the_models_of_the_layers(root: Path) -> None:
    change_config(root / "a", layer_types=["full", "sliding"])
    change_config(root / "b", layer_types=["b0", "b1"])
    assert made(stacked(("a", 0, 2), ("b", 1, 2)), root)["layer_types"] == ["full", "sliding", "b1"]


def test_layer_types_that_another_model_does_not_tell_are_left_out(tmp_path: Path) -> None:
    """Its layers are not those of the reference at the same place, and may not exist there."""
    change_config(tiny_model(tmp_path / "two"), layer_types=["full_attention"] * 2)
    tiny_model(tmp_path / "six", layers=6)
    recipe = stacked(("two", 0, 2), ("six", 3, 6))
    assert told(recipe, tmp_path) == {}
    assert "layer_types" in told(recipe, tmp_path, "warning")["merge.layer_list_dropped"]
    assert "layer_types" not in made(recipe, tmp_path)


def test_another_list_that_is_not_told_is_an_error(root: Path) -> None:
    change_config(root / "a", no_rope_layers=[1, 0])
    assert "no_rope_layers" in told(stacked(("a", 0, 2), ("b", 0, 2)), root)["merge.layer_list_missing"]


def test_a_reference_speaks_for_layers_that_stay_in_their_place(root: Path) -> None:
    change_config(root / "base", layer_types=["full", "sliding"])
    recipe = {
        "merge_method": "linear",
        "base_model": "base",
        "models": [{"model": "a"}, {"model": "b"}],
        "parameters": {"weight": 1},
    }
    assert made(recipe, root)["layer_types"] == ["full", "sliding"]
