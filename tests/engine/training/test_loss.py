"""The loss on answers only, without the head at other positions, equals the library's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from engine.training.errors import TrainingError
from engine.training.examples import TrainingExample
from engine.training.loss import answer_loss, collate
from tests.tiny import tiny_model

EXAMPLES = [
    TrainingExample(row=1, ids=[5, 6, 7, 8, 9, 10], prompt_length=3),
    TrainingExample(row=2, ids=[11, 12, 13], prompt_length=2),
    TrainingExample(row=3, ids=[20, 21, 22, 23], prompt_length=0),
]


def librarys_loss(model: Any) -> float:
    """The summed loss of `EXAMPLES` as transformers computes it, one by one."""
    total = torch.tensor(0.0)
    for example in EXAMPLES:
        ids = torch.tensor([example.ids])
        labels = ids.clone()
        labels[0, : example.prompt_length] = -100
        trained = (labels[0, 1:] != -100).sum()
        total += model(input_ids=ids, labels=labels).loss * trained
    return total.item()


def test_it_equals_the_librarys_masked_loss(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model(tmp_path / "tiny"), dtype=torch.float32).eval()
    ours = answer_loss(model, collate(EXAMPLES, padding=0, device="cpu"))
    assert ours.item() == pytest.approx(librarys_loss(model), rel=1e-5)


@pytest.mark.parametrize(
    ("family", "scaling"),
    [
        ("granite", {"logits_scaling": 3.0}),  # divides
        ("hyperclovax", {"logits_scaling": 3.0}),  # multiplies
        ("cohere", {"logit_scale": 0.3}),
        ("gemma2", {"final_logit_softcapping": 2.0}),
        ("recurrent_gemma", {"logits_soft_cap": 2.0, "lru_width": 32, "num_hidden_layers": 3}),
        ("llama4_text", {"intermediate_size_mlp": 64, "num_local_experts": 2}),  # keeps its body elsewhere
    ],
)
def test_it_follows_what_each_family_does_to_its_logits(family: str, scaling: dict[str, Any]) -> None:
    model = random_model(family, **scaling)
    ours = answer_loss(model, collate(EXAMPLES, padding=0, device="cpu"))
    assert ours.item() == pytest.approx(librarys_loss(model), rel=1e-4)


def test_a_model_whose_head_cannot_be_narrowed_is_refused() -> None:
    model = random_model("llama")
    model.get_output_embeddings = lambda: None
    with pytest.raises(TrainingError) as caught:
        answer_loss(model, collate(EXAMPLES, padding=0, device="cpu"))
    assert caught.value.code == "training.head"


def random_model(family: str, **settings: Any) -> Any:
    """A small random model of a family of transformers, its matrices large enough to tell right from wrong."""
    sizes = {
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **{**sizes, **settings})
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    return model


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
    trained = sum(example.supervised for example in EXAMPLES) - 1  # the third has no prompt
    assert seen[0] == (1, trained, 16)
