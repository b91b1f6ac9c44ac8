"""Which weights matter: what each matrix really sees, experts one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.exporting.importance import measure_importance
from engine.exporting.plan import plan_gguf
from engine.exporting.quantisations import quantisation
from engine.exporting.writing import write_gguf
from engine.models.device import choose_device
from engine.progress import SilentReporter
from tests.tiny_families import tiny_of_family

TEXTS = [[5, 9, 12, 40, 41, 7], [8, 8, 30, 2]]


def _seen(model: Any, matrices: dict[int, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Inputs of the matrices at the addresses ``matrices``, as ``linear`` gets them."""
    seen: dict[str, list[Any]] = {}
    plain = torch.nn.functional.linear

    def linear(rows: Any, weight: Any, bias: Any = None) -> Any:
        if weight.data_ptr() in matrices:
            seen.setdefault(matrices[weight.data_ptr()], []).append(rows.detach().float())
        return plain(rows, weight, bias)

    monkeypatch.setattr(torch.nn.functional, "linear", linear)
    with torch.inference_mode():
        for ids in TEXTS:
            model(torch.tensor([ids]))
    monkeypatch.undo()
    return seen


@pytest.mark.parametrize("name", ["mixtral", "qwen2moe", "qwen3moe", "granitemoe", "phimoe", "olmoe"])
def test_experts_are_measured_one_by_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_of_family(name, tmp_path / "model", dtype=torch.float32)
    plan = plan_gguf(folder, quantisation("f16"))
    names = {tensor.output.name for tensor in plan.tensors}
    measured = measure_importance(
        plan.family,
        folder,
        None,
        TEXTS,
        choose_device(SilentReporter(), "float32"),
        SilentReporter(),
        names=names,
    )
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager")
    matrices = {
        parameter.data[expert].data_ptr(): f"{path}:{expert}"
        for path, parameter in model.named_parameters()
        if path.endswith(("experts.gate_up_proj", "experts.down_proj"))
        for expert in range(len(parameter))
    }
    assert matrices
    seen = _seen(model, matrices, monkeypatch)
    for place, rows in seen.items():
        path, _, expert = place.rpartition(":")
        layer = path.split(".layers.")[1].split(".")[0]
        expected = torch.cat(rows).square().mean(dim=0).numpy()
        for part in ("down",) if path.endswith("down_proj") else ("gate", "up"):
            found = measured[f"blk.{layer}.ffn_{part}_exps.weight"][int(expert)]
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_an_expert_that_saw_nothing_takes_the_mean_of_its_layer(tmp_path: Path) -> None:
    folder = tiny_of_family("mixtral", tmp_path / "model", dtype=torch.float32)
    plan = plan_gguf(folder, quantisation("f16"))
    names = {tensor.output.name for tensor in plan.tensors}
    one_token = measure_importance(
        plan.family,
        folder,
        None,
        [[5]],
        choose_device(SilentReporter(), "float32"),
        SilentReporter(),
        names=names,
    )
    up = one_token["blk.0.ffn_up_exps.weight"]
    assert len(up) == 8
    # One token reaches two experts, with the same input: the mean of the layer is that input's square.
    np.testing.assert_allclose(up, np.broadcast_to(up[0], up.shape), rtol=1e-6)
    assert np.isfinite(one_token["blk.0.ffn_down_exps.weight"]).all()


@pytest.mark.thorough
def test_a_model_with_experts_becomes_an_iq_file(tmp_path: Path) -> None:
    folder = tiny_of_family("mixtral", tmp_path / "model")
    names = {tensor.output.name for tensor in plan_gguf(folder, quantisation("f16")).tensors}
    family = plan_gguf(folder, quantisation("f16")).family
    importance = measure_importance(
        family, folder, None, TEXTS, choose_device(SilentReporter(), "float32"), SilentReporter(), names=names
    )
    plan = plan_gguf(folder, quantisation("iq2_xs"), importance=importance)
    write_gguf(plan, tmp_path / "small.gguf", name="tiny", importance=importance, threads=1)
    assert "IQ2_XS" in plan.types
