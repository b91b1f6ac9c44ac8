"""Which device computes, and in which number format: measured, not guessed."""

from __future__ import annotations

import math
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import Words
from engine.files import read_json, write_json
from engine.jobs.devices import hold_device
from engine.progress import Reporter

#: bfloat16 must not be slower than this share of float32's speed to be chosen on a CPU.
_WORTHWHILE: Final = 0.9
#: How often each format is tried, and the seconds after which fewer will do.
_FEWEST_TRIES: Final = 5
_MOST_TRIES: Final = 40
_LONGEST_MEASUREMENT: Final = 0.3


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


def choose_device(reporter: Reporter, wanted_dtype: str = "auto", *, kept: Path | None = None) -> Device:
    """Pick the device, and the dtype unless one is wanted; a GPU is held until this process ends.

    On a GPU bfloat16 where the chip has it, else float16. On a CPU whichever of bfloat16 and float32
    multiplies matrices faster here: without AVX512-BF16 or AMX, bfloat16 is up to 40 times slower.

    Args:
        reporter: Hears about the choice.
        wanted_dtype: ``auto`` or a dtype.
        kept: Where a job keeps the dtype that it began with; when it goes on, it computes in the same.
    """
    import torch

    began = read_json(kept) if kept is not None else None
    if torch.cuda.is_available():
        hold_device("cuda:0", reporter)
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        device = Device(
            "cuda:0",
            "bfloat16" if native else "float16",
            Words("the GPU computes bfloat16" if native else "the GPU has no bfloat16"),
        )
    elif wanted_dtype != "auto" or began is not None:
        device = Device("cpu", wanted_dtype, Words("asked for"))
    else:
        device = _remembered_cpu()
    if began is not None:
        device = Device(device.name, began["dtype"], Words("as the job began"))
    elif wanted_dtype != "auto":
        device = Device(device.name, wanted_dtype, Words("asked for"))
    if kept is not None and began is None:
        write_json(kept, {"dtype": device.dtype})
    reporter.decision("device", f"{device.name}, {device.dtype}", device.reason)
    return device


def _remembered_cpu() -> Device:
    """The measured choice; measured once per account, processor and torch, so that all runs compute alike."""
    import platformdirs
    import torch

    file = Path(platformdirs.user_state_dir("bakeoff", appauthor=False)) / "cpu.json"
    abilities = (
        torch.__version__,
        platform.processor() or platform.machine(),
        torch.backends.cpu.get_cpu_capability(),
        str(torch.ops.mkldnn._is_mkldnn_bf16_supported()),
    )
    known = None
    with suppress(OSError, ValueError):
        known = read_json(file)
    if known and known.get("abilities") == list(abilities):
        return Device("cpu", known["dtype"], known["reason"])
    device = _measured_cpu()
    with suppress(OSError):
        write_json(file, {"abilities": abilities, "dtype": device.dtype, "reason": device.reason})
    return device


def _measured_cpu() -> Device:
    """Compare the formats on one core, turn by turn; the best of many short tries, since others compute too."""
    import torch

    threads = torch.get_num_threads()
    best = {torch.float32: math.inf, torch.bfloat16: math.inf}
    sides = {dtype: (torch.ones(128, 576, dtype=dtype), torch.ones(576, 576, dtype=dtype)) for dtype in best}
    torch.set_num_threads(1)
    try:
        begun = time.perf_counter()
        for number in range(_MOST_TRIES):
            for dtype, (left, right) in sides.items():
                started = time.perf_counter()
                (left @ right.t()) @ right
                best[dtype] = min(best[dtype], time.perf_counter() - started)
            if number + 1 >= _FEWEST_TRIES and time.perf_counter() - begun > _LONGEST_MEASUREMENT:
                break
    finally:
        torch.set_num_threads(threads)
    ratio = best[torch.float32] / best[torch.bfloat16]
    if ratio >= _WORTHWHILE:
        return Device(
            "cpu",
            "bfloat16",
            Words("bfloat16 runs at {ratio:.1f}x the speed of float32 on this CPU", ratio=ratio),
        )
    return Device(
        "cpu",
        "float32",
        Words("bfloat16 runs at only {ratio:.2f}x the speed of float32 on this CPU", ratio=ratio),
    )
