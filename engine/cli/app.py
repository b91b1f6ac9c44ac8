"""``bakeoff app``: open the window."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.cli.session import Session
from engine.errors import BakeoffError

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    app = commands.add_parser("app", help="open the window", parents=[everywhere])
    app.set_defaults(run=_app)


def _app(_options: argparse.Namespace, session: Session) -> Result:
    """Start the window's program, which lies beside this one, and wait for its end."""
    name = "bakeoff-desktop.exe" if sys.platform == "win32" else "bakeoff-desktop"
    program = Path(sys.executable).parent / name
    if not program.exists():
        raise BakeoffError(
            "app.missing",
            "The window's program {file} is not installed.",
            fix="Install Bakeoff with its window, or use the commands.",
            file=str(program),
        )
    root = session.workspace.root
    ended = subprocess.run([program, "--workspace", root], stdout=sys.stderr, check=False)
    if ended.returncode != 0:
        raise BakeoffError(
            "app.failed",
            "The window ended with status {status}.",
            fix="What it printed says why; without a screen it cannot open.",
            status=ended.returncode,
        )
    return {"workspace": str(root)}, ""
