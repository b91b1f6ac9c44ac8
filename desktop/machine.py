"""What this machine can do, for whoever shows it. Knows no Qt; slow, so it is asked in the background."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from engine.workspace import Workspace


def machine_of(workspace: Workspace) -> dict[str, Any]:
    """What ``bakeoff doctor`` says; torch, where it is needed for that, is asked in a process of its own."""
    from engine.models.machine import examine
    from engine.models.speed import has_driver

    if not has_driver():
        return examine(str(workspace.root), ask_torch=False)
    command = [
        sys.executable,
        "-P",
        "-m",
        "engine.cli.main",
        "--json",
        "--workspace",
        str(workspace.root),
        "doctor",
    ]
    ran = subprocess.run(command, capture_output=True, timeout=120, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found
