"""What a merge will take: disk, memory and, where it was measured on this machine, time. Reads no tensor."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.merging.errors import Finding, warning
from engine.merging.method_table import CONSENSUS_METHODS
from engine.merging.pace import expected_seconds
from engine.merging.plan import MergePlan, TensorPlan
from engine.weights.formats import dtype_name, element_bytes

#: Bytes of a worker that has torch loaded and merges nothing yet; measured.
_WORKER: Final = 260_000_000


@dataclass(frozen=True)
class Forecast:
    """What a merge will take.

    Attributes:
        nbytes: Of the result, on the disk.
        free: Bytes that are free on that disk.
        memory: Bytes of memory at the height of the merge, an estimate.
        available: Bytes of memory that are free now.
        seconds: From its start to the finished model; None: no such merge was measured on this machine.
    """

    nbytes: int
    free: int
    memory: int
    available: int
    seconds: float | None

    def as_dict(self) -> dict[str, Any]:
        """The forecast as JSON."""
        return {
            "bytes": self.nbytes,
            "free_bytes": self.free,
            "memory_bytes": self.memory,
            "available_memory_bytes": self.available,
            "seconds": None if self.seconds is None else round(self.seconds, 1),
        }


def forecast(plan: MergePlan, folder: Path, threads: int, *, noted: Path | None = None) -> Forecast:
    """What a merge will take.

    Args:
        plan: The merge.
        folder: Where the result goes; need not exist yet.
        threads: Tensors computed at a time.
        noted: Where earlier merges were noted (see `engine.merging.pace`).
    """
    around = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
    return Forecast(
        nbytes=plan.nbytes,
        free=shutil.disk_usage(around).free,
        memory=memory_to_merge(plan, threads),
        available=free_memory(),
        seconds=expected_seconds(plan.recipe.merge_method, threads, work_of(plan), noted),
    )


def free_memory() -> int:
    """Bytes of this machine's memory that are free; a merge needs no GPU."""
    import psutil

    return int(psutil.virtual_memory().available)


def work_of(plan: MergePlan) -> int:
    """Numbers that a merge reads and writes."""
    return sum(_numbers(tensor) * (len(tensor.sources) + 1) for tensor in plan.tensors)


def memory_to_merge(plan: MergePlan, threads: int) -> int:
    """Bytes of memory at the height of a merge: tensors that stand side by side in it, and the worker itself."""
    needs = [_bytes_of(plan, tensor) for tensor in plan.tensors]
    beside = max(1, threads)
    height = max((sum(needs[at : at + beside]) for at in range(len(needs))), default=0)
    return _WORKER + height


def check_memory(found: Forecast) -> list[Finding]:
    """A warning where the memory may not do."""
    if found.memory <= found.available:
        return []
    return [
        warning(
            "merge.memory_short",
            "The merge needs about {need} MB of memory, and {free} MB are free now.",
            "Close other programs first, or merge one tensor at a time.",
            need=math.ceil(found.memory / 1e6),
            free=found.available // 1_000_000,
        )
    ]


def _numbers(tensor: TensorPlan) -> int:
    return math.prod(tensor.output.shape)


def _bytes_of(plan: MergePlan, tensor: TensorPlan) -> int:
    """Bytes that stand in memory while a tensor is computed."""
    numbers, stored = _numbers(tensor), tensor.output.nbytes
    if tensor.copied:
        return len(tensor.sources) * stored
    named = plan.recipe.dtype or dtype_name(plan.dtype)
    wide = element_bytes(plan.dtype) if plan.recipe.arithmetic == "dtype" or named == "float64" else 4
    # Most methods compute in place of an input; where signs are counted, the counts stand beside them.
    copies = 1 if plan.recipe.merge_method in CONSENSUS_METHODS else 0
    read = max(
        element_bytes(plan.models[source.model].source.dtype(source.name)) for source in tensor.sources
    )
    return numbers * (wide * (len(tensor.sources) + copies) + read) + stored
