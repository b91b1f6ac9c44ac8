"""Workspaces that were open in a window: the last one is opened again, the others are offered in the settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QSettings

from engine.diagnostics import WINDOW_LOG

_NAME: Final = "workspaces"
_MOST: Final = 10


def known_places(recall: Callable[[str], Any]) -> list[Path]:
    """Workspaces that are still there, the last one first.

    Args:
        recall: What was remembered under a name; None: nothing.
    """
    try:
        found = json.loads(str(recall(_NAME) or "[]"))
    except ValueError:
        found = []
    known = [Path(one) for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return [one for one in known if (one / "workspace.json").is_file()]


def last_place(settings: QSettings) -> Path | None:
    """The workspace to open where none is named; None for the engine's own choice, which the environment may make."""
    if os.environ.get("BAKEOFF_WORKSPACE"):
        return None
    return next(iter(known_places(settings.value)), None)


def remember_place(settings: QSettings, root: Path) -> None:
    """Note that a workspace is open in a window."""
    others = [str(one) for one in known_places(settings.value) if one != root]
    settings.setValue(_NAME, json.dumps([str(root), *others][:_MOST]))


def open_window(root: Path) -> None:
    """Open a workspace in a window of its own, which outlives this one."""
    # Not from the workspace's folder: Python would look for modules there, and find folders such as datasets.
    with (root / WINDOW_LOG).open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "desktop.app", "--workspace", str(root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
