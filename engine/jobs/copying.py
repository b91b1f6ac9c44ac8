"""A whole copy of a workspace, made while others use it; what was going on rests in the copy."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import select

from engine.files import FileError, new_folder
from engine.jobs.directory import AT_REST, all_jobs
from engine.progress import Reporter
from engine.workspace import Workspace
from engine.workspace.tables import Model

#: Belongs to processes that live now, or is not whole yet.
_LEFT_OUT: Final = ("*.lock", "runner.*", ".*.partial", "catalogue.sqlite*")


def copy_workspace(workspace: Workspace, target: Path, reporter: Reporter) -> None:
    """Copy ``workspace`` to the new folder ``target``; the reporter may interrupt it before every file.

    The catalogue is copied as one consistent state. Jobs that were waiting or running are paused in the
    copy, so that nothing is computed, or paid for, in both.

    Raises:
        FileError: ``target`` is not empty, or lies in the workspace.
    """
    if target.resolve().is_relative_to(workspace.root):
        raise FileError(
            "workspace.copy_inside",
            "A workspace cannot be copied into itself ({file}).",
            fix="Name a folder outside the workspace.",
            file=str(target),
        )

    def copy_file(source: str, target: str) -> None:
        reporter.check()
        _copy_file(source, target)

    with new_folder(target) as folder:
        # The catalogue first: it speaks of nothing that is not there yet, and files are only added.
        _copy_catalogue(workspace.catalogue.path, folder / workspace.catalogue.path.name)
        for part in sorted(workspace.root.iterdir()):
            reporter.check()
            if part.is_dir():
                shutil.copytree(
                    part,
                    folder / part.name,
                    ignore=shutil.ignore_patterns(*_LEFT_OUT),
                    copy_function=copy_file,
                )
            elif not any(part.match(pattern) for pattern in _LEFT_OUT):
                _copy_file(part, folder / part.name)
        for job in all_jobs(folder / workspace.jobs.name):
            if job.status().state not in AT_REST:
                job.change(state="paused", pid=None)


def left_outside(workspace: Workspace) -> list[str]:
    """Names of the models whose weights lie outside of the workspace, and stay there when it is copied."""
    with workspace.catalogue.reading() as rows:
        return [row.name for row in rows.scalars(select(Model)) if Path(row.folder).is_absolute()]


def _copy_file(source: Path | str, target: Path | str) -> None:
    """Copy one file, unless somebody has removed it meanwhile."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def _copy_catalogue(source: Path, target: Path) -> None:
    """Copy an SQLite file that others may be writing, by SQLite's own backup."""
    with closing(sqlite3.connect(source)) as theirs, closing(sqlite3.connect(target)) as ours:
        theirs.backup(ours)
