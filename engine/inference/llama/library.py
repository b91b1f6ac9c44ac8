"""llama.cpp as a library: loaded once, its log kept where a user never sees it, and which build it is."""

from __future__ import annotations

import ctypes
import os
import re
from collections import deque
from functools import cache
from typing import Any, Final

#: The last lines that llama.cpp logged: the only place where it says why something failed.
_LINES: Final[deque[str]] = deque(maxlen=50)
_CAUSE: Final = re.compile(r"error|invalid|unknown|not enough|unsupported", re.IGNORECASE)
_LOADING: Final = "error loading model: "


@cache
def llama() -> Any:
    """The functions of llama.cpp, its backends started and its log caught."""
    # Where it aborts it would first have a debugger, if one is installed, print its stack.
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    from llama_cpp import llama_cpp

    llama_cpp.llama_log_set(_listener(), ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


def last_words() -> str:
    """Why something failed, as far as llama.cpp logged it; empty where it did not."""
    lines = [line.strip() for line in "".join(_LINES).splitlines() if line.strip()]
    causes = [line for line in lines if _CAUSE.search(line)] or lines
    return causes[-1].rpartition(_LOADING)[2][:200] if causes else ""


@cache
def version() -> str:
    """Name and version, as they are recorded with every answer."""
    from importlib.metadata import version as installed

    from llama_cpp._ggml import libggml

    libggml.ggml_commit.restype = ctypes.c_char_p
    return f"llama-cpp-python {installed('llama-cpp-python')}, ggml {libggml.ggml_commit().decode()}"


@cache
def _listener() -> Any:
    """The callback, kept alive as long as the process."""
    from llama_cpp import llama_cpp

    def hear(_level: int, text: bytes, _data: Any) -> None:
        _LINES.append(text.decode("utf-8", "replace"))

    return llama_cpp.llama_log_callback(hear)
