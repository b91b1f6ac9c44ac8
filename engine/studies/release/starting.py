"""What must hold before a release is begun, and what becomes of it once it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.datasets.library import open_dataset
from engine.exporting.making import require_text
from engine.exporting.quantisations import quantisation
from engine.exporting.spec import ExportSpec
from engine.models.library import ModelFiles, find_model, require_default_base, set_default_base
from engine.studies.pushing.starting import require_pushable
from engine.studies.release.bundle import require_free
from engine.studies.release.earlier import earlier_release
from engine.studies.release.errors import ReleaseError
from engine.studies.release.installing import PROGRAMS
from engine.studies.release.spec import ReleaseSpec
from engine.workspace import Workspace
from engine.workspace.settings import settings_of


@dataclass(frozen=True)
class Afterwards:
    """What becomes of a release once it is made.

    Attributes:
        install: Programs that get to know it, keys of `PROGRAMS`.
        default_base: Whether the model is trained from where no base is named.
        push: Where it is pushed, ``USER/NAME``; empty: nowhere.
        public: Whether everybody sees what is pushed.
    """

    install: tuple[str, ...] = ()
    default_base: bool = False
    push: str = ""
    public: bool = False

    @property
    def anything(self) -> bool:
        """Whether there is something to be done."""
        return bool(self.install or self.default_base or self.push)


def quantisations_of(workspace: Workspace, asked: str | Sequence[str] | None) -> list[str]:
    """Names of quantisations, each once: as asked for, ``none`` for none; as set in the workspace for None.

    Raises:
        ExportError: One of them is none.
    """
    if asked is None:
        asked = settings_of(workspace).quantisation
    words = asked.split(",") if isinstance(asked, str) else list(asked)
    words = [word.strip() for word in words if word.strip()]
    if [word.lower() for word in words] == ["none"]:
        return []
    return list(dict.fromkeys(quantisation(word).name for word in words))


def require_releasable(workspace: Workspace, spec: ReleaseSpec, afterwards: Afterwards) -> ModelFiles:
    """Refuse a release that could not be made, or with which afterwards nothing could be done.

    Whether its folder is free is asked by `made_already`: a release that is there may be gone on with.

    Raises:
        BakeoffError: The model is unknown or can be no default base, nothing of it would be released, the dataset is
            unknown or sealed, there is no text that a quantisation needs, a program is not there, or pushing would
            fail.
    """
    files = find_model(workspace, spec.model)
    if files.adapter_folder is None and not spec.quantisations and not spec.safetensors:
        raise ReleaseError(
            "release.nothing",
            "The release would hold no model.",
            fix="Name a quantisation, or leave --no-safetensors out.",
        )
    if spec.dataset is not None:
        open_dataset(workspace, spec.dataset, "generate")
    for name in spec.quantisations:
        require_text(workspace, ExportSpec(model=files.name, quantisation=name, dataset=spec.dataset), files)
    if afterwards.default_base:
        require_default_base(files)
    for program in afterwards.install:
        PROGRAMS[program][0]()
    if afterwards.push:
        require_pushable(afterwards.push)
    return files


def made_already(spec: ReleaseSpec, files: ModelFiles, afterwards: Afterwards) -> dict[str, Any] | None:
    """The summary of just this release, where it lies in its folder and something is left to do with it.

    Raises:
        ReleaseError: The folder holds something else, or cannot be made.
    """
    summary = earlier_release(spec, files)
    if summary is not None and afterwards.anything:
        return summary
    require_free(Path(spec.out))
    return None


def finish_release(
    workspace: Workspace, files: ModelFiles, folder: Path, afterwards: Afterwards
) -> dict[str, Any]:
    """Make the model the default base and known to programs, as far as that is wanted.

    Returns:
        ``default_base`` and ``installed``, each only where it was wanted.

    Raises:
        ReleaseError: A program does not take it.
    """
    done: dict[str, Any] = {}
    if afterwards.default_base:
        set_default_base(workspace, files)
        done["default_base"] = files.name
    if afterwards.install:
        done["installed"] = [PROGRAMS[program][1](folder) for program in afterwards.install]
    return done
