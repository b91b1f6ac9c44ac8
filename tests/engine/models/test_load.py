"""Weights in memory: none is made up, and a base in four bits passes gradients, before and after it was evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from engine.models.device import Device
from engine.models.errors import ModelError
from engine.models.load import load_causal_lm, made_up
from tests.tiny import tiny_model


def gradients(model: torch.nn.Module) -> list[torch.Tensor]:
    """The gradients of every adapter, for one batch."""
    model.train()
    model.zero_grad(set_to_none=True)
    ids = torch.arange(24).reshape(2, 12)
    torch.autograd.backward(model(input_ids=ids, labels=ids).loss)
    return [one.grad.clone() for one in model.parameters() if one.grad is not None]


def test_training_a_four_bit_base_goes_on_alike_after_an_evaluation(tmp_path: Path) -> None:
    # Widths that 32 divides, and the dtype, for which bitsandbytes has a kernel of its own on some CPUs.
    folder = tiny_model(tmp_path / "base", hidden=64, heads=4)
    torch.manual_seed(0)
    core = load_causal_lm(folder, Device("cpu", "bfloat16", "for this test"), quantisation="nf4")
    model = get_peft_model(core, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    before = gradients(model)
    assert len(before) == 2 * 7 * 2  # A and B of seven matrices in each of two layers
    assert all(bool(one.abs().sum() > 0) for one in before)
    model.eval()
    with torch.no_grad():
        model(input_ids=torch.arange(12)[None])
    after = gradients(model)
    assert len(after) == len(before)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one, other)


def test_widths_that_32_does_not_divide_are_evaluated_too(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "base", hidden=16, heads=4)
    core = load_causal_lm(folder, Device("cpu", "bfloat16", "for this test"), quantisation="nf4")
    with torch.no_grad():
        assert bool(core(input_ids=torch.arange(12)[None]).logits.isfinite().all())


def test_weights_that_are_not_there_are_not_made_up(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "base")
    (file,) = folder.glob("*.safetensors")
    tensors = load_file(file)
    gone = "model.layers.1.mlp.down_proj.weight"
    del tensors[gone]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"has no weights for {gone}"):
        load_causal_lm(folder, Device("cpu", "float32", "for this test"))


def test_buffers_that_a_file_lacks_begin_as_they_should() -> None:
    model = torch.nn.BatchNorm1d(4)
    assert made_up(model, {"missing_keys": ["running_mean", "num_batches_tracked"]}) == []
    assert made_up(model, {"missing_keys": ["weight", "running_mean", "bias"]}) == ["bias", "weight"]
