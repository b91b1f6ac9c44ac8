"""The parts of a bundle that are made of the model's weights: whole, adapter, GGUF files, Modelfile, drift."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

from engine.errors import Words
from engine.exporting.drift.comparing import compare_files
from engine.exporting.errors import ExportError
from engine.exporting.making import make_gguf, new_export, prepare_gguf
from engine.exporting.ollama.modelfile import MODELFILE
from engine.exporting.ollama.writing import check_prompts, gguf_name, modelfile_of, ollama_name
from engine.exporting.parity import token_before_prompts
from engine.exporting.sources import sixteen_bits
from engine.exporting.spec import ExportSpec
from engine.files import folder_bytes, sha256_file
from engine.jobs.context import JobContext
from engine.models.library import ExportedFile, ModelFiles, find_export
from engine.models.template import load_template
from engine.studies.release.bundle import copy_file
from engine.studies.release.compared import compared_on
from engine.studies.release.origins import Origins, adapter_files, model_files, pathless
from engine.studies.release.places import PROVENANCE, change_json, forget_places
from engine.studies.release.spec import ReleaseSpec
from engine.weights.folding import fold_adapter
from engine.workspace.adoption import NewExport

#: Where the adapter lies in the bundle.
ADAPTER: Final = "adapter"


class Parts:
    """Makes the parts of one release.

    Args:
        context: The job.
        spec: What is wanted.
        files: The model.
        folder: Where the bundle is made.
    """

    def __init__(self, context: JobContext, spec: ReleaseSpec, files: ModelFiles, folder: Path) -> None:
        self._context = context
        self._spec = spec
        self._files = files
        self._folder = folder

    def safetensors(self) -> dict[str, Any]:
        """The whole model as a Hugging Face folder: copied, or base and adapter made one."""
        files, whole = self._files, self._folder / ".whole"
        shutil.rmtree(whole, ignore_errors=True)
        if files.adapter_folder is not None:
            fold_adapter(files.base_folder, files.adapter_folder, whole, reporter=self._context)
            if (files.folder / "chat_template.jinja").is_file():  # the one that training used
                shutil.copyfile(files.folder / "chat_template.jinja", whole / "chat_template.jinja")
            if (files.folder / PROVENANCE).is_file():
                shutil.copyfile(files.folder / PROVENANCE, whole / PROVENANCE)
        else:
            whole.mkdir()
            for file in model_files(files.folder):
                copy_file(file, whole / file.name, self._context)
        forget_places(whole, self._places())
        moved = [file for file in sorted(whole.iterdir()) if file.is_file()]
        size = sum(file.stat().st_size for file in moved)
        for file in moved:
            file.replace(self._folder / file.name)
        shutil.rmtree(whole)
        return {"files": [file.name for file in moved], "bytes": size}

    def adapter(self, origins: Origins) -> dict[str, Any]:
        """The adapter by itself, its config naming the base as others know it."""
        files, target = self._files, self._folder / ADAPTER
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for file in adapter_files(files.folder):
            copy_file(file, target / file.name, self._context)
        base = origins.base_on_hub or pathless(files.base_name)
        named = {"base_model_name_or_path": base}
        change_json(target / "adapter_config.json", lambda config: config | named)
        forget_places(target, self._places())
        on_hub = origins.base_on_hub is not None
        return {"folder": ADAPTER, "base": base, "on_hub": on_hub, "bytes": folder_bytes(target)}

    def _places(self) -> list[Path]:
        """Folders that are nobody else's business."""
        files, workspace = self._files, self._context.workspace
        return [workspace.root, files.folder, files.base_folder, self._folder, Path.home()]

    def gguf(self, quantisation: str) -> dict[str, Any]:
        """One GGUF file: the workspace's own, if it has one of these weights, else a new one."""
        prepared = prepare_gguf(
            self._context.workspace, self._context, self._files, self._export_spec(quantisation)
        )
        file = self._folder / gguf_name(self._files.name, prepared.wanted.name)
        known = find_export(self._context.workspace, self._files, prepared.wanted.name)
        if known is not None and token_before_prompts(known.file) == prepared.beginning.token:
            copy_file(known.file, file, self._context)
            if sha256_file(file) == known.sha256:
                self._context.decision(
                    "gguf",
                    Words("copied"),
                    Words("the workspace has a {name} file of these weights", name=prepared.wanted.name),
                )
                told = {key: value for key, value in known.info.items() if key != "written_ns"}
                made = {"quantisation": known.quantisation, "sha256": known.sha256, **told}
                return {"file": file.name, **made}
        return {"file": file.name, **make_gguf(prepared, file, self._context, threads=self._spec.threads)}

    def ollama(self, gguf: dict[str, Any], licence: str) -> dict[str, Any]:
        """The Modelfile for a GGUF file of the bundle, or why there can be none."""
        template = load_template(self._files.folder, self._context, fallback=self._files.base_folder)
        file = self._folder / gguf["file"]
        begins = token_before_prompts(file)
        try:
            modelfile = modelfile_of(self._files, template, file.name, begins, self._context, licence=licence)
            text = modelfile.text()
        except ExportError as error:
            self._context.event("warning", message=Words("There is no Modelfile: {reason}", reason=error))
            return {"refused": error.message}
        (self._folder / MODELFILE).write_text(text, encoding="utf-8", newline="\n")
        checked = check_prompts(file, template, modelfile, begins, self._context)
        return {"file": MODELFILE, "gguf": file.name, "name": ollama_name(self._files.name), **checked}

    def drift(self, ggufs: list[dict[str, Any]]) -> dict[str, Any]:
        """What each quantisation costs on the task, against 16 bits; or why that was not measured."""
        reference = sixteen_bits(self._files)
        made_of = [one["quantisation"] for one in ggufs]
        dataset, why_not = compared_on(self._context.workspace, self._spec, self._files, made_of)
        if dataset is None:
            return {"left_out": why_not}
        template = load_template(self._files.folder, self._context, fallback=self._files.base_folder)
        exports = [
            ExportedFile(self._folder / one["file"], one["quantisation"], one["sha256"], one) for one in ggufs
        ]
        first = next((one for one in exports if one.quantisation == reference), None)
        made: dict[str, Any] = {}
        if first is None:
            first, made = self._reference(reference)
        others = [one for one in exports if one.quantisation != reference]
        report = compare_files(dataset, template, [first, *others], self._context)
        return {**report, "reference_file": made}

    def _reference(self, quantisation: str) -> tuple[ExportedFile, dict[str, Any]]:
        """The workspace's 16-bit file, made where there is none."""
        context, files = self._context, self._files
        known = find_export(context.workspace, files, quantisation)
        if known is not None:
            return known, {}
        context.decision("reference", quantisation, "quantisations are compared with 16 bits")
        prepared = prepare_gguf(context.workspace, context, files, self._export_spec(quantisation))
        folder = context.output_folder(context.workspace.exports)
        context.remove_unless_done(folder)
        folder.mkdir(parents=True)
        file = folder / gguf_name(files.name, quantisation)
        made = make_gguf(prepared, file, context, threads=self._spec.threads)
        return ExportedFile(file, quantisation, made["sha256"], made), {
            "file": context.workspace.relative(file),
            **made,
        }

    def exports(
        self, ggufs: list[dict[str, Any]], reference: dict[str, Any] | None, out: Path
    ) -> list[NewExport]:
        """What the catalogue takes over: the files of the bundle, and the 16-bit one that was made to compare."""
        job = self._context.job_id
        found = [
            new_export(
                f"{job}-{one['quantisation']}"[:96],
                self._files,
                self._context.workspace.relative(out / one["file"]),
                one,
                out / one["file"],
            )
            for one in ggufs
        ]
        if reference:
            lies = self._context.workspace.absolute(reference["file"])
            found.append(new_export(f"{job}-reference"[:96], self._files, reference["file"], reference, lies))
        return found

    def _export_spec(self, quantisation: str) -> ExportSpec:
        return ExportSpec(
            model=self._files.name,
            quantisation=quantisation,
            dataset=self._spec.dataset,
            threads=self._spec.threads,
        )
