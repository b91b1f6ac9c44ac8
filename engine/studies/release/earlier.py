"""A bundle that is there already: the one that is asked for, or another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.files import read_json
from engine.models.library import ModelFiles
from engine.studies.release.bundle import FACTS, bundle_files
from engine.studies.release.spec import ReleaseSpec


def earlier_release(spec: ReleaseSpec, files: ModelFiles) -> dict[str, Any] | None:
    """The summary of a finished release of just these weights with just these quantisations; None: there is none.

    It is what lets the same command go on after a push that broke off.

    Raises:
        ReleaseError: A file of it was changed.
    """
    out = Path(spec.out)
    try:
        facts = read_json(out / FACTS)
    except (OSError, ValueError):
        return None
    if not isinstance(facts, dict) or facts.get("kind") != "release":
        return None
    same = (
        facts["model"]["identity"] == files.identity
        and facts["model"]["name"] == files.name
        and [one["quantisation"] for one in facts["gguf"]] == list(dict.fromkeys(spec.quantisations))
        and bool(facts["safetensors"]) == spec.safetensors
    )
    if not same:
        return None
    names = bundle_files(out)
    return {
        "model": files.name,
        "folder": str(out),
        "files": sorted(name for name in names),
        "bytes": sum((out / name).stat().st_size for name in names),
        "gguf": facts["gguf"],
        "ollama": facts["ollama"],
        "drift": facts["drift"],
        "ranked": facts["ranking"] is not None,
        "licence": facts["licence"],
        "seconds": 0.0,
    }
