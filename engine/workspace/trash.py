"""The trash of a workspace: a folder for each thing that was removed, with what the catalogue said of it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any, Final

from engine.files import folder_bytes
from engine.workspace.folder import Workspace

#: The file that says what lies beside it.
RECORD: Final = "record.json"


def new_place(workspace: Workspace, name: str) -> Path:
    """The folder that is to hold what is removed now; it is not there yet."""
    return _trash(workspace) / f"{name}-{time.time_ns()}"


def removed_records(workspace: Workspace) -> list[tuple[Path, dict[str, Any]]]:
    """Folder and record of everything in the trash, the last removed first."""
    found = []
    for file in _trash(workspace).glob(f"*/{RECORD}"):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # it is being emptied, or nobody can bring it back
            continue
        if isinstance(record, dict):
            found.append((file.parent, record))
    return sorted(found, key=lambda one: one[0].name.rpartition("-")[2], reverse=True)


def removed_at(folder: Path) -> float:
    """When something came into the trash, in seconds since the epoch."""
    return int(folder.name.rpartition("-")[2]) / 1e9


def trash_bytes(workspace: Workspace) -> int:
    """What emptying the trash would free."""
    folder = _trash(workspace)
    return folder_bytes(folder) if folder.is_dir() else 0


def empty_trash(workspace: Workspace) -> int:
    """Remove for good what lies in the trash; returns the bytes that this freed."""
    freed = trash_bytes(workspace)
    shutil.rmtree(_trash(workspace), ignore_errors=True)
    return freed


def _trash(workspace: Workspace) -> Path:
    return workspace.root / "trash"
