"""The parts of a plan make up one model: layers from several models are those that the config describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.merging.conftest import change_config, change_tensors, preflight, stacked, told
from tests.tiny import tiny_model

LINEAR = {"merge_method": "linear", "models": [{"model": "a"}, {"model": "b"}], "parameters": {"weight": 1}}


def narrow_mlp(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Half the intermediate size."""
    if "down_proj" in name:
        return tensor[:, ::2].contiguous()
    return tensor[::2].contiguous() if "up_proj" in name or "gate_proj" in name else tensor


def more_tokens(name: str, tensor: torch.Tensor) -> torch.Tensor:
    return torch.cat([tensor, tensor[:3]]) if "embed_tokens" in name or "lm_head" in name else tensor


def test_layers_of_another_shape_cannot_be_stacked(root: Path) -> None:
    change_tensors(root / "b", narrow_mlp)
    recipe = stacked(("a", 0, 2), ("b", 0, 2))
    message = preflight(recipe, root).errors[0].message
    assert "'model.layers.0.mlp.down_proj.weight' is 64x88 in 'b' and 64x176 in 'a'" in message
    assert told(stacked(("a", 0, 2), ("b", 0, 2), base_model="b"), root)["merge.shape_mismatch"]


def test_models_of_another_width_cannot_be_stacked(tmp_path: Path) -> None:
    tiny_model(tmp_path / "a")
    tiny_model(tmp_path / "wide", hidden=32)
    assert "merge.shape_mismatch" in told(stacked(("a", 0, 1), ("wide", 0, 2)), tmp_path)


def test_a_stack_of_layers_of_several_shapes_may_be_cut_anywhere(root: Path) -> None:
    """Some architectures make their layers wider with depth; each shape is one that the config knows."""

    def uneven(name: str, tensor: torch.Tensor) -> torch.Tensor:
        return narrow_mlp(name, tensor) if ".layers.0." in name else tensor

    for name in ("a", "b"):
        change_tensors(root / name, uneven)
    assert told(stacked(("a", 0, 2), ("b", 0, 2), ("a", 0, 1)), root) == {}


def test_a_head_of_another_vocabulary_than_the_embedding_is_refused(root: Path) -> None:
    change_tensors(root / "b", more_tokens)
    message = told(stacked(("a", 0, 1), ("b", 1, 2)), root)["merge.vocabulary_size"]
    assert "'lm_head.weight' is 515x64 in 'b' and 512x64 in 'a'" in message
    both = {**LINEAR, "models": [{"model": "b"}]}
    assert told(both, root) == {}
    # The config and the tokenizer are those of a base of 512 tokens.
    assert "512x64 in 'base'" in told({**both, "base_model": "base"}, root)["merge.vocabulary_size"]


def test_a_chosen_tokenizer_sets_the_rows(tmp_path: Path) -> None:
    tiny_model(tmp_path / "a", vocab=272)
    tiny_model(tmp_path / "b", vocab=280, seed=1)
    recipe = stacked(("a", 0, 1), ("b", 1, 2))
    assert "merge.vocabulary_size" in told(recipe, tmp_path)
    assert told({**recipe, "tokenizer_source": "union"}, tmp_path) == {}


def test_tied_and_untied_models_may_be_stacked_on_a_reference_that_is_neither_end(root: Path) -> None:
    def untied(name: str, tensor: torch.Tensor) -> torch.Tensor | None:
        return None if name == "lm_head.weight" else tensor

    change_tensors(root / "b", untied)
    change_config(root / "b", tie_word_embeddings=True)
    for first, last in (("a", "b"), ("b", "a")):
        for base in ("a", "b", "base"):
            assert told(stacked((first, 0, 2), (last, 0, 2), base_model=base), root) == {}


@pytest.mark.parametrize("whole", [True, False])
def test_what_the_config_describes_must_be_there(root: Path, whole: bool) -> None:
    """The reference has a bias in all layers or in one; the layers stacked on it have none."""
    from safetensors.torch import load_file, save_file

    file = root / "a" / "model.safetensors"
    layers = (0, 1) if whole else (1,)
    extra = {f"model.layers.{layer}.mlp.up_proj.bias": torch.zeros(176) for layer in layers}
    save_file({**load_file(file), **extra}, file)
    change_config(root / "a", model_type="unheard_of")
    recipe: dict[str, Any] = stacked(("a", 0, 2), ("b", 0, 2))
    errors = told(recipe, root)
    assert ("merge.tensor_missing" in errors) is whole
    # The other way round the tensor is one too many for the config.
    unknown = told(stacked(("b", 0, 2), ("a", 0, 2)), root, "warning")["merge.tensor_unknown"]
    assert "mlp.up_proj.bias" in unknown
