"""The loss on answers only, without the head at other positions, equals the library's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.training.examples import TrainingExample
from engine.training.loss import answer_loss, collate
from tests.tiny import tiny_model

EXAMPLES = [
    TrainingExample(row=1, ids=[5, 6, 7, 8, 9, 10], prompt_length=3),
    TrainingExample(row=2, ids=[11, 12, 13], prompt_length=2),
    TrainingExample(row=3, ids=[20, 21, 22, 23], prompt_length=0),
]


def test_it_equals_the_librarys_masked_loss(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model(tmp_path / "tiny"), dtype=torch.float32).eval()
    ours = answer_loss(model, collate(EXAMPLES, padding=0, device="cpu"))
    theirs = torch.tensor(0.0)
    for example in EXAMPLES:
        ids = torch.tensor([example.ids])
        labels = ids.clone()
        labels[0, : example.prompt_length] = -100
        trained = (labels[0, 1:] != -100).sum()
        theirs += model(input_ids=ids, labels=labels).loss * trained
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_the_first_token_of_an_example_is_never_predicted() -> None:
    batch = collate(EXAMPLES, padding=0, device="cpu")
    assert batch.targets.tolist() == [8, 9, 10, 13, 21, 22, 23]
    assert batch.columns.min().item() == 0


def test_the_prompt_gets_no_gradient_through_its_own_logits(tmp_path: Path) -> None:
    """Changing the target of a prompt position changes nothing: there is no such target."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model(tmp_path / "tiny"), dtype=torch.float32)
    seen: list[torch.Size] = []
    model.get_output_embeddings().register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0].shape))
    answer_loss(model, collate(EXAMPLES, padding=0, device="cpu"))
    assert seen[0][0] == sum(example.supervised for example in EXAMPLES) - 1  # the third has no prompt


def test_only_the_upper_layers_are_adapted_when_asked(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    from engine.training.placement import targets

    model = AutoModelForCausalLM.from_pretrained(tiny_model(tmp_path / "tiny", layers=4), dtype=torch.float32)
    adapted = get_peft_model(model, LoraConfig(r=2, task_type="CAUSAL_LM", **targets(model, 0.5)))
    trained = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    layers = {int(name.split(".layers.")[1].split(".")[0]) for name in trained}
    assert layers == {2, 3}
    answer_loss(model, collate(EXAMPLES, padding=0, device="cpu")).backward()
    assert all(p.grad is not None for n, p in adapted.named_parameters() if p.requires_grad)
    assert not any("lm_head" in name for name in trained)
