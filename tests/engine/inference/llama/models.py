"""A tiny random model as a folder and as a GGUF file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.exporting import vocabulary
from engine.exporting.plan import plan_gguf
from engine.exporting.quantisations import quantisation
from engine.exporting.writing import write_gguf
from tests.tiny import tiny_model
from tests.tiny_families import merge_bytes

CONTEXT = 256


def tiny_gguf(place: Path, *, context: int = CONTEXT, seed: int = 3, form: str = "f32") -> tuple[Path, Path]:
    """Write the model below ``place``; returns the folder and the file, in 32 bits unless told otherwise."""
    folder = tiny_model(place / "tiny", seed=seed, hidden=64, layers=3, context=context)
    merge_bytes(folder)
    file = place / "tiny.gguf"
    with pytest.MonkeyPatch.context() as patch:
        # Its tokenizer is known to nobody by its hash; bytes that nothing merges are split alike by all.
        patch.setattr(vocabulary, "pre_tokenizer", lambda tokenizer, folder: "gpt-2")
        write_gguf(plan_gguf(folder, quantisation(form)), file, name="tiny")
    return folder, file


def one_by_one_of_file(
    file: Path,
    asked: Sequence[list[int]],
    stops: set[int],
    longest: int,
    context: int,
    threads: int | None = None,
) -> list[tuple[list[int], list[float]]]:
    """Greedy answers by the high-level binding, and by how much each token led before the second."""
    from llama_cpp import Llama

    binding = Llama(str(file), n_ctx=context, n_threads=threads, logits_all=True, verbose=False)
    found = []
    for prompt in asked:
        answer: list[int] = []
        gaps: list[float] = []
        binding.reset()
        feed = prompt
        while len(answer) < longest and len(prompt) + len(answer) < context:
            binding.eval(feed)
            scores = binding.scores[binding.n_tokens - 1]
            second, first = np.sort(np.partition(scores, -2)[-2:])
            gaps.append(float(first - second))
            feed = [int(np.argmax(scores))]
            if feed[0] in stops:
                break
            answer += feed
        found.append((answer, gaps))
    binding.close()
    return found
