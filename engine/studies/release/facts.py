"""What a release says: of the model, of the programs that made it, and all of it together as ``release.json``."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Sequence
from typing import Any, Final

import engine
from engine.models.library import ModelFiles
from engine.studies.release.earlier import asked
from engine.studies.release.evidence import Evidence
from engine.studies.release.licences import Consequences
from engine.studies.release.origins import Origins
from engine.studies.release.spec import ReleaseSpec

_PROGRAMS: Final = ("torch", "transformers", "peft", "gguf", "llama-cpp-python")


def model_facts(files: ModelFiles) -> dict[str, Any]:
    """Name, kind, architecture, hashes."""
    info = files.info
    return {
        "name": files.name,
        "kind": files.kind,
        "base": files.base_name if files.kind == "adapter" else None,
        "architecture": info.architecture,
        "parameters": info.parameters,
        "context": info.context,
        "weights_sha256": files.weights_sha256,
        "base_sha256": files.base_sha256 if files.kind == "adapter" else None,
        "identity": files.identity,
    }


def versions() -> dict[str, str]:
    """Of Bakeoff, Python and the libraries that wrote the files."""
    found = {"bakeoff": engine.__version__, "python": platform.python_version()}
    for name in _PROGRAMS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def release_facts(
    spec: ReleaseSpec,
    files: ModelFiles,
    origins: Origins,
    licence: Consequences,
    evidence: Evidence | None,
    *,
    texts: Sequence[str],
    safetensors: dict[str, Any] | None,
    adapter: dict[str, Any] | None,
    gguf: list[dict[str, Any]],
    ollama: dict[str, Any] | None,
    drift: dict[str, Any],
    charts: Sequence[str],
) -> dict[str, Any]:
    """``release.json``.

    Args:
        spec: What was wanted.
        files: The model.
        origins: How it was made.
        licence: What follows from the licences of its ancestors.
        evidence: Its ranking, where there is one.
        texts: Names of licences and notices in the bundle.
        safetensors: What was told of the whole model; None where it is left out. The other parts likewise.
        charts: Names of the ranking's pictures.
    """
    return {
        "kind": "release",
        "asked": asked(spec),
        "model": model_facts(files),
        "safetensors": safetensors,
        "adapter": adapter,
        "gguf": gguf,
        "ollama": ollama,
        "drift": drift,
        "lineage": origins.ancestors,
        "merges": origins.merges,
        "training": origins.trainings,
        "datasets": origins.datasets,
        "licence": {
            "id": licence.id,
            "name": licence.name,
            "parents": [one.as_dict() for one in origins.licences],
            "follows": list(licence.follows),
            "conflicts": list(licence.conflicts),
            "texts": list(texts),
        },
        "languages": origins.languages,
        "ranking": evidence.as_dict() if evidence is not None else None,
        "charts": list(charts),
        "versions": versions(),
        "released": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
