"""How many layers of a GGUF file go to the accelerator: as many as its free memory holds, measured before loading."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import Words
from engine.gguf_header import check_gguf
from engine.inference.errors import AnsweringError
from engine.inference.llama.library import ggml, llama
from engine.inference.llama.model import LlamaModel
from engine.progress import Reporter

#: Left free for what computing needs besides, and for a display: a share, and bytes at least.
_SPARE_SHARE: Final = 0.08
_SPARE_BYTES: Final = 768 << 20
#: ggml's kinds of devices that are accelerators with memory of their own or shared.
_ACCELERATORS: Final = (1, 2)
#: Bytes of a value in the cache of keys and values.
_CACHE_BYTES: Final = 2


@dataclass(frozen=True)
class Device:
    """A device of llama.cpp.

    Attributes:
        kind: ggml's number: 0 a processor, 1 a GPU, 2 a GPU that shares the processor's memory, 3 other.
        free: Bytes of its memory that are free.
    """

    name: str
    kind: int
    free: int
    total: int


@dataclass(frozen=True)
class Needs:
    """What a model needs of an accelerator.

    Attributes:
        layers: Layers that can be moved, the output among them.
        layer_bytes: Weights of one.
        cache_bytes: Keys and values of one, for the tokens of all sequences together.
    """

    layers: int
    layer_bytes: int
    cache_bytes: int


def devices() -> list[Device]:
    """All devices that this build of llama.cpp can compute on."""
    llama()
    libggml = ggml()
    libggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    libggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    libggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    libggml.ggml_backend_dev_description.restype = ctypes.c_char_p
    libggml.ggml_backend_dev_description.argtypes = [ctypes.c_void_p]
    libggml.ggml_backend_dev_type.restype = ctypes.c_int
    libggml.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    pointer = ctypes.POINTER(ctypes.c_size_t)
    libggml.ggml_backend_dev_memory.restype = None
    libggml.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, pointer, pointer]
    found = []
    for number in range(libggml.ggml_backend_dev_count()):
        device = libggml.ggml_backend_dev_get(number)
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        libggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        name = (libggml.ggml_backend_dev_description(device) or b"").decode("utf-8", "replace")
        found.append(Device(name, libggml.ggml_backend_dev_type(device), free.value, total.value))
    return found


def layers_that_fit(needs: Needs, free: int) -> int:
    """How many of a model's layers fit into so many free bytes, with something to spare."""
    usable = free - max(int(free * _SPARE_SHARE), _SPARE_BYTES)
    if usable <= 0:
        return 0
    return min(needs.layers, usable // max(needs.layer_bytes + needs.cache_bytes, 1))


def needs_of(file: Path, tokens: int) -> Needs:
    """What a file needs, from its header alone.

    Args:
        file: The GGUF file.
        tokens: Of all sequences together.

    Raises:
        GgufError: It is damaged.
    """
    settings = check_gguf(file)
    architecture = settings.get("general.architecture", "")

    def number(key: str, otherwise: int) -> int:
        value: Any = settings.get(f"{architecture}.{key}", otherwise)
        return max(value) if isinstance(value, list) else int(value)

    layers = number("block_count", 1) + 1
    heads = max(number("attention.head_count", 1), 1)
    width = number("attention.key_length", number("embedding_length", 0) // heads)
    cached = width * number("attention.head_count_kv", heads)
    return Needs(layers, file.stat().st_size // layers, 2 * cached * tokens * _CACHE_BYTES)


def load_fitting(file: Path, tokens: int, wanted: int, reporter: Reporter) -> LlamaModel:
    """Load a file with as many layers on the accelerators as fit, or as many as are wanted.

    Where loading fails although they should fit (another program took the memory meanwhile), half as many are tried.

    Args:
        file: The GGUF file.
        tokens: Of all sequences together.
        wanted: Layers; negative: as many as fit.
        reporter: Hears how it is split, and why.

    Raises:
        AnsweringError: llama.cpp cannot load the file.
    """
    accelerators = [device for device in devices() if device.kind in _ACCELERATORS]
    if not accelerators:
        if wanted > 0:
            reporter.decision("gpu_layers", 0, "this build of llama.cpp finds no accelerator")
        return LlamaModel(file)
    needs = needs_of(file, tokens)
    free = sum(device.free for device in accelerators)
    layers = layers_that_fit(needs, free) if wanted < 0 else min(wanted, needs.layers)
    while True:
        try:
            model = LlamaModel(file, gpu_layers=layers)
        except AnsweringError:
            if not layers:
                raise
            reporter.decision("gpu_layers", layers // 2, Words("{layers} could not be loaded", layers=layers))
            layers //= 2
            continue
        reporter.decision(
            "gpu_layers",
            Words("{layers} of {whole}", layers=layers, whole=needs.layers),
            Words(
                "{free:.1f} GB are free on {devices}",
                free=free / 1e9,
                devices=", ".join(device.name for device in accelerators),
            ),
        )
        return model
