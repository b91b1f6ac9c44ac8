"""The likelihood of an answer is that which transformers computes in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.inference.llama.model import LlamaModel
from engine.inference.llama.scoring import log_likelihoods
from tests.engine.inference.llama.models import CONTEXT, tiny_gguf


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tiny_gguf(tmp_path_factory.mktemp("model"), context=1400)


@torch.inference_mode()
def expected(reference: torch.nn.Module, prompt: list[int], answer: list[int]) -> float:
    logits = reference(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
    rows = range(len(prompt) - 1, len(prompt) + len(answer) - 1)
    return float(sum(logits[row, token] for row, token in zip(rows, answer, strict=True)))


@pytest.mark.parametrize("shared", [0, 30])
def test_many_pairs_and_long_ones(shared: int, model: tuple[Path, Path]) -> None:
    folder, file = model
    random = np.random.default_rng(1)
    beginning = random.integers(0, 256, shared).tolist()
    lengths = [*random.integers(1, 40, 90), 700, 5, 1200]
    pairs = [
        (
            beginning + random.integers(0, 256, length).tolist(),
            random.integers(0, 256, random.integers(1, 12)).tolist(),
        )
        for length in lengths
    ]
    pairs.append((beginning + [1] * 3, random.integers(0, 256, 600).tolist()))
    reference = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).eval()
    with LlamaModel(file) as loaded:
        found = log_likelihoods(loaded, pairs, threads=1)
    wanted = [expected(reference, prompt, answer) for prompt, answer in pairs]
    lengths_of_answers = [len(answer) for _, answer in pairs]
    errors = np.abs(np.subtract(found, wanted)) / lengths_of_answers
    assert errors.max() < 5e-3  # a token; llama.cpp keeps the cache in 16 bits


def test_what_exceeds_the_context_is_impossible(tmp_path: Path) -> None:
    _, file = tiny_gguf(tmp_path)
    with LlamaModel(file) as loaded:
        found = log_likelihoods(loaded, [([1] * CONTEXT, [2]), ([1, 2], [3])], threads=1)
        assert log_likelihoods(loaded, []) == []
    assert found[0] == float("-inf")
    assert np.isfinite(found[1])
