"""OLMo by the Allen Institute: 1, 2, 3 and OLMoE."""

from __future__ import annotations

from gguf import MODEL_ARCH, GGUFWriter

from engine.exporting.families.family import Family


class Olmo(Family):
    """OLMo 1, whose norms have no weights."""

    arch = MODEL_ARCH.OLMO
    rotates_neighbours = True

    def add_keys(self, writer: GGUFWriter) -> None:
        """As all, and where queries, keys and values are clipped."""
        super().add_keys(writer)
        writer.add_layer_norm_eps(1e-5)
        if (limit := self.config.get("clip_qkv")) is not None:
            writer.add_clamp_kqv(limit)


class Olmo2(Family):
    """OLMo 2 and 3; in the third, most layers see a window."""

    arch = MODEL_ARCH.OLMO2

    def add_keys(self, writer: GGUFWriter) -> None:
        """As all, and the window with the layers that it holds for."""
        super().add_keys(writer)
        if (window := self.config.get("sliding_window")) is None:
            return
        writer.add_sliding_window(window)
        kinds = self.config.get("layer_types") or [
            "full_attention" if number % 4 == 0 else "sliding_attention"
            for number in range(1, self.config.layers + 1)
        ]
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in kinds])


class Olmoe(Family):
    """OLMoE."""

    arch = MODEL_ARCH.OLMOE

    def add_keys(self, writer: GGUFWriter) -> None:
        """As all, with the epsilon that its norms have."""
        super().add_keys(writer)
        writer.add_layer_norm_rms_eps(1e-5)
