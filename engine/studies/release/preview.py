"""What a release would hold, and what its card would say, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.exporting.ollama.modelfile import MODELFILE
from engine.exporting.ollama.writing import gguf_name, ollama_name
from engine.exporting.quantisations import quantisation
from engine.exporting.sources import plan_of
from engine.models.library import ModelFiles
from engine.progress import SilentReporter
from engine.studies.release.bundle import CARD, FACTS, SUMS
from engine.studies.release.card import LICENCES_TOLD, card_text
from engine.studies.release.compared import compared_on
from engine.studies.release.evidence import CHARTS, Evidence, find_evidence
from engine.studies.release.facts import release_facts
from engine.studies.release.licences import follow
from engine.studies.release.origins import adapter_files, model_files, origins_of
from engine.studies.release.parts import ADAPTER
from engine.studies.release.places import PROVENANCE
from engine.studies.release.spec import ReleaseSpec
from engine.studies.release.texts import LICENCE, licence_files
from engine.weights.folding import folded_files
from engine.workspace import Workspace


class _Everything:
    """Holds every name: which weights matter is measured later, and does not change the size."""

    def __contains__(self, _name: object) -> bool:
        return True


def preview(workspace: Workspace, spec: ReleaseSpec, files: ModelFiles) -> dict[str, Any]:
    """Parts with their files and sizes, the source of the ranking, the licence, the card.

    Sizes are those of weights: of GGUF files without metadata, and of small files, which is told by 0 bytes, none. A
    ``Modelfile`` is left out of the release where Ollama's language cannot say what the chat template does. In the
    card stands what is known by now; what is measured while the release is made, it says so of.

    Raises:
        BakeoffError: The model, the study, or a judge is not what the spec takes it for.
    """
    origins = origins_of(workspace, files)
    licence = follow(origins.licences, files.name)
    evidence = find_evidence(workspace, files, SilentReporter(), study=spec.study, judge=spec.judge)
    whole = _whole(files) if spec.safetensors else None
    adapter: dict[str, Any] | None = None
    if files.adapter_folder is not None:
        adapter = {
            "folder": ADAPTER,
            "base": origins.base_on_hub or files.base_name,
            "on_hub": origins.base_on_hub is not None,
            "bytes": sum(file.stat().st_size for file in adapter_files(files.folder)),
        }
    ggufs = [_gguf(files, name) for name in dict.fromkeys(spec.quantisations)]
    compared, why_not = compared_on(workspace, spec, files, [one["quantisation"] for one in ggufs])
    drift = {"pending": compared.name} if compared is not None else {"left_out": why_not}
    texts = list(licence_files(origins, licence))
    facts = release_facts(
        spec,
        files,
        origins,
        licence,
        evidence,
        texts=texts,
        safetensors=whole,
        adapter=adapter,
        gguf=ggufs,
        ollama={"file": MODELFILE, "name": ollama_name(files.name)} if ggufs else None,
        drift=drift,
        charts=(),
    )
    parts = [] if whole is None else [_part("safetensors", whole["files"], whole["bytes"])]
    if adapter is not None:
        names = [f"{ADAPTER}/{file.name}" for file in adapter_files(files.folder)]
        parts.append(_part("adapter", names, adapter["bytes"]))
    parts += [_part("gguf", [one["file"]], one["bytes"]) for one in ggufs]
    parts += [_part("ollama", [MODELFILE])] if ggufs else []
    parts += [] if evidence is None else [_part("ranking", CHARTS)]
    told = [LICENCES_TOLD] if licence.id == "other" and LICENCE not in texts else []
    parts.append(_part("texts", [CARD, FACTS, *told, *texts, SUMS]))
    return {
        "model": files.name,
        "folder": spec.out,
        "parts": parts,
        "bytes": sum(part["bytes"] for part in parts),
        "ranked": evidence is not None,
        "ranking": _ranking(evidence),
        "study": evidence.study if evidence is not None else "",
        "judge": evidence.judge if evidence is not None else "",
        "drift": drift,
        "licence": {
            "id": licence.id,
            "name": licence.name,
            "follows": list(licence.follows),
            "conflicts": list(licence.conflicts),
        },
        "card": card_text(facts),
    }


def _whole(files: ModelFiles) -> dict[str, Any]:
    """The unquantised model, an adapter folded into it."""
    if files.adapter_folder is None:
        found = {file.name: file.stat().st_size for file in model_files(files.folder)}
    else:
        found = folded_files(files.base_folder, files.adapter_folder)
        if (files.folder / PROVENANCE).is_file():
            found[PROVENANCE] = (files.folder / PROVENANCE).stat().st_size
    return {"files": sorted(found), "bytes": sum(found.values())}


def _gguf(files: ModelFiles, name: str) -> dict[str, Any]:
    wanted = quantisation(name)
    plan = plan_of(files, wanted, importance=_Everything())
    return {"file": gguf_name(files.name, wanted.name), "quantisation": wanted.name, "bytes": plan.nbytes}


def _part(kind: str, files: Sequence[str], size: int = 0) -> dict[str, Any]:
    """A part as ``bakeoff release --dry-run`` tells it."""
    return {"kind": kind, "name": _part_name(kind, files), "files": list(files), "bytes": size}


def _part_name(kind: str, files: Sequence[str]) -> str:
    """What a part is called in a line."""
    if kind == "safetensors":
        return f"{first_weights(files)}, config and tokenizer"
    if kind == "adapter":
        return f"{ADAPTER}/"
    return ", ".join(top_names(files))


def first_weights(files: Sequence[str]) -> str:
    """The file of the weights, or the first of them."""
    return next((name for name in files if name.endswith(".safetensors")), files[0])


def top_names(files: Sequence[str]) -> list[str]:
    """Names as they are seen in the folder of the release; what lies in a folder of it is told by that."""
    return list(dict.fromkeys(f"{name.split('/')[0]}/" if "/" in name else name for name in files))


def _ranking(evidence: Evidence | None) -> str:
    if evidence is None:
        return "The model was not ranked, and the card will say so."
    source = f"the study {evidence.study}" if evidence.study else "recorded verdicts"
    return f"The ranking is that of {source}, judged by {evidence.judge}."
