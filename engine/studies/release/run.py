"""The job that releases a model, from top to bottom."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from engine.exporting.quantisations import quantisation
from engine.files import write_json
from engine.jobs.context import JobContext, JobResult
from engine.models.library import ModelFiles, find_model
from engine.models.notices import is_licence_text, notices_in
from engine.studies.release.bundle import CARD, FACTS, Bundle, write_sums
from engine.studies.release.card import LICENCES_TOLD, card_text, licences_text
from engine.studies.release.earlier import asked, summary_of
from engine.studies.release.evidence import find_evidence
from engine.studies.release.facts import model_facts, versions
from engine.studies.release.licences import Consequences, follow
from engine.studies.release.origins import Origins, origins_of
from engine.studies.release.parts import Parts
from engine.studies.release.spec import ReleaseSpec
from engine.workspace.adoption import Adoption
from engine.workspace.naming import slug


def run(context: JobContext) -> JobResult:
    """Bundle the spec's model."""
    spec = ReleaseSpec.model_validate(context.spec)
    started = time.monotonic()
    files = find_model(context.workspace, spec.model)
    bundle = Bundle(context, Path(spec.out), files.identity)
    parts = Parts(context, spec, files, bundle.folder)
    if not bundle.finished:
        with bundle.making():
            _make(context, spec, files, bundle, parts)
    summary = summary_of(bundle.out) | {"seconds": round(time.monotonic() - started, 3)}
    reference = bundle.made("drift").get("reference_file") if summary["gguf"] else None
    return JobResult(summary, Adoption(exports=parts.exports(summary["gguf"], reference, bundle.out)))


def _make(context: JobContext, spec: ReleaseSpec, files: ModelFiles, bundle: Bundle, parts: Parts) -> None:
    """Everything that lies in the bundle."""
    wanted = [quantisation(name).name for name in dict.fromkeys(spec.quantisations)]
    evidence = find_evidence(context.workspace, files, context, study=spec.study, judge=spec.judge)
    origins = origins_of(context.workspace, files)
    licence = follow(origins.licences, files.name)
    for sentence in licence.conflicts:
        context.event("warning", message=sentence)
    texts = _licence_texts(bundle.folder, origins, licence)
    whole = bundle.part("safetensors", parts.safetensors) if spec.safetensors else None
    adapter = None
    if files.adapter_folder is not None:
        adapter = bundle.part("adapter", lambda: parts.adapter(origins))
    ggufs = [bundle.part(f"gguf {name}", lambda name=name: parts.gguf(name)) for name in wanted]  # type: ignore[misc]
    ollama: dict[str, Any] | None = None
    drift: dict[str, Any] = {"left_out": "there is no GGUF file"}
    if ggufs:
        ollama = bundle.part("ollama", lambda: parts.ollama(ggufs[0], _text_for_ollama(texts, bundle)))
        drift = bundle.part("drift", lambda: parts.drift(ggufs))
    facts: dict[str, Any] = {
        "kind": "release",
        "asked": asked(spec),
        "model": model_facts(files),
        "safetensors": whole,
        "adapter": adapter,
        "gguf": ggufs,
        "ollama": ollama,
        "drift": {key: value for key, value in drift.items() if key != "reference_file"},
        "lineage": origins.ancestors,
        "merges": origins.merges,
        "training": origins.trainings,
        "datasets": origins.datasets,
        "licence": _licence_facts(licence, origins, texts),
        "languages": origins.languages,
        "ranking": evidence.as_dict() if evidence is not None else None,
        "charts": evidence.draw(bundle.folder) if evidence is not None else [],
        "versions": versions(),
        "released": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_json(bundle.folder / FACTS, facts, durable=False)
    (bundle.folder / CARD).write_text(card_text(facts), encoding="utf-8", newline="\n")
    if licence.id == "other" and "LICENSE" not in texts:
        told = licences_text(facts)
        (bundle.folder / LICENCES_TOLD).write_text(told, encoding="utf-8", newline="\n")
    write_sums(bundle.folder)
    context.check()


def _licence_texts(folder: Path, origins: Origins, licence: Consequences) -> list[str]:
    """Copy the licences and notices that lie with the ancestors; returns their names in the bundle."""
    copied: list[str] = []
    for name, source in origins.folders.items():
        for file in notices_in(source):
            target = folder / "licences" / slug(name) / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            copied.append(target.relative_to(folder).as_posix())
    own = [name for name in copied if is_licence_text(Path(name).name)]
    if len(own) == 1 and len(origins.licences) == 1 and licence.id != "unknown":
        shutil.copyfile(folder / own[0], folder / "LICENSE")
        copied.append("LICENSE")
    return copied


def _text_for_ollama(texts: list[str], bundle: Bundle) -> str:
    """The licence that Ollama shows: the only one there is, if its text can stand between three quotes."""
    if "LICENSE" not in texts:
        return ""
    text = (bundle.folder / "LICENSE").read_text(encoding="utf-8", errors="replace").strip()
    return "" if '"""' in text else text


def _licence_facts(licence: Consequences, origins: Origins, texts: list[str]) -> dict[str, Any]:
    return {
        "id": licence.id,
        "name": licence.name,
        "parents": [one.as_dict() for one in origins.licences],
        "follows": list(licence.follows),
        "conflicts": list(licence.conflicts),
        "texts": texts,
    }
