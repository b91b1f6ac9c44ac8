"""Which modules of a base get an adapter, and that every adapter learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    Mamba2Config,
    MambaConfig,
    MixtralConfig,
    PretrainedConfig,
)

from engine.progress import SilentReporter
from engine.training.examples import TrainingExample
from engine.training.loss import answer_loss, collate
from engine.training.placement import add_adapter
from engine.training.spec import TrainRecipe
from tests.tiny import tiny_model

EXAMPLES = [TrainingExample(row=1, ids=[5, 6, 7, 8, 9, 10], prompt_length=3)]


class Notes(SilentReporter):
    """Remembers what was chosen."""

    def __init__(self) -> None:
        self.choices: list[Any] = []

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        self.choices.append(choice)


def trained(model: Any, share: float, notes: Notes | None = None) -> set[str]:
    """Put an adapter in, see that all of it gets a gradient, and tell the names of what is adapted."""
    adapted = add_adapter(model, TrainRecipe(lora_rank=2, lora_layers=share), notes or SilentReporter())
    answer_loss(model, collate(EXAMPLES, padding=0, device="cpu")).backward()
    parameters = {name: one for name, one in adapted.named_parameters() if one.requires_grad}
    assert all(one.grad is not None for one in parameters.values())
    return {name.partition(".lora_")[0] for name in parameters}


def layers(names: set[str]) -> set[int]:
    return {int(next(part for part in name.split(".") if part.isdigit())) for name in names}


def random_model(config: PretrainedConfig) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def test_only_the_upper_layers_are_adapted_when_asked(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model(tmp_path / "tiny", layers=4), dtype=torch.float32)
    names = trained(model, 0.5)
    assert layers(names) == {2, 3}
    assert not any("lm_head" in name for name in names)


def test_the_matrices_of_gpt2_are_adapted_in_its_upper_layers_too() -> None:
    model = random_model(GPT2Config(vocab_size=64, n_embd=32, n_layer=4, n_head=4, n_positions=64))
    names = trained(model, 0.5)
    assert layers(names) == {2, 3}
    assert {name.rpartition(".")[2] for name in names} == {"c_attn", "c_proj", "c_fc"}


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize(
    "config",
    [
        MambaConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2, state_size=8),
        Mamba2Config(
            vocab_size=64,
            hidden_size=32,
            num_hidden_layers=2,
            num_heads=8,
            head_dim=8,
            n_groups=1,
            state_size=8,
        ),
    ],
    ids=["mamba", "mamba2"],
)
def test_what_mamba_computes_past_its_modules_is_left_out_and_said(
    config: PretrainedConfig, share: float
) -> None:
    notes = Notes()
    names = trained(random_model(config), share, notes)
    assert names
    assert not any(name.endswith(("out_proj", "dt_proj")) for name in names)
    assert notes.choices == ["without the ends of Mamba's mixers"]


def test_experts_that_get_no_adapter_are_told() -> None:
    config = MixtralConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_local_experts=2,
    )
    notes = Notes()
    assert any("experts" in name for name in trained(random_model(config), 1.0, notes))
    assert notes.choices == []
    assert not any("experts" in name for name in trained(random_model(config), 0.5, notes))
    assert notes.choices == ["without the experts"]
