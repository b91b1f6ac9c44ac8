"""What the merging tests share: the oracle's models and recipes, and merging in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

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


def told(recipe: dict[str, Any], root: Path = MODELS, severity: str = "error") -> dict[str, str]:
    """Codes of the findings with their messages."""
    found = preflight(recipe, root)
    assert found.ok == (not found.errors)
    return {finding.code: finding.message for finding in found.findings if finding.severity == severity}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Copies of models that may be broken."""
    for name in ("a", "b", "base"):
        shutil.copytree(MODELS / name, tmp_path / name)
        (tmp_path / name / "tokenizer_config.json").write_text("{}")
    return tmp_path


def change_config(folder: Path, **values: Any) -> None:
    """Set keys of a config."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def change_tensors(folder: Path, change: Callable[[str, torch.Tensor], torch.Tensor | None]) -> None:
    """Replace each tensor by what ``change`` makes of it, or take it out where that is None."""
    file = folder / "model.safetensors"
    changed = {name: change(name, tensor) for name, tensor in load_file(file).items()}
    save_file({name: tensor for name, tensor in changed.items() if tensor is not None}, file)


def stacked(*ranges: tuple[str, int, int], **options: Any) -> dict[str, Any]:
    """A passthrough recipe with one slice per range of layers."""
    slices = [{"sources": [{"model": name, "layer_range": [start, end]}]} for name, start, end in ranges]
    return {"merge_method": "passthrough", "slices": slices, **options}
