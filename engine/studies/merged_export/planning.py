"""The plan of a GGUF file whose tensors a merge recipe makes, and the task it is compared on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.exporting.errors import ExportError
from engine.exporting.plan import GgufPlan, plan_gguf
from engine.exporting.quantisations import quantisation, wants_importance
from engine.exporting.sources import trained_on
from engine.merging.output import write_companions
from engine.merging.plan import MergePlan
from engine.merging.recipe import Recipe
from engine.merging.source import MergedSource
from engine.models.errors import ModelError
from engine.models.library import find_model
from engine.workspace import Workspace
from engine.workspace.naming import NameUnknownError


@contextmanager
def planned_export(plan: MergePlan, name: str, seed: int) -> Iterator[tuple[GgufPlan, Path]]:
    """The plan in a quantisation, and a folder with the merge's configuration and tokenizer while it is used.

    Raises:
        ExportError: It cannot be written like this.
    """
    wanted = quantisation(name)
    if wants_importance(wanted):
        raise ExportError(
            "export.importance_of_merge",
            "The quantisation {name} needs to know which weights matter, which is measured on a model that exists.",
            fix="Make the merge with bakeoff merge and export that, or take q4_k_m.",
            name=wanted.name,
        )
    with TemporaryDirectory(prefix="bakeoff-") as temporary:
        companions = Path(temporary)
        write_companions(plan, companions)
        yield plan_gguf(companions, wanted, source=MergedSource(plan, companions, seed)), companions


def dataset_of_parents(workspace: Workspace, recipe: Recipe) -> str | None:
    """The name of the dataset that the merged models were trained on, where it is one and the same."""
    names = set()
    for part in {name for one in recipe.references for name in (one.path, one.adapter) if name}:
        try:
            names.add(trained_on(find_model(workspace, part)))
        except (NameUnknownError, ModelError):
            continue
    names.discard(None)
    return names.pop() if len(names) == 1 else None
