"""Puts a release where Ollama and LM Studio find it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from engine.errors import Words
from engine.files import replace, temporary_name
from engine.studies.release.bundle import FACTS
from engine.studies.release.errors import ReleaseError
from engine.workspace.naming import slug

#: Models folders of LM Studio below the home folder, the present one first.
_LM_STUDIO: Final = (".lmstudio", ".cache/lm-studio")
#: What publishes our models there.
_PUBLISHER: Final = "bakeoff"


def require_ollama() -> str:
    """Where the program is.

    Raises:
        ReleaseError: It is not on PATH.
    """
    program = shutil.which("ollama")
    if program is None:
        raise ReleaseError(
            "install.no_ollama",
            "Ollama is not installed here: there is no program 'ollama' on PATH.",
            fix="Install Ollama, or leave --install ollama out.",
        )
    return program


def require_lm_studio(home: Path | None = None) -> Path:
    """LM Studio's folder of models.

    Raises:
        ReleaseError: LM Studio is not there.
    """
    home = home or Path.home()
    for name in _LM_STUDIO:
        if (home / name).is_dir():
            with suppress(OSError, ValueError, AttributeError, TypeError):
                # Where people have moved their models.
                chosen = json.loads((home / name / "settings.json").read_bytes()).get("downloadsFolder")
                if chosen and Path(chosen).is_dir():
                    return Path(chosen)
            return home / name / "models"
    raise ReleaseError(
        "install.no_lm_studio",
        "LM Studio is not installed here: there is no folder {file}.",
        fix="Install LM Studio and start it once, or leave --install lmstudio out.",
        file=str(home / _LM_STUDIO[0]),
    )


def install_ollama(folder: Path) -> dict[str, Any]:
    """Make a bundle known to Ollama with ``ollama create``.

    Raises:
        ReleaseError: Ollama is not there, refuses it, or the bundle has no Modelfile.
    """
    program = require_ollama()
    ollama = _facts(folder)["ollama"] or {}
    if "file" not in ollama:
        raise ReleaseError(
            "install.no_modelfile",
            "The release {file} has no Modelfile: {reason}.",
            fix="Run its GGUF file with llama.cpp, or release the model with --quant q4_k_m.",
            file=str(folder),
            reason=str(ollama["refused"]).rstrip(".")
            if "refused" in ollama
            else Words("it has no GGUF file"),
        )
    name = ollama["name"]
    done = subprocess.run(
        [program, "create", name, "-f", ollama["file"]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise ReleaseError(
            "install.ollama_failed",
            "Ollama does not take the model: {reason}.",
            fix="See that Ollama is running (ollama serve), then give the same command again.",
            reason=lines[-1][:300].rstrip(".")
            if lines
            else Words("it ended with status {status}", status=done.returncode),
        )
    return {"program": "ollama", "name": name, "run": f"ollama run {name}"}


def install_lm_studio(folder: Path, home: Path | None = None) -> dict[str, Any]:
    """Put the GGUF files of a bundle into LM Studio's folder: as further names of the same file where possible.

    Raises:
        ReleaseError: LM Studio is not there, or the bundle has no GGUF file.
    """
    models = require_lm_studio(home)
    facts = _facts(folder)
    if not facts["gguf"]:
        raise ReleaseError(
            "install.no_gguf",
            "The release {file} has no GGUF file, and LM Studio reads no other.",
            fix="Release the model with --quant q4_k_m.",
            file=str(folder),
        )
    target = models / _PUBLISHER / slug(facts["model"]["name"])
    target.mkdir(parents=True, exist_ok=True)
    linked = [_bring(folder / one["file"], target / one["file"]) for one in facts["gguf"]]
    return {"program": "lmstudio", "folder": str(target), "linked": all(linked)}


def _bring(source: Path, target: Path) -> bool:
    """Give a file a second name, or copy it where that cannot be; says whether it is the same file."""
    temporary = temporary_name(target)
    try:
        try:
            os.link(source, temporary)
            linked = True
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(source, temporary)
            linked = False
        replace(temporary, target)
    finally:
        # Also where all went well: of two names of one file, a rename takes neither away.
        temporary.unlink(missing_ok=True)
    return linked


def _facts(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / FACTS).read_bytes())
    except (OSError, ValueError) as error:
        raise ReleaseError(
            "release.no_bundle",
            "{file} holds no release.",
            fix="Make one with: bakeoff release MODEL FOLDER",
            file=str(folder),
        ) from error
    if not isinstance(found, dict) or found.get("kind") != "release":
        raise ReleaseError(
            "release.no_bundle",
            "{file} holds no release.",
            fix="Make one with: bakeoff release MODEL FOLDER",
            file=str(folder),
        )
    return found


#: How each program takes a bundle, and what has to be there before one is made.
PROGRAMS: Final[dict[str, tuple[Callable[[], Any], Callable[[Path], dict[str, Any]]]]] = {
    "ollama": (require_ollama, install_ollama),
    "lmstudio": (require_lm_studio, install_lm_studio),
}
