"""Builds what Bakeoff has in C++ when it is installed or packed: a hook of hatchling, named in pyproject.toml.

Without a compiler that knows it (GCC or Clang), and on Windows, the package is pure Python: everything works, and
exports to K-quants take longer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCE: Final = Path("engine/exporting/kquants.cpp")
_LIBRARY: Final = _SOURCE.with_name("libkquants.so")
#: Nothing may be fused or reordered: the bytes are to be ggml's.
_FLAGS: Final = (
    *("-std=c++17", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-exceptions", "-fno-rtti"),
    *("-Wall", "-Wextra", "-Wno-psabi", "-fPIC", "-shared"),
)


class NativeHook(BuildHookInterface[Any]):
    """Runs before a wheel, or an editable one, is written."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build; a wheel that carries the library is one for this system."""
        library = build(Path(self.root))
        if library is not None and version != "editable":
            system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{system}"
            build_data["force_include"][str(library)] = _LIBRARY.as_posix()


def build(root: Path) -> Path | None:
    """The library, new, beside its source; None, and none there, where it cannot be built."""
    library = root / _LIBRARY
    new = library.with_suffix(".new")
    if not _compile(root / _SOURCE, new):
        library.unlink(missing_ok=True)  # one of an earlier state is not to pass for this one's
        return None
    new.replace(library)
    return library


def _compile(source: Path, library: Path) -> bool:
    """Whether it could be; tells why not."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if sys.platform == "win32" or compiler is None:
        return False
    words = [*compiler.split(), *_FLAGS, str(source), "-o", str(library)]
    try:
        subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
        print(f"{source} was not built, exports will be slower:\n{reason}", file=sys.stderr)
        library.unlink(missing_ok=True)
        return False
    return True
