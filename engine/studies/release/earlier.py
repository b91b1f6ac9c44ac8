"""A bundle that is there already: the one that is asked for, or another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.exporting.quantisations import quantisation
from engine.files import read_json
from engine.models.library import ModelFiles
from engine.studies.release.bundle import FACTS, bundle_files
from engine.studies.release.spec import ReleaseSpec


def asked(spec: ReleaseSpec) -> dict[str, Any]:
    """What was wanted of a release, as far as it decides what lies in it."""
    return {
        "quantisations": [quantisation(name).name for name in dict.fromkeys(spec.quantisations)],
        **spec.model_dump(include={"safetensors", "study", "judge", "dataset", "drift"}),
    }


def earlier_release(spec: ReleaseSpec, files: ModelFiles) -> dict[str, Any] | None:
    """The summary of a finished release of just these weights as it is asked for now; None: there is none.

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
    model = {"identity": files.identity, "name": files.name}
    if facts["model"] | model != facts["model"] or facts["asked"] != asked(spec):
        return None
    bundle_files(out)
    return summary_of(out) | {"seconds": 0.0}


def summary_of(out: Path) -> dict[str, Any]:
    """What ``bakeoff release`` tells of a finished bundle, except how long it took."""
    facts = read_json(out / FACTS)
    names = sorted(file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file())
    return {
        "model": facts["model"]["name"],
        "folder": str(out),
        "files": names,
        "bytes": sum((out / name).stat().st_size for name in names),
        "gguf": facts["gguf"],
        "ollama": facts["ollama"],
        "drift": facts["drift"],
        "ranked": facts["ranking"] is not None,
        "licence": facts["licence"],
    }
