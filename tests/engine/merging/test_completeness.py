"""A model that lacks a tensor is refused, even where no other model has it either."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engine.merging.conftest import change_config, change_tensors, told

ALONE = {"merge_method": "linear", "models": [{"model": "a"}], "parameters": {"weight": 1}}


def without(folder: Path, part: str) -> None:
    change_tensors(folder, lambda name, tensor: None if part in name else tensor)


def only_in(folder: Path, layers: tuple[int, ...], rest: str) -> None:
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    extra = {f"model.layers.{layer}.{rest}": torch.zeros(4) for layer in layers}
    save_file({**load_file(file), **extra}, file)


def test_a_layer_that_lacks_a_tensor(root: Path) -> None:
    without(root / "a", "layers.1.mlp.up_proj")
    message = told(ALONE, root)["merge.layer_incomplete"]
    assert "'a' has no tensor 'model.layers.1.mlp.up_proj.weight'" in message


@pytest.mark.parametrize(("part", "words"), [("embed_tokens", "embedding"), ("model.norm", "final norm")])
def test_a_model_without_embedding_or_norm(root: Path, part: str, words: str) -> None:
    without(root / "a", part)
    assert f"no {words}" in told(ALONE, root)["merge.part_missing"]


def test_an_architecture_that_is_not_known_is_only_warned_of(root: Path) -> None:
    """Pruned models may lack a whole attention, and OLMo has no weights in its norms."""
    change_config(root / "a", model_type="unheard_of")
    without(root / "a", "layers.1.self_attn")
    without(root / "a", "model.norm")
    assert told(ALONE, root) == {}
    assert "layers.1.self_attn" in told(ALONE, root, "warning")["merge.layer_incomplete"]


def test_layers_of_several_kinds_are_complete(root: Path) -> None:
    """Hybrids: a dense layer among experts, and layers that the config names differently."""
    change_config(root / "a", model_type="unheard_of")
    without(root / "a", "layers.0.mlp")
    only_in(root / "a", (0,), "mlp.experts.0.up_proj.weight")
    assert told(ALONE, root) == {}
    assert "merge.layer_incomplete" not in told(ALONE, root, "warning")
    without(root / "a", "experts")
    assert "merge.layer_incomplete" in told(ALONE, root, "warning")
    change_config(root / "a", layer_types=["mamba", "attention"])
    assert "merge.layer_incomplete" not in told(ALONE, root, "warning")


def test_masks_of_old_checkpoints_are_no_tensors_of_a_layer(root: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = root / "a" / "model.safetensors"
    save_file({**load_file(file), "model.layers.0.attn.bias": torch.ones(1, 1, 8, 8)}, file)
    assert told(ALONE, root, "warning") == {}
