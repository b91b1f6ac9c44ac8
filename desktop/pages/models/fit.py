"""Whether this machine can train or run a model. Knows no Qt."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, Literal

import psutil

from desktop.language import tr
from engine.models.gpu_now import gpu_here
from engine.models.inspect import ModelInfo
from engine.models.memory import memory_to_run, memory_to_train

#: What a model can do on a machine; empty: that is not known.
Fit = Literal["", "train", "run", "none"]

TONES: Final[dict[Fit, Literal["", "good", "warn", "bad"]]] = {
    "": "",
    "train": "good",
    "run": "warn",
    "none": "bad",
}


@dataclass(frozen=True)
class Room:
    """Where models can be held.

    Attributes:
        memory: Bytes of the machine's memory.
        gpu: Name of its GPU; empty where it has none.
        gpu_memory: Bytes of the GPU's memory.
    """

    memory: int
    gpu: str = ""
    gpu_memory: int = 0

    def fit(self, info: ModelInfo) -> Fit:
        """What a model can do here, with some room left for everything else."""
        train = to_train(info)
        if train < (0.9 * self.gpu_memory if self.gpu else 0.8 * self.memory):
            return "train"
        return "run" if to_run(info) < 0.8 * max(self.memory, self.gpu_memory) else "none"

    def words(self, fit: Fit) -> str:
        """That in a sentence."""
        if fit == "train" and self.gpu:
            return tr("Can be trained and run on this machine's {gpu}.", gpu=self.gpu)
        return {
            "": "",
            "train": tr("Can be trained and run on this machine ({cores} cores).", cores=os.cpu_count() or 1),
            "run": tr("Can be run on this machine, not trained."),
            "none": tr("Does not fit into this machine's memory."),
        }[fit]


def room_here() -> Room:
    """What this machine has."""
    gpu, memory = gpu_here(), psutil.virtual_memory().total
    return Room(memory) if gpu is None else Room(memory, gpu.name, gpu.memory)


def short_words(fit: Fit) -> str:
    """Whether a model fits, in a word or two."""
    return {"": "", "train": tr("yes"), "run": tr("to run"), "none": tr("no")}[fit]


def to_run(info: ModelInfo) -> int:
    """Bytes of memory that a model needs to answer."""
    return memory_to_run(info, dtype="bfloat16")


def to_train(info: ModelInfo) -> int:
    """Bytes of memory that a model needs to be trained as QLoRA does."""
    return memory_to_train(info, method="qlora", dtype="bfloat16", lora_rank=16, tokens_per_step=4096)
