"""Checkpoints: everything a run needs to go on as if it had never been interrupted."""

from __future__ import annotations

import random
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

from engine.files import new_folder, read_json, write_json


@dataclass
class Position:
    """Where a run stands.

    Attributes:
        step: Optimiser steps done.
        losses: Mean training loss of each step, in nats per token.
        evaluations: ``[step, loss]`` of each evaluation.
        best_loss: Lowest evaluation loss so far; None before the first.
        seconds: Spent training in earlier attempts.
        tokens: Tokens trained on so far (padding not counted).
        examples: Examples seen so far.
        loss_scale: State of the gradient scaler; empty but in float16.
    """

    step: int = 0
    losses: list[float] = field(default_factory=list)
    evaluations: list[list[float]] = field(default_factory=list)
    best_loss: float | None = None
    seconds: float = 0.0
    tokens: int = 0
    supervised: int = 0
    examples: int = 0
    loss_scale: dict[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one run, in its job directory.

    Args:
        folder: Holds ``step-<n>`` (the newest) and ``best``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, model: Any, optimizer: torch.optim.Optimizer, position: Position) -> None:
        """Write the state after ``position.step`` steps, then remove older ones."""
        target = self._folder / f"step-{position.step}"
        if target.exists():
            return
        with new_folder(target) as folder:
            save_file(_adapter(model), folder / "adapter.safetensors")
            torch.save(optimizer.state_dict(), folder / "optimizer.pt")
            torch.save(_random_state(), folder / "random.pt")
            write_json(folder / "position.json", asdict(position))
        for other in self._steps():
            if other != target:
                shutil.rmtree(other)

    def save_best(self, model: Any) -> None:
        """Keep the adapter as the best so far."""
        temporary = self._folder / "best.partial"
        save_file(_adapter(model), temporary)
        temporary.replace(self._folder / "best.safetensors")

    def load(self, model: Any, optimizer: torch.optim.Optimizer) -> Position:
        """Put the newest state back into ``model``, ``optimizer`` and the random generators.

        Returns:
            Where the run stands: at the beginning when there is no checkpoint.
        """
        steps = self._steps()
        if not steps:
            return Position()
        folder = steps[-1]
        set_peft_model_state_dict(model, load_file(folder / "adapter.safetensors"))
        optimizer.load_state_dict(torch.load(folder / "optimizer.pt", weights_only=True))
        _restore_random(torch.load(folder / "random.pt", weights_only=True))
        return Position(**read_json(folder / "position.json"))

    def load_best(self, model: Any) -> bool:
        """Put the best adapter back into ``model``; False when none was kept."""
        file = self._folder / "best.safetensors"
        if not file.exists():
            return False
        set_peft_model_state_dict(model, load_file(file))
        return True

    def _steps(self) -> list[Path]:
        found = [path for path in self._folder.glob("step-*") if path.is_dir()]
        return sorted(found, key=lambda path: int(path.name.partition("-")[2]))


def _adapter(model: Any) -> dict[str, torch.Tensor]:
    state = get_peft_model_state_dict(model)
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}


def _random_state() -> dict[str, Any]:
    state: dict[str, Any] = {"torch": torch.get_rng_state(), "python": list(random.getstate()[1])}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _restore_random(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    random.setstate((3, tuple(state["python"]), None))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
