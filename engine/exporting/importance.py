"""Which weights matter for a task: how large the inputs of each matrix are on the task's own training text.

Rounding a weight changes the output by its error times its input, so quantisers weigh each column of a matrix by
the mean square of that input (llama.cpp's importance matrix).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from engine.errors import Words
from engine.exporting.errors import ExportError
from engine.models.load import load_causal_lm

if TYPE_CHECKING:
    from engine.exporting.families.family import Family
    from engine.models.device import Device
    from engine.progress import Reporter

Importance = dict[str, np.ndarray[Any, np.dtype[np.float32]]]

_LAYER: Final = re.compile(r"\.layers\.(\d+)\.")


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
        For each matrix that was used: the mean square of each column's input, float32; for experts of shape
        (experts, columns).

    Raises:
        ExportError: There is no text.
    """
    model = load_causal_lm(base, device)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter)).eval()
    wanted = set(names)
    sums = _SquareSums()
    handles = []
    for module_name, module in model.named_modules():
        hook = _hook(family, module_name, module, wanted, sums)
        if hook is not None:
            handles.append(module.register_forward_pre_hook(hook))
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
    if unused := sums.unused():
        reporter.decision(
            "importance",
            Words("{unused} experts as their neighbours", unused=unused),
            "the training text did not reach them; they take the mean of their layer's",
        )
    return sums.means()


class _SquareSums:
    """Sums of squares of the inputs of matrices, by their names in the GGUF file; experts are counted one by one."""

    def __init__(self) -> None:
        #: Of shape (experts, columns) and (experts,); one row for what is no expert.
        self._sums: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def add(self, name: str, rows: torch.Tensor, *, expert: int = 0, experts: int = 1) -> None:
        """Count inputs of shape (rows, columns) in."""
        rows = rows.detach().float()
        if name not in self._sums:
            self._sums[name] = rows.new_zeros(experts, rows.shape[-1]), rows.new_zeros(experts)
        total, count = self._sums[name]
        total[expert] += rows.square().sum(dim=0)
        count[expert] += len(rows)

    def unused(self) -> int:
        """How many experts saw nothing (each of its matrices counts for one)."""
        return sum(int((count == 0).sum()) for _, count in self._sums.values())

    def means(self) -> Importance:
        """Mean squares per column; of an expert that saw nothing, those of all experts of its layer together."""
        found = {}
        for name, (total, count) in self._sums.items():
            shared = total.sum(dim=0) / count.sum()
            means = torch.where(count[:, None] > 0, total / count.clamp(min=1)[:, None], shared)
            found[name] = (means if len(means) > 1 else means[0]).cpu().numpy()
        return found


def _hook(
    family: Family, name: str, module: torch.nn.Module, wanted: set[str], sums: _SquareSums
) -> Callable[..., None] | None:
    """What listens to a module's inputs; None where it has no matrix of the file."""
    if isinstance(module, torch.nn.Linear):
        matrix = _tensor_name(family, name, wanted)
        return None if matrix is None else _linear(matrix, sums)
    layer = _LAYER.search(name)
    if layer is not None and isinstance(getattr(module, "gate_up_proj", None), torch.nn.Parameter):
        names = [f"blk.{layer[1]}.ffn_{part}_exps.weight" for part in ("gate", "up", "down")]
        return _experts(names, sums) if wanted.issuperset(names) else None
    return None


def _linear(name: str, sums: _SquareSums) -> Callable[..., None]:
    def listen(_module: Any, inputs: tuple[Any, ...]) -> None:
        sums.add(name, inputs[0].reshape(-1, inputs[0].shape[-1]))

    return listen


def _experts(names: Sequence[str], sums: _SquareSums) -> Callable[..., None]:
    """For transformers' experts, which keep all matrices of a layer as two parameters.

    What the last matrix sees is nobody's input, so that it is computed here once more.
    """
    gate_name, up_name, down_name = names

    def listen(module: Any, inputs: tuple[Any, ...]) -> None:
        hidden, chosen = inputs[0].reshape(-1, inputs[0].shape[-1]), inputs[1]
        count = len(module.gate_up_proj)
        for expert in chosen.unique().tolist():
            if expert >= count:  # stands for none
                continue
            rows = hidden[(chosen == expert).any(dim=-1)]
            gate, up = torch.nn.functional.linear(rows, module.gate_up_proj[expert]).chunk(2, dim=-1)
            for name, seen in ((gate_name, rows), (up_name, rows), (down_name, module.act_fn(gate) * up)):
                sums.add(name, seen, expert=expert, experts=count)

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
