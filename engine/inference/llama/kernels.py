"""Which build of llama.cpp's processor kernels computes: that for AVX-512 where the processor has it.

llama-cpp-python brings kernels for any processor with AVX2. ``packaging/kernels.sh`` puts others beside them, under
the same name: the system's loader takes what is loaded first.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

#: What the kernels are built with, as Linux names it (Intel since Ice Lake, AMD since Zen 4).
NEEDED: Final = frozenset({"avx2", "fma", "f16c", "bmi2"}) | {
    *("avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi", "avx512_vnni")
}
_PROCESSOR: Final = Path("/proc/cpuinfo")


@cache
def choose_kernels() -> None:
    """Load the better kernels, if there are any; has to come before llama-cpp-python is imported."""
    if "llama_cpp" in sys.modules or not processor_features(_PROCESSOR) >= NEEDED:
        return
    file = built_kernels()
    if file is not None:
        with suppress(OSError):  # it was built for another system
            ctypes.CDLL(str(file), mode=ctypes.RTLD_GLOBAL)


def built_kernels() -> Path | None:
    """The library of the better kernels; None where set-up could not build it, and went on without."""
    found = find_spec("llama_cpp")
    if found is None or not found.submodule_search_locations:
        return None
    file = Path(found.submodule_search_locations[0]) / "lib/avx512/libggml-cpu.so.0"
    return file if file.is_file() else None


def processor_features(file: Path) -> frozenset[str]:
    """What the first processor of a ``/proc/cpuinfo`` can do; nothing where there is no such file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    named = (line.partition(":") for line in lines)
    return next(
        (frozenset(value.split()) for name, _, value in named if name.strip() == "flags"), frozenset()
    )
