"""Equal to the reference implementation: every deterministic recipe within 1e-6."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from engine.merging import load_recipe, merge
from tests.engine.merging.conftest import DATA, Tensors, tensors_of

RECIPES = sorted(path.stem for path in (DATA / "recipes").glob("*.yml"))
#: Shares of TIES in the oracle's recipe; elements at the border of the top-k may go either way.
TIES_DENSITIES = {"a": 0.5, "b": 0.4, "c": 0.7}


def oracle(recipe: str) -> Path:
    """The folder of the reference's tensors: some lie here, the rest in the shared data."""
    shared = Path(os.environ.get("BAKEOFF_SHARED") or DATA.parents[3] / "shared")
    for folder in (DATA / "out" / recipe, shared / "oracles" / "merge" / "out" / recipe):
        if folder.is_dir():
            return folder
    pytest.skip(f"the reference's tensors for {recipe} are not here ({shared} is missing)")


def at_the_border(name: str, models: dict[str, Tensors]) -> torch.Tensor:
    """Elements whose change is as large as the last one that TIES keeps: which of them stay is open."""
    base = models["base"][name]
    unclear = torch.zeros(base.shape, dtype=torch.bool)
    for model, density in TIES_DENSITIES.items():
        size = (models[model][name] - base).abs()
        ordered = size.flatten().sort(descending=True).values
        unclear |= size == ordered[max(1, int(density * size.numel())) - 1]
    return unclear


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "dare_linear"])
def test_equals_the_reference(recipe: str, tmp_path: Path, models: dict[str, Tensors]) -> None:
    expected = tensors_of(oracle(recipe))
    file = DATA / "recipes" / f"{recipe}.yml"
    merge(load_recipe(file), tmp_path / "out", recipe_file=file)
    ours = tensors_of(tmp_path / "out")
    assert ours.keys() == expected.keys()
    for name, tensor in expected.items():
        assert ours[name].dtype == tensor.dtype
        if recipe == "slerp_bf16":
            assert torch.equal(ours[name], tensor), name  # rounded once, like the reference's
            continue
        wrong = (ours[name] - tensor).abs() > 1e-6
        if recipe == "ties":
            wrong &= ~at_the_border(name, models)
        assert not wrong.any(), name
    config, reference = (
        json.loads((folder / "config.json").read_text()) for folder in (tmp_path / "out", oracle(recipe))
    )
    assert config == reference
    assert (tmp_path / "out" / "generation_config.json").read_bytes() == (
        DATA / "models" / "a" / "generation_config.json"
    ).read_bytes()


def test_the_border_is_small(models: dict[str, Tensors]) -> None:
    """The exception for TIES must not excuse a wrong result: it covers under 2% of large tensors."""
    for name, tensor in models["base"].items():
        if tensor.dim() > 1:
            assert at_the_border(name, models).float().mean() < 0.02, name
