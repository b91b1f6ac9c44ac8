"""Our batched greedy decoding gives what the library gives one prompt at a time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

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
        eos_token_id=sorted(stops),
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
