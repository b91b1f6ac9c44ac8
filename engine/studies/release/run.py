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
from engine.models.unchanged import require_unchanged
from engine.studies.release.bundle import CARD, FACTS, Bundle, write_sums
from engine.studies.release.card import LICENCES_TOLD, card_text, licences_text
from engine.studies.release.compared import NO_GGUF
from engine.studies.release.earlier import summary_of
from engine.studies.release.evidence import find_evidence
from engine.studies.release.facts import release_facts
from engine.studies.release.licences import Consequences, follow
from engine.studies.release.origins import Origins, origins_of
from engine.studies.release.parts import Parts
from engine.studies.release.spec import ReleaseSpec
from engine.studies.release.texts import LICENCE, licence_files
from engine.workspace.adoption import Adoption


def run(context: JobContext) -> JobResult:
    """Bundle the spec's model."""
    spec = ReleaseSpec.model_validate(context.spec)
    started = time.monotonic()
    files = find_model(context.workspace, spec.model)
    require_unchanged(context.workspace, files, context)
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
    drift: dict[str, Any] = {"left_out": NO_GGUF}
    if ggufs:
        ollama = bundle.part("ollama", lambda: parts.ollama(ggufs[0], _text_for_ollama(texts, bundle)))
        drift = bundle.part("drift", lambda: parts.drift(ggufs))
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
        ollama=ollama,
        drift={key: value for key, value in drift.items() if key != "reference_file"},
        charts=evidence.draw(bundle.folder) if evidence is not None else [],
    )
    write_json(bundle.folder / FACTS, facts, durable=False)
    (bundle.folder / CARD).write_text(card_text(facts), encoding="utf-8", newline="\n")
    if licence.id == "other" and LICENCE not in texts:
        told = licences_text(facts)
        (bundle.folder / LICENCES_TOLD).write_text(told, encoding="utf-8", newline="\n")
    write_sums(bundle.folder)
    context.check()


def _licence_texts(folder: Path, origins: Origins, licence: Consequences) -> list[str]:
    """Copy the licences and notices that lie with the ancestors; returns their names in the bundle."""
    files = licence_files(origins, licence)
    for name, source in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    return list(files)


def _text_for_ollama(texts: list[str], bundle: Bundle) -> str:
    """The licence that Ollama shows: the only one there is, if its text can stand between three quotes."""
    if LICENCE not in texts:
        return ""
    text = (bundle.folder / LICENCE).read_text(encoding="utf-8", errors="replace").strip()
    return "" if '"""' in text else text
