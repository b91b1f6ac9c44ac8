"""Which weights matter for a task: how large the inputs of each matrix are on the task's own training text.

Rounding a weight changes the output by its error times its input, so quantisers weigh each column of a matrix by
the mean square of that input (llama.cpp's importance matrix).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from engine.exporting.errors import ExportError
from engine.models.load import load_causal_lm

if TYPE_CHECKING:
    from engine.exporting.families.family import Family
    from engine.models.device import Device
    from engine.progress import Reporter

Importance = dict[str, np.ndarray[Any, np.dtype[np.float32]]]


def measure_importance(
    family: Family,
    base: Path,
    adapter: Path | None,
    texts: Iterable[list[int]],
    device: Device,
    reporter: Reporter,
    *,
    names: Iterable[str],
) -> Importance:
    """Run texts through a model and take the mean square of the inputs of its matrices.

    Args:
        family: Knows what llama.cpp calls the matrices.
        base: Folder of the full weights.
        adapter: Folder of the adapter, if there is one.
        texts: Tokens of whole examples.
        device: Where to run.
        reporter: Hears about progress, and may interrupt.
        names: The GGUF file's tensors; of others nothing is told.

    Returns:
        For each matrix that was used: the mean square of each column's input, float32.

    Raises:
        ExportError: There is no text.
    """
    model = load_causal_lm(base, device)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter)).eval()
    wanted = set(names)
    sums: dict[str, torch.Tensor] = {}
    counts: dict[str, int] = {}
    handles = []
    for module_name, module in model.named_modules():
        name = _tensor_name(family, module_name, wanted) if isinstance(module, torch.nn.Linear) else None
        if name is not None:
            handles.append(module.register_forward_pre_hook(_listener(name, sums, counts)))
    done = 0
    try:
        with torch.inference_mode():
            for ids in texts:
                reporter.check()
                model(torch.tensor([ids], device=device.name))
                done += 1
                reporter.progress(done, None, "texts")
    finally:
        for handle in handles:
            handle.remove()
    if not done:
        raise ExportError(
            "export.no_text",
            "There is no training text to measure which weights matter.",
            fix="Name a dataset with training examples by --dataset.",
        )
    return {name: (total / counts[name]).float().cpu().numpy() for name, total in sums.items()}


def _listener(name: str, sums: dict[str, torch.Tensor], counts: dict[str, int]) -> Any:
    def listen(_module: Any, inputs: tuple[Any, ...]) -> None:
        rows = inputs[0].detach().reshape(-1, inputs[0].shape[-1]).float()
        total = rows.square().sum(dim=0)
        sums[name] = sums[name] + total if name in sums else total
        counts[name] = counts.get(name, 0) + len(rows)

    return listen


def _tensor_name(family: Family, module: str, wanted: set[str]) -> str | None:
    """What the GGUF file calls a layer's matrix; None for one that it does not have."""
    if ".lora_" in module:
        return None
    plain = module.removeprefix("base_model.model.").replace(".base_layer", "")
    try:
        name = family.renamed(f"{plain}.weight")
    except ExportError:
        return None
    if name == "output.weight" and name not in wanted:
        return "token_embd.weight"  # the head is the embedding
    return name if name in wanted else None
