"""Phi 3 and 4, dense and with experts."""

from __future__ import annotations

import math

import numpy as np
from gguf import MODEL_ARCH, GGUFWriter

from engine.exporting.errors import WAY_OUT, ExportError
from engine.exporting.families.family import Family
from engine.exporting.tensors import Output
from engine.exporting.vocabulary import Vocabulary, sentence_pieces
from engine.files import read_json


class Phi3(Family):
    """Phi 3, 3.5 and 4."""

    arch = MODEL_ARCH.PHI3

    def vocabulary(self) -> Vocabulary:
        """SentencePiece for Phi 3, byte pairs for Phi 4."""
        size = self.config.get("vocab_size")
        config = read_json(self.folder / "tokenizer_config.json") or {}
        if config.get("tokenizer_class") == "GPT2Tokenizer":
            return self.byte_pairs()
        return sentence_pieces(self.folder, size, with_json=True) or self.byte_pairs()

    def add_keys(self, writer: GGUFWriter) -> None:
        """Sizes, the rotary embedding and its stretching."""
        config, rope = self.config, self.config.rope
        writer.add_context_length(self._longest)
        writer.add_rope_scaling_orig_ctx_len(self._trained)
        writer.add_embedding_length(config.width)
        writer.add_feed_forward_length(config.require("intermediate_size"))
        writer.add_block_count(config.layers)
        writer.add_head_count(config.heads)
        writer.add_head_count_kv(config.kv_heads)
        writer.add_layer_norm_rms_eps(config.require("rms_norm_eps"))
        writer.add_rope_dimension_count(self._rope_width)
        writer.add_rope_freq_base(config.global_rope["rope_theta"])
        writer.add_sliding_window(config.get("sliding_window") or 0)
        if rope.get("long_factor"):
            writer.add_rope_scaling_attn_factors(self._attention_factor())

    def constants(self) -> list[Output]:
        """By how much each frequency is divided in long and in short contexts."""
        rope, found = self.config.rope, []
        if not rope.get("long_factor"):
            return []
        for name in ("long", "short"):
            factors = np.asarray(rope.get(f"{name}_factor") or [], dtype=np.float32)
            if len(factors) != self._rope_width // 2:
                raise ExportError(
                    "export.rope_factors",
                    "The config gives {count} factors for {name} contexts, and the model needs {wanted}.",
                    fix="Download the model again; config.json is not right.",
                    count=len(factors),
                    name=name,
                    wanted=self._rope_width // 2,
                )
            found.append(Output(f"rope_factors_{name}.weight", factors.shape, constant=factors))
        return found

    @property
    def _longest(self) -> int:
        return int(self.config.require("n_positions", "max_position_embeddings"))

    @property
    def _trained(self) -> int:
        """Context before stretching, in tokens."""
        return int(
            self.config.rope.get("original_max_position_embeddings")
            or self.config.require("original_max_position_embeddings", "max_position_embeddings")
        )

    @property
    def _rope_width(self) -> int:
        share = self.config.rope.get("partial_rotary_factor", 1.0)
        return int(share * self.config.width) // self.config.heads

    def _attention_factor(self) -> float:
        """By how much attention is sharpened for the stretched context (LongRoPE, YaRN)."""
        stretch, kind = self._longest / self._trained, str(self.config.rope.get("rope_type", "")).lower()
        if kind not in ("su", "longrope", "yarn"):
            raise ExportError(
                "export.rope_unknown",
                "llama.cpp knows no rotary embedding of the kind '{kind}' in this architecture.",
                fix=WAY_OUT,
                kind=kind,
            )
        if stretch <= 1.0:
            return 1.0
        if kind == "yarn":
            return 0.1 * math.log(stretch) + 1.0
        return math.sqrt(1 + math.log(stretch) / math.log(self._trained))


class PhiMoe(Phi3):
    """Phi 3.5 with experts."""

    arch = MODEL_ARCH.PHIMOE

    def add_keys(self, writer: GGUFWriter) -> None:
        """As Phi 3, and the experts."""
        super().add_keys(writer)
        writer.add_expert_used_count(self.config.require("num_experts_per_tok", "num_experts_per_token"))
        writer.add_expert_count(self.config.require("num_local_experts", "num_experts"))
