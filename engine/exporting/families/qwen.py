"""Qwen 2, 2.5 and 3, dense and with experts."""

from __future__ import annotations

from gguf import MODEL_ARCH, GGUFWriter

from engine.exporting.families.family import Family
from engine.exporting.vocabulary import Vocabulary, sentence_pieces


class Qwen2(Family):
    """Qwen 2 and 2.5."""

    arch = MODEL_ARCH.QWEN2

    def vocabulary(self) -> Vocabulary:
        """Byte pairs; some models built on Qwen bring SentencePiece."""
        size = self.config.get("vocab_size")
        return sentence_pieces(self.folder, size) or self.byte_pairs()


class Qwen3(Qwen2):
    """Qwen 3."""

    arch = MODEL_ARCH.QWEN3


class Qwen2Moe(Family):
    """Qwen 1.5 and 2 with experts."""

    arch = MODEL_ARCH.QWEN2MOE

    def add_keys(self, writer: GGUFWriter) -> None:
        """As all, and the sizes of the experts."""
        super().add_keys(writer)
        if (length := self.config.get("moe_intermediate_size")) is not None:
            writer.add_expert_feed_forward_length(length)
        if (length := self.config.get("shared_expert_intermediate_size")) is not None:
            writer.add_expert_shared_feed_forward_length(length)


class Qwen3Moe(Qwen2Moe):
    """Qwen 3 with experts."""

    arch = MODEL_ARCH.QWEN3MOE
