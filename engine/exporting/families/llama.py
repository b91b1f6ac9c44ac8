"""Llama and the many models built like it: Mistral, Mixtral, SmolLM 2 and 3."""

from __future__ import annotations

import math

import numpy as np
from gguf import MODEL_ARCH, GGUFWriter

from engine.exporting.families.family import Family
from engine.exporting.tensors import Output
from engine.exporting.vocabulary import Vocabulary, llama_pieces, sentence_pieces
from engine.files import read_json

#: The vocabulary of the models for code by IBM and Hugging Face, which put no token before a text.
_CODE_VOCABULARY = 49152
#: That of Code Llama, with the tokens for filling in.
_CODE_LLAMA_VOCABULARY = 32016
_CODE_LLAMA_TOKENS = {"prefix": 32007, "suffix": 32008, "middle": 32009, "eot": 32010}


class Llama(Family):
    """Llama 1 to 3, Mistral, Mixtral."""

    arch = MODEL_ARCH.LLAMA
    rotates_neighbours = True

    def vocabulary(self) -> Vocabulary:
        """SentencePiece where there is its file; else what ``tokenizer.json`` holds."""
        size = self.config.get("vocab_size")
        vocabulary = sentence_pieces(self.folder, size) or llama_pieces(self.folder) or self.byte_pairs()
        config = read_json(self.folder / "tokenizer_config.json") or {}
        if (prefix := config.get("add_prefix_space")) is not None:
            vocabulary.space_prefix = bool(prefix)
        if size == _CODE_LLAMA_VOCABULARY:
            vocabulary.more_ids.update(_CODE_LLAMA_TOKENS)
        if size == _CODE_VOCABULARY:
            vocabulary.add_bos = False
        return vocabulary

    def add_keys(self, writer: GGUFWriter) -> None:
        """As all, and the size of the vocabulary and of the rotary embedding."""
        super().add_keys(writer)
        writer.add_vocab_size(self.config.require("vocab_size"))
        writer.add_rope_dimension_count(self.config.head_width)

    def constants(self) -> list[Output]:
        """The factors by which Llama 3 stretches low frequencies."""
        rope = self.config.global_rope
        if str(rope.get("rope_type", "")).lower() != "llama3":
            return []
        factors = _llama3_factors(
            self.config.head_width,
            theta=rope.get("rope_theta", 10000.0),
            factor=rope.get("factor", 8.0),
            low=rope.get("low_freq_factor", 1.0),
            high=rope.get("high_freq_factor", 4.0),
            trained=rope.get("original_max_position_embeddings", 8192),
        )
        return [Output("rope_freqs.weight", factors.shape, constant=factors)]


class SmolLm3(Llama):
    """SmolLM 3: a Llama of which some layers have no rotary embedding, as llama.cpp knows by its kind."""

    arch = MODEL_ARCH.SMOLLM3


def _llama3_factors(
    width: int, *, theta: float, factor: float, low: float, high: float, trained: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """By how much each frequency is divided (Llama 3.1's rotary embedding): none of the high, all of the low ones.

    Args:
        width: Of a head.
        theta: Base of the frequencies.
        factor: By which the context was stretched.
        low: Waves longer than ``trained / low`` are divided by ``factor``.
        high: Waves shorter than ``trained / high`` stay; between both it is interpolated.
        trained: Context before stretching, in tokens.
    """
    import torch

    frequencies = 1.0 / (theta ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
    factors = []
    for wave in (2 * math.pi / frequencies).unbind():
        if wave < trained / high:
            factors.append(torch.tensor(1.0))
        elif wave > trained / low:
            factors.append(torch.tensor(float(factor)))
        else:
            smooth = (trained / wave - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    result: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = torch.stack(factors).float().numpy()
    return result
