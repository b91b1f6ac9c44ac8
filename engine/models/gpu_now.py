"""How busy the first of NVIDIA's GPUs is: told by its driver's own program, so that nothing heavy is loaded."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Final

from engine.models.speed import has_driver

_QUERY: Final = "name,utilization.gpu,memory.used,memory.total"
_MIB: Final = 1 << 20
#: Seconds within which the driver has to answer.
_PATIENCE: Final = 3


@dataclass(frozen=True)
class GpuNow:
    """A GPU at a moment.

    Attributes:
        load: From 0 to 1; 0 where the driver does not tell.
        used: Bytes of its memory that are taken.
        memory: All of them.
    """

    name: str
    load: float
    used: int
    memory: int


def gpu_now() -> GpuNow | None:
    """The first GPU; None where there is none, or its driver does not answer."""
    if not has_driver():
        return None
    command = ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=True)
        name, load, used, memory = ran.stdout.splitlines()[0].rsplit(",", 3)
        return GpuNow(name.strip(), _number(load) / 100, int(used) * _MIB, int(memory) * _MIB)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def _number(text: str) -> float:
    """A figure, or 0 for what the driver calls not available."""
    try:
        return float(text)
    except ValueError:
        return 0.0


@cache
def gpu_here() -> GpuNow | None:
    """The same, asked once: for what does not change."""
    return gpu_now()
