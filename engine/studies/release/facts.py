"""What a release says of the model itself and of the programs that made it."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any, Final

import engine
from engine.models.library import ModelFiles

_PROGRAMS: Final = ("torch", "transformers", "peft", "gguf", "llama-cpp-python")


def model_facts(files: ModelFiles) -> dict[str, Any]:
    """Name, kind, architecture, hashes."""
    info = files.info
    return {
        "name": files.name,
        "kind": files.kind,
        "base": files.base_name if files.kind == "adapter" else None,
        "architecture": info.architecture,
        "parameters": info.parameters,
        "context": info.context,
        "weights_sha256": files.weights_sha256,
        "base_sha256": files.base_sha256 if files.kind == "adapter" else None,
        "identity": files.identity,
    }


def versions() -> dict[str, str]:
    """Of Bakeoff, Python and the libraries that wrote the files."""
    found = {"bakeoff": engine.__version__, "python": platform.python_version()}
    for name in _PROGRAMS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
