"""``bakeoff workspace``: copy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.session import Session

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    group = commands.add_parser("workspace", help="the workspace folder itself", parents=[everywhere])
    actions = group.add_subparsers(metavar="ACTION", required=True)
    copy = actions.add_parser(
        "copy", help="copy the workspace, also while it is in use", parents=[everywhere]
    )
    copy.add_argument("folder", metavar="DIR", help="where to; a folder that is new or empty")
    copy.set_defaults(run=_copy)


def _copy(options: argparse.Namespace, session: Session) -> Result:
    from engine.files import folder_bytes
    from engine.jobs.copying import copy_workspace, left_outside
    from engine.progress import SilentReporter

    workspace = session.workspace
    target = Path(options.folder).expanduser().absolute()
    copy_workspace(workspace, target, SilentReporter())
    outside = left_outside(workspace)
    size = folder_bytes(target)
    document = {"workspace": str(workspace.root), "copy": str(target), "bytes": size, "outside": outside}
    lines = [f"Copied {workspace.root} to {target} ({size / 1e6:,.0f} MB)."]
    if outside:
        lines.append(f"Weights that lie outside the workspace stayed where they are: {', '.join(outside)}.")
    return document, "\n".join(lines)
