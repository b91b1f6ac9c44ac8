"""Gemma 1, 2 and 3 (of the last the part that reads text)."""

from __future__ import annotations

import dataclasses

from gguf import MODEL_ARCH, GGUFWriter

from engine.exporting.errors import ExportError
from engine.exporting.families.family import Family
from engine.exporting.tensors import Output, Piece, Shape
from engine.exporting.vocabulary import Vocabulary, sentence_pieces

_CODE_GEMMA_TOKENS = {"prefix": 67, "suffix": 69, "middle": 68, "fsep": 70, "eot": 107}


class Gemma(Family):
    """Gemma 1 and CodeGemma. Norms are stored as their difference from one."""

    arch = MODEL_ARCH.GEMMA

    def vocabulary(self) -> Vocabulary:
        """SentencePiece."""
        vocabulary = self._pieces()
        vocabulary.more_ids.update(_CODE_GEMMA_TOKENS)
        return vocabulary

    def add_keys(self, writer: GGUFWriter) -> None:
        """Sizes only: the rotary embedding is always the same."""
        config = self.config
        writer.add_context_length(config.require("max_position_embeddings"))
        writer.add_embedding_length(config.width)
        writer.add_block_count(config.layers)
        writer.add_feed_forward_length(config.require("intermediate_size"))
        writer.add_head_count(config.heads)
        writer.add_head_count_kv(config.kv_heads)
        writer.add_layer_norm_rms_eps(config.require("rms_norm_eps"))
        writer.add_key_length(config.require("head_dim"))
        writer.add_value_length(config.require("head_dim"))

    def skips(self, name: str) -> bool:
        """The head is always the embedding."""
        return name == "lm_head.weight"

    def place(self, name: str, shape: Shape) -> list[Output]:
        """Norms get their one back."""
        outputs = super().place(name, shape)
        if not name.endswith("norm.weight"):
            return outputs
        return [
            dataclasses.replace(output, pieces=tuple(Piece(piece.source, add=1.0) for piece in output.pieces))
            for output in outputs
        ]

    def _pieces(self) -> Vocabulary:
        vocabulary = sentence_pieces(self.folder, self.config.get("vocab_size"))
        if vocabulary is None:
            raise ExportError(
                "export.no_sentencepiece",
                "{file} lacks tokenizer.model, without which this model's tokens cannot be told.",
                fix="Copy tokenizer.model from the model's page into the folder, and add the model again.",
                file=str(self.folder),
            )
        vocabulary.space_prefix = False
        return vocabulary


class Gemma2(Gemma):
    """Gemma 2."""

    arch = MODEL_ARCH.GEMMA2

    def vocabulary(self) -> Vocabulary:
        """SentencePiece."""
        return self._pieces()

    def add_keys(self, writer: GGUFWriter) -> None:
        """As Gemma, and where logits are capped and attention is local."""
        super().add_keys(writer)
        writer.add_attn_logit_softcapping(self.config.require("attn_logit_softcapping"))
        writer.add_final_logit_softcapping(self.config.require("final_logit_softcapping"))
        writer.add_sliding_window(self.config.require("sliding_window"))


class Gemma3(Gemma):
    """Gemma 3."""

    arch = MODEL_ARCH.GEMMA3

    def vocabulary(self) -> Vocabulary:
        """SentencePiece where there is its file."""
        if (self.folder / "tokenizer.model").is_file():
            return self._pieces()
        return self.byte_pairs()

    def add_keys(self, writer: GGUFWriter) -> None:
        """As most families, with the defaults of the first configs, which say little."""
        config = self.config
        Family.add_keys(self, writer)
        writer.add_context_length(config.get("max_position_embeddings", default=131072))
        writer.add_head_count(config.get("num_attention_heads", default=8))
        writer.add_layer_norm_rms_eps(config.get("rms_norm_eps", default=1e-6))
        writer.add_key_length(config.get("head_dim", default=256))
        writer.add_value_length(config.get("head_dim", default=256))
        writer.add_rope_freq_base(config.global_rope.get("rope_theta", 1_000_000.0))
        if cap := config.get("final_logit_softcapping"):
            writer.add_final_logit_softcapping(cap)
        if config.get("sliding_window_pattern") != 1:
            writer.add_sliding_window(config.require("sliding_window"))
        writer.add_head_count_kv(config.get("num_key_value_heads", default=4))

    def skips(self, _name: str) -> bool:
        """A head of its own is kept."""
        return False

    def place(self, name: str, shape: Shape) -> list[Output]:
        """Rows of the embedding that stand for no token are left out."""
        outputs = super().place(name, shape)
        if not name.endswith("embed_tokens.weight"):
            return outputs
        rows = min(shape[0], len(self.vocabulary().tokens))
        return [Output(output.name, (rows, *shape[1:]), (Piece(name, rows=(0, rows)),)) for output in outputs]
