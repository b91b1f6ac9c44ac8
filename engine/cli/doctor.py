"""``bakeoff doctor``: what this machine has, can and cannot do. It changes no workspace and sends nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from engine.cli.session import Session

Result = tuple[Any, str]

_MB: Final = 1_000_000


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    doctor = commands.add_parser(
        "doctor", help="what this machine has, can and cannot do", parents=[everywhere]
    )
    doctor.add_argument(
        "--bundle",
        metavar="FILE.zip",
        help="also write a file to send along with a report, without secrets and data",
    )
    doctor.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace, session: Session) -> Result:
    from engine.models.machine import examine

    document = examine(session.folder)
    if options.bundle is None:
        return document, _text(document)
    from engine.diagnostics import write_diagnostics

    file = write_diagnostics(session.workspace, Path(options.bundle).expanduser().absolute())
    return {**document, "bundle": str(file)}, f"{_text(document)}\n\nThe diagnostics are in {file}."


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
