"""Granite by IBM, dense and with experts."""

from __future__ import annotations

from typing import Final

from gguf import MODEL_ARCH, GGUFWriter

from engine.exporting.families.llama import Llama
from engine.exporting.tensors import Output, Shape, copied, halves

_SCALES: Final = (
    ("add_attention_scale", "attention_multiplier"),
    ("add_embedding_scale", "embedding_multiplier"),
    ("add_residual_scale", "residual_multiplier"),
    ("add_logit_scale", "logits_scaling"),
)


class Granite(Llama):
    """Granite 3: Llama with scaled attention, embedding, residuals and logits."""

    arch = MODEL_ARCH.GRANITE

    def add_keys(self, writer: GGUFWriter) -> None:
        """As Llama without a width of heads, and the scales."""
        self.config.forget("head_dim")
        super().add_keys(writer)
        for add, name in _SCALES:
            if value := self.config.get(name):
                getattr(writer, add)(value)


class GraniteMoe(Granite):
    """Granite 3 with experts; gate and up are stored as one."""

    arch = MODEL_ARCH.GRANITE_MOE

    def add_keys(self, writer: GGUFWriter) -> None:
        """As Granite, and the size of the expert that all tokens share."""
        super().add_keys(writer)
        if length := self.config.get("shared_intermediate_size"):
            writer.add_expert_shared_feed_forward_length(length)

    def place(self, name: str, shape: Shape) -> list[Output]:
        """Gate and up are told apart."""
        layer = next((part for part in name.split(".") if part.isdecimal()), "")
        shared = "_shexp" if self.config.experts else ""
        if name.endswith("block_sparse_moe.input_linear.weight"):
            return halves(
                (f"blk.{layer}.ffn_gate_exps.weight", f"blk.{layer}.ffn_up_exps.weight"), name, shape
            )
        if name.endswith("shared_mlp.input_linear.weight"):
            names = (f"blk.{layer}.ffn_gate{shared}.weight", f"blk.{layer}.ffn_up{shared}.weight")
            return halves(names, name, shape)
        if name.endswith("shared_mlp.output_linear.weight") and not shared:
            return [copied(f"blk.{layer}.ffn_down.weight", name, shape)]
        return super().place(name, shape)
