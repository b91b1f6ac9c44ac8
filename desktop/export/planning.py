"""What is typed about an export, and what it would hold. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.language import numeral, tr
from desktop.problem import Problem, problem_of
from desktop.words import size
from engine.errors import BakeoffError
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.exporting.plan import GgufPlan
    from engine.exporting.spec import ExportSpec, Form

#: Tensors that are named in a plan, of those that are stored otherwise than the quantisation would.
_NAMED = 3


@dataclass(frozen=True)
class Draft:
    """What is typed in the dialog.

    Attributes:
        place: The file or the new folder; empty for a GGUF file that the workspace keeps.
        dataset: Whose prompts are compared; empty: of what the model was trained on.
        importance: Measure which weights matter.
        drift: Compare with 16 bits afterwards.
        converted: A GGUF file to be taken over instead; empty: one is made.
    """

    model: str
    form: Form = "gguf"
    quantisation: str = "q4_k_m"
    place: str = ""
    dataset: str = ""
    importance: bool = False
    drift: bool = True
    converted: str = ""

    @property
    def with_gguf(self) -> bool:
        """Whether a GGUF file is made."""
        return self.form in ("gguf", "ollama") and not self.converted

    def spec(self) -> ExportSpec:
        """What is to be exported, its place as it was typed."""
        from engine.exporting.spec import ExportSpec

        return ExportSpec(
            model=self.model,
            form=self.form,
            quantisation=self.quantisation,
            out=self.place.strip() or None,
            dataset=self.dataset or None,
            importance=True if self.importance and self.with_gguf else None,
            drift=self.drift and self.with_gguf,
            converted=self.converted.strip() or None if self.form == "gguf" else None,
        )


@dataclass(frozen=True)
class Options:
    """What can be chosen.

    Attributes:
        adapter: Whether the model is an adapter.
        trained: On which dataset, as far as it is known.
    """

    datasets: tuple[str, ...] = ()
    adapter: bool = False
    trained: str = ""


@dataclass(frozen=True)
class Contents:
    """What an export would hold.

    Attributes:
        lines: Sentences about it.
        problem: Why it cannot be made like this.
    """

    lines: tuple[str, ...] = ()
    problem: Problem | None = None


def read_options(workspace: Workspace, model: str) -> Options:
    """What can be chosen for a model."""
    from sqlalchemy import select

    from engine.exporting.sources import trained_on
    from engine.models.library import find_model
    from engine.workspace.tables import Dataset

    files = find_model(workspace, model)
    with workspace.catalogue.reading() as session:
        rows = session.scalars(select(Dataset).order_by(Dataset.name)).all()
        names = tuple(row.name for row in rows if not row.sealed or row.opened_at is not None)
    return Options(names, files.adapter_folder is not None, trained_on(files) or "")


def read_contents(workspace: Workspace, draft: Draft) -> Contents:
    """What the export would hold, or why it cannot be made."""
    from engine.exporting.making import require_text
    from engine.exporting.starting import planned, require_adapter
    from engine.models.library import find_model

    try:
        files = find_model(workspace, draft.model)
        spec = final_spec(workspace, draft)
        if draft.form == "adapter":
            require_adapter(files)
            return Contents((tr("The adapter's own files, for PEFT."),))
        if draft.form == "merged":
            return Contents((tr("A folder for transformers, with an adapter folded into its base."),))
        if spec.converted is not None:
            if not Path(spec.converted).expanduser().is_file():
                raise BakeoffError(
                    "export.no_converted",
                    "There is no file {file}.",
                    fix="Check the name.",
                    file=spec.converted,
                )
            return Contents((tr("The file is checked against the model, and taken over."),))
        require_text(workspace, spec, files)
        plan = planned(spec, files)
        plan.family.vocabulary()  # refuses a tokenizer that llama.cpp does not know
        return Contents(plan_lines(plan))
    except BakeoffError as error:
        return Contents(problem=problem_of(error))


def final_spec(workspace: Workspace, draft: Draft) -> ExportSpec:
    """What is to be exported, its place settled and free.

    Raises:
        BakeoffError: The place is taken, or none is named where one is needed.
    """
    from engine.exporting.spec import UNKNOWN
    from engine.exporting.starting import place_of, require_new

    spec = draft.spec()
    if spec.out is None:
        if draft.form == "gguf":
            return spec
        raise BakeoffError("export.no_place", "It is not said where the export goes.", fix="Name a folder.")
    kind = UNKNOWN if spec.converted is not None else spec.quantisation
    place = place_of(spec.out, draft.form, draft.model, kind)
    require_new(place)
    return spec.model_copy(update={"out": str(place)})


def plan_lines(plan: GgufPlan) -> tuple[str, ...]:
    """What a GGUF file will hold, in sentences."""
    document = plan.as_dict()
    types = ", ".join(
        tr("{count} as {kind}", count=numeral(number), kind=kind)
        for kind, number in document["types"].items()
    )
    lines = [
        tr(
            "{size}, {bits} bits per weight.",
            size=size(document["bytes"]),
            bits=numeral(document["bits_per_weight"], ".2f"),
        ),
        tr("Tensors: {types}.", types=types),
    ]
    odd = [tensor["name"] for tensor in document["tensors"] if tensor["fallback"]]
    if odd:
        shown = ", ".join(odd[:_NAMED]) + (", …" if len(odd) > _NAMED else "")
        lines.append(
            tr(
                "Rows that are no whole blocks take more bits, in {count} of them: {names}",
                count=numeral(len(odd)),
                names=shown,
            )
        )
    return tuple(lines)


def result_lines(summary: dict[str, Any]) -> tuple[str, ...]:
    """What came of an export, in sentences."""
    lines = [tr("{file}: {size}", file=summary["file"], size=size(summary["bytes"]))]
    parity = summary.get("parity")
    if parity is not None:
        alike = parity["texts"] - parity["different"]
        lines.append(
            tr(
                "{alike} of {texts} texts become the same tokens.",
                alike=numeral(alike),
                texts=numeral(parity["texts"]),
            )
        )
        lines.append(
            tr("The chat template is the same.")
            if parity["template"]
            else tr("The chat template is another.")
        )
    if "modelfile" in summary:
        lines.append(tr("For Ollama: {file}", file=summary["modelfile"]))
    return tuple(lines)
