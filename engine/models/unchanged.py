"""Whether a model's weights are still those that the workspace knows.

What is trained on, exported and released under a hash has to have it. Weights are read whole once; after that, files
of the same size and time count as the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from engine.files import read_json, sha256_file, write_json
from engine.models.errors import ModelError
from engine.models.inspect import weight_files, weights_sha256
from engine.models.library import ModelFiles
from engine.progress import Reporter
from engine.workspace import Workspace

#: In the workspace's folder: what was read, by folder.
CHECKED: Final = "checked.json"
_ADAPTER: Final = "adapter_model.safetensors"


def require_unchanged(workspace: Workspace, files: ModelFiles, reporter: Reporter) -> None:
    """See that a model, and the base of an adapter, has the weights that were entered.

    Raises:
        ModelError: They were changed since, or are not all there.
    """
    _require(workspace, files.base_folder, files.base_sha256, files.base_name, reporter)
    if files.adapter_folder is not None:
        _require(workspace, files.adapter_folder, files.weights_sha256, files.name, reporter)


def note_checked(workspace: Workspace, folder: Path, sha256: str) -> None:
    """Remember that the weights of a folder have just been read, and have this hash."""
    known = _known(workspace)
    known[workspace.relative(folder)] = {"sha256": sha256, "files": _stamps(folder)}
    write_json(workspace.root / CHECKED, known, durable=False)


def _require(workspace: Workspace, folder: Path, sha256: str, name: str, reporter: Reporter) -> None:
    stamps = _stamps(folder)
    if _known(workspace).get(workspace.relative(folder)) == {"sha256": sha256, "files": stamps}:
        return
    reporter.event("model.hashing", file=str(folder))
    found = _hash(folder) if stamps else ""
    if found != sha256:
        raise ModelError(
            "model.changed",
            "The weights of '{name}' in {file} are not those that were added: they were changed since.",
            fix="Put the former files back, or add the folder again under another name.",
            name=name,
            file=str(folder),
        )
    note_checked(workspace, folder, sha256)


def _known(workspace: Workspace) -> dict[str, Any]:
    try:
        found = read_json(workspace.root / CHECKED)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _files(folder: Path) -> list[Path]:
    adapter = folder / _ADAPTER
    return [adapter] if adapter.is_file() else weight_files(folder)


def _hash(folder: Path) -> str:
    adapter = folder / _ADAPTER
    return sha256_file(adapter) if adapter.is_file() else weights_sha256(folder)


def _stamps(folder: Path) -> list[list[Any]]:
    """Name, size and time of each file of weights."""
    return [
        [file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in _files(folder) if file.is_file()
    ]
