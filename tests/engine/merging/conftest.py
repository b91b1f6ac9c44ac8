"""What the merging tests share: the oracle's models and recipes, and merging in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from engine.merging import Preflight, check, merge, parse_recipe
from engine.weights import WeightsReader

DATA = Path(__file__).resolve().parents[2] / "data" / "merge"
MODELS = DATA / "models"
Tensors = dict[str, torch.Tensor]


def tensors_of(folder: Path) -> Tensors:
    reader = WeightsReader(folder)
    return {name: reader.read(name) for name in reader.names()}


@pytest.fixture(scope="session")
def models() -> dict[str, Tensors]:
    """The tensors of the oracle's models, in float32."""
    return {
        path.name: {name: tensor.float() for name, tensor in tensors_of(path).items()}
        for path in MODELS.iterdir()
    }


@pytest.fixture
def merged(tmp_path: Path) -> Callable[..., Tensors]:
    """Merge a recipe (a dict; names are the oracle's models) and return the tensors."""
    made = 0

    def run(recipe: dict[str, Any], **options: Any) -> Tensors:
        nonlocal made
        made += 1
        out = tmp_path / f"merged{made}"
        merge(
            parse_recipe({"dtype": "float32", **recipe}), out, resolve=lambda name: MODELS / name, **options
        )
        return tensors_of(out)

    return run


def preflight(recipe: dict[str, Any] | str, root: Path = MODELS) -> Preflight:
    """Check a recipe against the models in a folder."""
    text = recipe if isinstance(recipe, str) else yaml.safe_dump(recipe)
    return check(parse_recipe(text), resolve=lambda name: root / name if (root / name).is_dir() else None)
