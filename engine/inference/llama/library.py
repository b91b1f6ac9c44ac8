"""llama.cpp as a library: loaded once, its log kept where a user never sees it, and which build it is."""

from __future__ import annotations

import ctypes
import os
import re
from collections import deque
from functools import cache
from typing import Any, Final

from engine.inference.llama.kernels import choose_kernels

#: The last lines that llama.cpp logged: the only place where it says why something failed.
_LINES: Final[deque[str]] = deque(maxlen=50)
_CAUSE: Final = re.compile(r"error|invalid|unknown|not enough|unsupported", re.IGNORECASE)
_LOADING: Final = "error loading model: "


@cache
def llama() -> Any:
    """The functions of llama.cpp, its backends started and its log caught."""
    # Where it aborts it would first have a debugger, if one is installed, print its stack.
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    choose_kernels()
    from llama_cpp import llama_cpp

    llama_cpp.llama_log_set(_listener(), ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


def forget_words() -> None:
    """Forget what was logged so far: what fails next is not told by the words of what failed before."""
    _LINES.clear()


def last_words() -> str:
    """Why something failed, as far as llama.cpp logged it; empty where it did not."""
    lines = [line.strip() for line in "".join(_LINES).splitlines() if line.strip()]
    causes = [line for line in lines if _CAUSE.search(line)] or lines
    return causes[-1].rpartition(_LOADING)[2][:200] if causes else ""


@cache
def ggml() -> Any:
    """The functions of ggml, on which llama.cpp stands."""
    choose_kernels()
    from llama_cpp._ggml import libggml

    return libggml


@cache
def version() -> str:
    """Name and version, as they are recorded with every answer; kernels that round otherwise are named."""
    from importlib.metadata import version as installed

    ggml().ggml_commit.restype = ctypes.c_char_p
    features = llama().llama_print_system_info().decode()
    kernels = ", AVX-512" if "AVX512 = 1" in features else ""
    return f"llama-cpp-python {installed('llama-cpp-python')}, ggml {ggml().ggml_commit().decode()}{kernels}"


@cache
def _listener() -> Any:
    """The callback, kept alive as long as the process."""
    from llama_cpp import llama_cpp

    def hear(_level: int, text: bytes, _data: Any) -> None:
        _LINES.append(text.decode("utf-8", "replace"))

    return llama_cpp.llama_log_callback(hear)
