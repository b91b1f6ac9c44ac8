"""The merge recipes of a study: parents and the common ancestor in the right places."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from engine.merging import merge, parse_recipe
from engine.studies.recipes import fill_recipe
from tests.tiny import tiny_model


def test_slerp_goes_from_the_stronger_parent_to_the_other() -> None:
    recipe = fill_recipe("slerp", ["strong", "second"], "plain")
    assert recipe["base_model"] == "strong"
    assert [model["model"] for model in recipe["models"]] == ["strong", "second"]


def test_a_recipe_of_ones_own_names_parents_and_base() -> None:
    wanted = {"merge_method": "task_arithmetic", "base_model": "$base", "models": [{"model": "$parent2"}]}
    filled = fill_recipe(wanted, ["one", "two"], "plain")
    assert filled == {"merge_method": "task_arithmetic", "base_model": "plain", "models": [{"model": "two"}]}


def test_ties_of_a_model_and_its_ancestor_lies_between_them(tmp_path: Path) -> None:
    """Not on the model itself, which an average over those that changed would be."""
    for number, name in enumerate(("plain", "one", "two")):
        tiny_model(tmp_path / name, seed=number)
    weights = {}
    for parents in (["plain", "one"], ["one", "plain"], ["one", "two"]):
        recipe = {**fill_recipe("ties", parents, "plain"), "dtype": "float32"}
        for model in recipe["models"]:
            model["parameters"]["density"] = 1.0
        out = tmp_path / "-".join(parents)
        merge(parse_recipe(recipe), out, working_folder=tmp_path)
        weights[out.name] = load_file(out / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    plain, one = (load_file(tmp_path / folder / "model.safetensors")[name] for folder in ("plain", "one"))
    assert not torch.equal(plain, one)
    for order in ("plain-one", "one-plain"):
        torch.testing.assert_close(weights[order][name], (plain + one) / 2)
    assert fill_recipe("ties", ["one", "two"], "plain")["parameters"] == {"normalize": True}
