"""Where in the base an adapter is put."""

from __future__ import annotations

from typing import Any

import torch


def targets(model: Any, share: float) -> dict[str, Any]:
    """The part of a LoRA configuration that says which modules are adapted.

    All linear layers but the head; with a share below 1 only those of the upper blocks. What lies below the
    lowest adapter needs no gradient, so it is computed forward only.

    Args:
        model: A transformers causal language model.
        share: Share of its blocks, from the top; at least one is adapted.
    """
    if share >= 1.0:
        return {"target_modules": "all-linear"}
    head = model.get_output_embeddings()
    names = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    layers = int(model.config.get_text_config().num_hidden_layers)
    adapted = max(round(layers * share), 1)
    return {"target_modules": sorted(names), "layers_to_transform": list(range(layers - adapted, layers))}
