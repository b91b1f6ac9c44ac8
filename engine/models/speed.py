"""How fast this machine computes: rough figures for plans, before anything is loaded."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Final

#: Floating-point operations per second that one CPU core delivers in these loops; measured on AVX2 cores.
_CORE_FLOPS: Final = 5.0e10
#: The same for one 24-GB GPU of 2023 in bfloat16: a third of its 165 TFLOP/s. Assumed, not measured.
GPU_FLOPS: Final = 5.5e13
#: Seconds until a worker has torch, transformers, peft and a small model in memory.
START_SECONDS: Final = 6.0
#: What shows that there is a driver for NVIDIA's GPUs: on Linux, in the Windows subsystem, on Windows.
_DRIVERS: Final = (
    ("/proc/driver/nvidia/version", "/usr/lib/wsl/lib/libcuda.so.1")
    if sys.platform != "win32"
    else (rf"{os.environ.get('SYSTEMROOT', 'C:/Windows')}\System32\nvcuda.dll",)
)


def has_driver() -> bool:
    """Whether a driver for NVIDIA's GPUs is installed."""
    return any(Path(driver).exists() for driver in _DRIVERS)


@cache
def has_gpu() -> bool:
    """Whether torch can use a GPU here; torch is imported only where there is a driver at all."""
    if not has_driver():
        return False
    import torch

    return torch.cuda.is_available()


def machine_flops() -> float:
    """Floating-point operations per second to reckon with on this machine: its GPU, else all its cores."""
    return GPU_FLOPS if has_gpu() else _CORE_FLOPS * usable_cores()


def training_flops(adapted: float = 1.0) -> float:
    """Operations per weight and token in training an adapter.

    Forward 2; backward 2 through the frozen weights and 0.4 for the adapter, only in the adapted layers.

    Args:
        adapted: Share of the layers that have an adapter, from the top.
    """
    return 2.0 + 2.4 * adapted


def usable_cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> int:
    """Bytes that are free where models are computed: on the GPU, else in this machine's memory."""
    if has_gpu():
        import torch

        return int(torch.cuda.mem_get_info(0)[0])
    import psutil

    return int(psutil.virtual_memory().available)
