"""Our batched greedy decoding gives what the library gives one prompt at a time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    FalconH1Config,
    GPT2Config,
    GPTNeoConfig,
    Lfm2Config,
    MambaConfig,
    MptConfig,
    PretrainedConfig,
    RecurrentGemmaConfig,
)

from engine.inference.errors import AnsweringError
from engine.inference.greedy import GreedyDecoder
from tests.tiny import tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(
        tiny_model(tmp_path / "tiny", seed=4), dtype=torch.float32
    ).eval()


def one_by_one(model: Any, prompt: list[int], stops: set[int], longest: int) -> list[int]:
    produced = model.generate(
        input_ids=torch.tensor([prompt]),
        attention_mask=torch.ones((1, len(prompt)), dtype=torch.long),
        max_new_tokens=longest,
        do_sample=False,
        eos_token_id=sorted(stops) or None,
        pad_token_id=0,
    )
    return [int(token) for token in produced[0, len(prompt) :]]


@pytest.mark.parametrize("shared", [0, 1, 9])
def test_it_equals_decoding_one_by_one(model: Any, shared: int) -> None:
    chance = random.Random(shared)
    beginning = [chance.randrange(256) for _ in range(shared)]
    prompts = [beginning + [chance.randrange(256) for _ in range(chance.randrange(1, 12))] for _ in range(7)]
    stops = set(range(0, 256, 9))  # many, so that rows end at different times
    produced = GreedyDecoder(model, prompts, "cpu").decode(prompts, stops, 15)
    assert produced == [one_by_one(model, prompt, stops, 15) for prompt in prompts]


def test_the_shared_beginning_is_computed_once(model: Any) -> None:
    sizes: list[tuple[int, ...]] = []
    model.model.register_forward_pre_hook(
        lambda _m, _a, kwargs: sizes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    prompts = [[1, 2, 3, 4, 5, end] for end in (6, 7, 8)]
    GreedyDecoder(model, prompts, "cpu").decode(prompts, set(), 1)
    assert sizes == [(1, 5), (3, 1)]


def test_batches_of_one_decoder_do_not_disturb_each_other(model: Any) -> None:
    prompts = [[9, 9, 9, end] for end in range(6)]
    decoder = GreedyDecoder(model, prompts, "cpu")
    together = decoder.decode(prompts, set(), 8)
    assert decoder.decode(prompts[:2], set(), 8) + decoder.decode(prompts[2:], set(), 8) == together


def test_a_window_of_the_past_is_not_shared(model: Any) -> None:
    model.config.sliding_window = 64
    model.config.layer_types = ["sliding_attention"] * model.config.num_hidden_layers
    sizes: list[tuple[int, ...]] = []
    model.model.register_forward_pre_hook(
        lambda _m, _a, kwargs: sizes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    GreedyDecoder(model, [[1, 2, 3], [1, 2, 4]], "cpu")
    assert sizes == []


SIZES = {
    "vocab_size": 99,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
FAMILIES: dict[str, PretrainedConfig] = {
    "lfm2": Lfm2Config(
        **SIZES, layer_types=["conv", "full_attention", "conv"], block_auto_adjust_ff_dim=False
    ),
    "falcon_h1": FalconH1Config(
        **SIZES, mamba_d_ssm=64, mamba_n_heads=8, mamba_d_head=8, mamba_n_groups=1, mamba_d_state=16
    ),
    "mamba": MambaConfig(vocab_size=99, hidden_size=32, num_hidden_layers=2, state_size=8),
    # Windows and distances that count places in the cache rather than positions.
    "gpt_neo": GPTNeoConfig(
        vocab_size=99,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        window_size=8,
        max_position_embeddings=256,
    ),
    "mpt": MptConfig(vocab_size=99, d_model=32, n_heads=4, n_layers=2, max_seq_len=256),
}


def random_model(config: PretrainedConfig) -> Any:
    """A random model whose matrices are large enough that a wrong cache gives other tokens."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    return model


@pytest.mark.parametrize("shared", [0, 9])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_equals_decoding_one_by_one_in_every_family(family: str, shared: int) -> None:
    model = random_model(FAMILIES[family])
    chance = random.Random(shared)
    beginning = [chance.randrange(3, 99) for _ in range(shared)]
    prompts = [beginning + [chance.randrange(3, 99) for _ in range(length)] for length in (3, 9, 4, 14, 1)]
    # Tokens that end two of the answers early.
    endless = [one_by_one(model, prompt, set(), 12) for prompt in prompts]
    stops = {endless[1][3], endless[3][6]}
    produced = GreedyDecoder(model, prompts, "cpu").decode(prompts, stops, 12)
    assert produced == [one_by_one(model, prompt, stops, 12) for prompt in prompts]
    assert len(produced[1]) <= 4


def test_a_model_that_keeps_its_state_in_itself_is_refused() -> None:
    config = RecurrentGemmaConfig(**{**SIZES, "lru_width": 32, "attention_window_size": 8})
    prompts = [[5, 6, 7], [8, 9]]
    with pytest.raises(AnsweringError) as caught:
        GreedyDecoder(random_model(config), prompts, "cpu").decode(prompts, set(), 4)
    assert caught.value.code == "generate.no_cache"
    assert "recurrent_gemma" in caught.value.message


def test_an_answer_ends_where_the_models_context_does() -> None:
    model = random_model(GPT2Config(vocab_size=99, n_embd=32, n_layer=2, n_head=4, n_positions=16))
    prompts = [[5] * 3, [6] * 12, [7] * 16, [8] * 20]
    produced = GreedyDecoder(model, prompts, "cpu").decode(prompts, set(), 8)
    assert [len(tokens) for tokens in produced] == [8, 4, 0, 0]
