"""What a release would hold, and what its card would say, before anything is written."""

from __future__ import annotations

from typing import Any

from engine.exporting.ollama.modelfile import MODELFILE
from engine.exporting.ollama.writing import gguf_name
from engine.exporting.quantisations import quantisation
from engine.exporting.sources import plan_of
from engine.files import folder_bytes
from engine.models.library import ModelFiles
from engine.progress import SilentReporter
from engine.studies.release.evidence import find_evidence
from engine.studies.release.licences import follow
from engine.studies.release.origins import model_files, origins_of
from engine.studies.release.spec import ReleaseSpec
from engine.workspace import Workspace


class _Everything:
    """Holds every name: which weights matter is measured later, and does not change the size."""

    def __contains__(self, _name: object) -> bool:
        return True


def preview(workspace: Workspace, spec: ReleaseSpec, files: ModelFiles) -> dict[str, Any]:
    """Parts with their sizes (of GGUF files without metadata), the source of the ranking, the licence."""
    parts: list[dict[str, Any]] = []
    if spec.safetensors:
        whole = sum(file.stat().st_size for file in model_files(files.base_folder))
        parts.append({"name": "model.safetensors, config and tokenizer", "bytes": whole})
    if files.adapter_folder is not None:
        parts.append({"name": "adapter/", "bytes": folder_bytes(files.adapter_folder)})
    for name in spec.quantisations:
        plan = plan_of(files, quantisation(name), importance=_Everything())
        parts.append({"name": gguf_name(files.name, name), "bytes": plan.nbytes})
    if spec.quantisations:
        parts.append({"name": MODELFILE, "bytes": 0})
    evidence = find_evidence(workspace, files, SilentReporter(), study=spec.study, judge=spec.judge)
    ranking = "The model was not ranked, and the card will say so."
    if evidence is not None:
        parts.append({"name": "ranking.svg, ranking.png", "bytes": 0})
        source = f"the study {evidence.study}" if evidence.study else "recorded verdicts"
        ranking = f"The ranking is that of {source}, judged by {evidence.judge}."
    parts.append({"name": "README.md, release.json, licences/, SHA256SUMS", "bytes": 0})
    licence = follow(origins_of(workspace, files).licences, files.name)
    return {
        "model": files.name,
        "folder": spec.out,
        "parts": parts,
        "bytes": sum(part["bytes"] for part in parts),
        "ranked": evidence is not None,
        "ranking": ranking,
        "licence": {
            "id": licence.id,
            "name": licence.name,
            "follows": list(licence.follows),
            "conflicts": list(licence.conflicts),
        },
    }
