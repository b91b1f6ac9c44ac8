"""The workspace folder: what lies where, and opening one.

Everything inside is named relative to the folder, so that it can be moved or copied and still works.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.errors import BakeoffError, reason_of
from engine.files import read_json, write_json
from engine.locks import ProcessLock

if TYPE_CHECKING:
    from engine.workspace.catalogue import Catalogue

#: Version of the folder's layout. A newer one is refused in words.
PROTOCOL: Final = 1
_MARKER: Final = "workspace.json"
_PARTS: Final = ("datasets", "models", "exports", "outputs", "jobs", "reports", "conversations")


class WorkspaceError(BakeoffError):
    """A folder cannot be used as a workspace."""

    title = "The workspace cannot be opened"


@dataclass(frozen=True)
class Workspace:
    """An opened workspace.

    Attributes:
        root: The folder, absolute.
    """

    root: Path

    @property
    def datasets(self) -> Path:
        """One folder per dataset, named by its id."""
        return self.root / "datasets"

    @property
    def models(self) -> Path:
        """One folder per model that the workspace owns, named by its id."""
        return self.root / "models"

    @property
    def exports(self) -> Path:
        """One folder per GGUF file that the workspace owns, named by the job that wrote it."""
        return self.root / "exports"

    @property
    def outputs(self) -> Path:
        """One folder per set of local outputs, named by the job that wrote it."""
        return self.root / "outputs"

    @property
    def conversations(self) -> Path:
        """One file per conversation, named by its id."""
        return self.root / "conversations"

    @property
    def jobs(self) -> Path:
        """One job directory per job, named by its id."""
        return self.root / "jobs"

    @property
    def reports(self) -> Path:
        """One folder per study with its report."""
        return self.root / "reports"

    @property
    def runner_lock(self) -> Path:
        """Held by the runner of this workspace while it lives."""
        return self.root / "runner.lock"

    @property
    def files_lock(self) -> ProcessLock:
        """Held by whoever reads one of the workspace's small files, changes it and writes it back."""
        return ProcessLock(self.root / "files.lock")

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue, opened on first use."""
        # Not above: SQLAlchemy takes longer to load than the rest of what opens a window.
        from engine.workspace.catalogue import Catalogue

        return Catalogue(self.root / "catalogue.sqlite")

    def relative(self, path: Path) -> str:
        """How the catalogue names ``path``: relative inside the workspace, absolute outside."""
        absolute = path.resolve()
        if absolute.is_relative_to(self.root):
            return absolute.relative_to(self.root).as_posix()
        return str(absolute)

    def absolute(self, name: str) -> Path:
        """The path behind a name from the catalogue (see `relative`)."""
        return self.root / name

    def settings(self) -> dict[str, Any]:
        """Everything in ``settings.json``; nothing where it is damaged."""
        try:
            found = read_json(self.root / "settings.json")
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}

    def setting(self, name: str, default: Any = None) -> Any:
        """A value of ``settings.json``."""
        return self.settings().get(name, default)

    def change_setting(self, name: str, value: Any) -> None:
        """Store a value in ``settings.json``; other values that are changed meanwhile are kept as well."""
        with self.files_lock:
            write_json(self.root / "settings.json", {**self.settings(), name: value})


def default_folder() -> Path:
    """The folder used when none is named: the environment's, else the platform's data folder."""
    named = os.environ.get("BAKEOFF_WORKSPACE")
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("bakeoff", appauthor=False)) / "workspace"


def open_workspace(folder: Path | str | None = None) -> Workspace:
    """Open the workspace at ``folder``, making it if there is none.

    Args:
        folder: The folder; None for `default_folder`.

    Raises:
        WorkspaceError: The folder cannot be written, holds something else, or is of a newer Bakeoff.
    """
    root = (Path(folder) if folder is not None else default_folder()).expanduser().absolute()
    try:
        root.mkdir(parents=True, exist_ok=True)
        root = root.resolve()
        marker = read_json(root / _MARKER)
        if marker is None:
            _require_empty(root)
            for part in _PARTS:
                (root / part).mkdir(exist_ok=True)
            marker = {"protocol": PROTOCOL, "application": "bakeoff"}
            write_json(root / _MARKER, marker)
        protocol = marker.get("protocol") if isinstance(marker, dict) else None
        if not isinstance(protocol, int):
            raise ValueError(f"its {_MARKER} is damaged")
    except (OSError, ValueError) as error:
        raise WorkspaceError(
            "workspace.unusable",
            "The workspace {file} cannot be used: {reason}.",
            fix="Name a folder that you can write to with --workspace.",
            file=str(root),
            reason=reason_of(error),
        ) from error
    if protocol > PROTOCOL:
        raise WorkspaceError(
            "workspace.newer",
            "The workspace {file} was written by a newer Bakeoff.",
            fix="Update Bakeoff, or open another workspace.",
            file=str(root),
        )
    return Workspace(root)


def _require_empty(root: Path) -> None:
    strangers = [
        path.name for path in root.iterdir() if path.name not in _PARTS and not path.name.startswith(".")
    ]
    if strangers:
        raise WorkspaceError(
            "workspace.occupied",
            "The folder {file} is not a workspace and is not empty (it holds {name}).",
            fix="Name an empty folder, or one that Bakeoff made.",
            file=str(root),
            name=sorted(strangers)[0],
        )
