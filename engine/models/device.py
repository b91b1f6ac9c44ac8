"""Which device computes, and in which number format: measured, not guessed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from engine.jobs.devices import hold_device
from engine.progress import Reporter

#: bfloat16 must not be slower than this share of float32's speed to be chosen on a CPU.
_WORTHWHILE: Final = 0.9


@dataclass(frozen=True)
class Device:
    """Where and how to compute.

    Attributes:
        name: A torch device, such as ``cuda:0`` or ``cpu``.
        dtype: ``bfloat16``, ``float16`` or ``float32``.
        reason: Why this dtype.
    """

    name: str
    dtype: str
    reason: str

    @property
    def torch_dtype(self) -> Any:
        """The torch dtype."""
        import torch

        return getattr(torch, self.dtype)


def choose_device(reporter: Reporter, wanted_dtype: str = "auto") -> Device:
    """Pick the device, and the dtype unless one is wanted; a GPU is held until this process ends.

    On a GPU bfloat16 where the chip has it, else float16. On a CPU whichever of bfloat16 and float32
    multiplies matrices faster here: without AVX512-BF16 or AMX, bfloat16 is up to 40 times slower.
    """
    import torch

    if torch.cuda.is_available():
        hold_device("cuda:0", reporter)
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        device = Device(
            "cuda:0",
            "bfloat16" if native else "float16",
            "the GPU computes bfloat16" if native else "the GPU has no bfloat16",
        )
    elif wanted_dtype != "auto":
        device = Device("cpu", wanted_dtype, "asked for")
    else:
        device = _measured_cpu()
    if wanted_dtype != "auto":
        device = Device(device.name, wanted_dtype, "asked for")
    reporter.decision("device", f"{device.name}, {device.dtype}", device.reason)
    return device


def _measured_cpu() -> Device:
    import torch

    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(256, 576, dtype=dtype), torch.ones(576, 576, dtype=dtype)
        left @ right
        tries = []
        for _ in range(3):
            started = time.perf_counter()
            (left @ right.t()) @ right
            tries.append(time.perf_counter() - started)
        seconds[dtype] = min(tries)
    ratio = seconds[torch.float32] / seconds[torch.bfloat16]
    if ratio >= _WORTHWHILE:
        return Device("cpu", "bfloat16", f"bfloat16 runs at {ratio:.1f}x the speed of float32 on this CPU")
    return Device("cpu", "float32", f"bfloat16 runs at only {ratio:.2f}x the speed of float32 on this CPU")
