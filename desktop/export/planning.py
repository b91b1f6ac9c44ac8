"""What is typed about an export, and what it would hold. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.language import numeral, tr
from desktop.problem import Problem, problem_of
from desktop.words import size
from engine.errors import BakeoffError, Words
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.exporting.plan import GgufPlan
    from engine.exporting.spec import ExportSpec, Form
    from engine.studies.merged_export.spec import MergedExportSpec

    Spec = ExportSpec | MergedExportSpec

#: Tensors that are named in a plan, of those that are stored otherwise than the quantisation would.
_NAMED = 3


@dataclass(frozen=True)
class Draft:
    """What is typed in the dialog.

    Attributes:
        model: Its name; of a merge recipe, what its result is called.
        place: The file or the new folder; empty for a GGUF file that the workspace keeps.
        dataset: Whose prompts are compared; empty: of what the model was trained on.
        importance: Measure which weights matter.
        drift: Compare with 16 bits afterwards.
        converted: A GGUF file to be taken over instead; empty: one is made.
        recipe: A merge recipe whose result goes straight to a GGUF file; empty: ``model`` is one of the workspace.
        seed: Of a recipe's methods that draw random numbers.
        threads: 0 for one per core.
    """

    model: str
    form: Form = "gguf"
    quantisation: str = "q4_k_m"
    place: str = ""
    dataset: str = ""
    importance: bool = False
    drift: bool = True
    converted: str = ""
    recipe: str = ""
    seed: int = 42
    threads: int = 0

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
            threads=self.threads or None,
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


def read_options(workspace: Workspace, draft: Draft) -> Options:
    """What can be chosen for a model, or for a recipe's result."""
    from sqlalchemy import select

    from engine.exporting.sources import trained_on
    from engine.merging import parse_recipe
    from engine.models.library import find_model
    from engine.studies.merged_export.planning import dataset_of_parents
    from engine.workspace.tables import Dataset

    if draft.recipe:
        adapter, trained = False, dataset_of_parents(workspace, parse_recipe(draft.recipe))
    else:
        files = find_model(workspace, draft.model)
        adapter, trained = files.adapter_folder is not None, trained_on(files)
    with workspace.catalogue.reading() as session:
        rows = session.scalars(select(Dataset).order_by(Dataset.name)).all()
        names = tuple(row.name for row in rows if not row.sealed or row.opened_at is not None)
    return Options(names, adapter, trained or "")


def read_contents(workspace: Workspace, draft: Draft) -> Contents:
    """What the export would hold, or why it cannot be made."""
    from engine.exporting.making import require_text
    from engine.exporting.starting import planned, require_adapter
    from engine.models.library import find_model

    try:
        if draft.recipe:
            return _recipe_contents(workspace, draft)
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


def request_of(workspace: Workspace, draft: Draft) -> tuple[str, Spec, Words]:
    """The job that makes it: its kind, what it gets, and its title.

    Raises:
        BakeoffError: See `final_spec`.
    """
    if not draft.recipe:
        title = Words("Export {model} as {form}", model=draft.model, form=draft.form)
        return "export", final_spec(workspace, draft), title
    spec = _recipe_spec(workspace, draft)
    return (
        "merged_export",
        spec,
        Words("Merge {recipe} into {name}", recipe=draft.model, name=Path(spec.out).name),
    )


def _recipe_contents(workspace: Workspace, draft: Draft) -> Contents:
    from engine.merging import check, parse_recipe
    from engine.merging.workspace_models import workspace_resolver
    from engine.studies.merged_export.planning import planned_export

    merge = check(parse_recipe(draft.recipe), resolve=workspace_resolver(workspace)).require()
    _recipe_spec(workspace, draft)
    with planned_export(merge, draft.quantisation, draft.seed) as (plan, _):
        plan.family.vocabulary()
        return Contents((*plan_lines(plan), tr("The merged model itself is not written.")))


def _recipe_spec(workspace: Workspace, draft: Draft) -> MergedExportSpec:
    """What is to be made of a recipe, its place settled and free."""
    from engine.exporting.starting import place_of, require_new
    from engine.merging import parse_recipe
    from engine.studies.merged_export.planning import dataset_of_parents
    from engine.studies.merged_export.spec import MergedExportSpec, provenance_file

    if not draft.place.strip():
        raise BakeoffError("export.no_place", "It is not said where the export goes.", fix="Name a file.")
    place = place_of(draft.place.strip(), "gguf", draft.model, draft.quantisation)
    require_new(place)
    require_new(provenance_file(place))
    return MergedExportSpec(
        recipe=draft.recipe,
        out=str(place),
        quantisation=draft.quantisation,
        model_name=draft.model,
        seed=draft.seed,
        dataset=draft.dataset or dataset_of_parents(workspace, parse_recipe(draft.recipe)),
        drift=draft.drift,
        threads=draft.threads or None,
    )


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
