"""The drift report that ends an export: the new file beside the model's 16-bit one, made where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.datasets.library import OpenDataset, open_dataset
from engine.errors import BakeoffError, Words
from engine.exporting.drift.comparing import compare_files
from engine.exporting.drift.prompts import UNKNOWN_TASK, require_prompts
from engine.exporting.making import Prepared, make_gguf, new_export, prepare_gguf
from engine.exporting.ollama.writing import gguf_name
from engine.exporting.sources import sixteen_bits, trained_on
from engine.exporting.spec import ExportSpec
from engine.jobs.context import JobContext, JobInterruptedError
from engine.models.library import ExportedFile, ModelFiles, find_export
from engine.workspace.adoption import NewExport


@dataclass(frozen=True)
class Drift:
    """What came of comparing.

    Attributes:
        report: See `engine.exporting.drift.comparing.compare_files`; None: nothing was compared.
        reference: The 16-bit file, if it was made for that.
    """

    report: dict[str, Any] | None = None
    reference: NewExport | None = None


def drift_after(
    context: JobContext, spec: ExportSpec, files: ModelFiles, prepared: Prepared, new: ExportedFile
) -> Drift:
    """Compare ``new`` on the test prompts of the dataset that is named, or else that the model was trained on.

    What stands in the way is told and fails nothing: the file that was asked for is there.

    Raises:
        JobInterruptedError: The job is to pause.
    """
    name, reference = spec.dataset or trained_on(files), sixteen_bits(files)
    if prepared.wanted.name == reference:
        return Drift()
    if name is None:
        context.event("warning", message=UNKNOWN_TASK)
        return Drift()
    made: NewExport | None = None
    try:
        dataset = open_dataset(context.workspace, name, "generate")
        require_prompts(dataset)
        known = find_export(context.workspace, files, reference)
        if known is None:
            known, made = _made(context, files, reference, dataset)
        return Drift(compare_files(dataset, prepared.template, [known, new], context), made)
    except BakeoffError as error:
        context.event("warning", message=Words("No drift report: {reason}", reason=error))
    except JobInterruptedError as interruption:
        if interruption.action == "pause":  # it goes on later
            raise
        context.event("warning", message=Words("No drift report: it was stopped."))
    return Drift(None, made)


def _made(
    context: JobContext, files: ModelFiles, reference: str, dataset: OpenDataset
) -> tuple[ExportedFile, NewExport]:
    """The 16-bit file, in the workspace."""
    context.decision("reference", reference, "the new file is compared with 16 bits")
    spec = ExportSpec(model=files.name, quantisation=reference, dataset=dataset.name)
    prepared = prepare_gguf(context.workspace, context, files, spec)
    folder: Path = context.workspace.exports / context.job_id
    context.remove_unless_done(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / gguf_name(files.name, reference)
    made = make_gguf(prepared, file, context)
    export = new_export(f"{context.job_id}#{reference}", files, context.workspace.relative(file), made, file)
    return ExportedFile(file, reference, made["sha256"], made), export
