"""Where in the base an adapter is put."""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers.pytorch_utils import Conv1D

from engine.errors import Words
from engine.progress import Reporter
from engine.training.spec import TrainRecipe


def add_adapter(model: Any, recipe: TrainRecipe, reporter: Reporter) -> Any:
    """Put a new LoRA adapter into the modules of ``model``; returns PEFT's wrapper around it.

    Args:
        model: A transformers causal language model.
        recipe: Its size, and which layers.
        reporter: Hears what is left out.
    """
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=recipe.lora_rank,
            lora_alpha=recipe.lora_alpha,
            lora_dropout=recipe.lora_dropout,
            **targets(model, recipe.lora_layers),
            task_type="CAUSAL_LM",
        ),
    )
    if _fused_mixers(model):
        reporter.decision(
            "adapter",
            Words("without the ends of Mamba's mixers"),
            "their fused computation would pass it over",
        )
    experts = [name for name, _ in model.named_parameters() if "expert" in name]
    if experts and not any("lora_" in name for name in experts):
        reporter.decision(
            "adapter",
            Words("without the experts"),
            "they are stored as one tensor, which is adapted only in some families and with lora_layers = 1",
        )
    return adapted


def targets(model: Any, share: float) -> dict[str, Any]:
    """The part of a LoRA configuration that says which modules are adapted.

    All linear layers but the head; with a share below 1 only those of the upper blocks. What lies below the
    lowest adapter needs no gradient, so it is computed forward only.

    Args:
        model: A transformers causal language model.
        share: Share of its blocks, from the top; at least one is adapted.
    """
    excluded = {"exclude_modules": fused} if (fused := _fused_mixers(model)) else {}
    if share >= 1.0:
        return {"target_modules": "all-linear", **excluded}
    head = model.get_output_embeddings()
    names = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    }
    layers = int(model.config.get_text_config().num_hidden_layers)
    adapted = max(round(layers * share), 1)
    return {
        "target_modules": sorted(names),
        "layers_to_transform": list(range(layers - adapted, layers)),
        **excluded,
    }


def _fused_mixers(model: Any) -> list[str]:
    """Projections of Mamba mixers whose weights are used without the module being called."""
    found = {
        f"{name.rpartition('.')[2]}.{projection}"
        for name, module in model.named_modules()
        if hasattr(module, "A_log") and hasattr(module, "D")
        for projection in ("dt_proj", "out_proj")
        if hasattr(module, projection)
    }
    return sorted(found)
