"""The pre-flight: from a recipe to a plan and findings, reading headers and configs but no tensor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BakeoffError
from engine.merging.checks import check_base, check_tied, compare_models
from engine.merging.completeness import check_completeness
from engine.merging.destination import check_destination
from engine.merging.errors import Finding, MergeError, from_exception, warning
from engine.merging.inputs import ModelInput, open_input
from engine.merging.layer_lists import check_layer_lists
from engine.merging.layout import lay_out
from engine.merging.method_table import METHODS, RANDOM_METHODS
from engine.merging.plan import MergePlan, Planner
from engine.merging.recipe import ModelRef, Recipe
from engine.merging.references import Locator, Resolve
from engine.merging.value_checks import check_filters, check_placement, check_values
from engine.merging.vocabulary import OutputVocabulary, plan_vocabulary
from engine.weights import WeightsError, dtype_code
from engine.weights.formats import FLOAT_CODES, dtype_name
from engine.weights.model_folder import config_dtype


@dataclass(frozen=True)
class Preflight:
    """What is known about a merge before it is done.

    Attributes:
        findings: Errors and warnings, in the order they were met.
        plan: What would be done; None where errors prevent a plan.
    """

    findings: tuple[Finding, ...]
    plan: MergePlan | None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What stops the merge."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What should be known but stops nothing."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def ok(self) -> bool:
        """Whether the merge can be done."""
        return self.plan is not None and not self.errors

    def require(self) -> MergePlan:
        """The plan, if there is nothing against it.

        Raises:
            MergeError: Tells the first error and how many more there are.
        """
        if self.plan is not None and not self.errors:
            return self.plan
        first, more = self.errors[0], len(self.errors) - 1
        told = BakeoffError(first.code, first.text, **first.params)
        if not more:
            raise MergeError(first.code, first.text, fix=first.fix_text, **first.params)
        raise MergeError(
            first.code,
            "{message} ({more} more; the check alone shows all.)",
            fix=first.fix_text,
            **{**first.params, "message": told, "more": more},
        )

    def as_dict(self) -> dict[str, Any]:
        """The pre-flight as JSON."""
        plan = self.plan
        summary: dict[str, Any] = {"ok": self.ok, "findings": [item.as_dict() for item in self.findings]}
        if plan is not None:
            summary |= {
                "method": plan.recipe.merge_method,
                "models": [model.label for model in plan.models.values()],
                "layers": plan.layers,
                "tensors": len(plan.tensors),
                "bytes": plan.nbytes,
                "dtype": dtype_name(plan.dtype),
                "tied": plan.tied,
                "random": plan.recipe.merge_method in RANDOM_METHODS,
            }
        return summary


def check(
    recipe: Recipe,
    *,
    resolve: Resolve | None = None,
    recipe_file: Path | None = None,
    working_folder: Path | None = None,
    out: Path | None = None,
) -> Preflight:
    """Find out whether a recipe can be merged, without reading a tensor.

    Args:
        recipe: The recipe.
        resolve: Finds models by name (see `engine.merging.references.Locator`).
        recipe_file: Where the recipe lies; relative paths are also tried from there.
        working_folder: Where relative paths begin; by default the current folder.
        out: The new folder, if it is to be looked at, too.
    """
    found = _check_models(recipe, Locator(resolve, recipe_file, working_folder))
    if out is None:
        return found
    nbytes = found.plan.nbytes if found.plan is not None else 0
    return Preflight((*found.findings, *check_destination(out, nbytes)), found.plan)


def _check_models(recipe: Recipe, locator: Locator) -> Preflight:
    findings = check_placement(recipe)
    models, problems = _open_models(recipe, locator)
    for model in models.values():
        problems += check_completeness(model)
    findings += problems
    if _stop(problems):
        return Preflight(tuple(findings), None)
    reference = models[recipe.base_model or recipe.references[0]]
    chosen = recipe.tokenizer_choice is not None
    findings += compare_models(list(models.values()), reference, tokenizer_chosen=chosen)
    slices, problems = lay_out(recipe, METHODS[recipe.merge_method], models)
    findings += problems
    if problems:
        return Preflight(tuple(findings), None)
    try:
        vocabulary = _vocabulary(recipe, models, reference, locator)
        dtype, problems = _output_dtype(recipe, reference)
    except BakeoffError as problem:
        return Preflight((*findings, from_exception(problem)), None)
    findings += problems
    planner = Planner(recipe, models, reference, slices, dtype, vocabulary)
    tensors = planner.tensors()
    findings += planner.findings
    plan = MergePlan(recipe, models, reference, tuple(slices), tensors, dtype, planner.tied, vocabulary)
    findings += check_base(plan) + check_tied(plan) + check_layer_lists(plan)
    if not _stop(planner.findings):
        findings += check_values(plan) + check_filters(plan)
    return Preflight(tuple(findings), plan)


def _stop(findings: list[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _open_models(recipe: Recipe, locator: Locator) -> tuple[dict[ModelRef, ModelInput], list[Finding]]:
    models: dict[ModelRef, ModelInput] = {}
    findings: list[Finding] = []
    for reference in recipe.references:
        try:
            models[reference] = open_input(reference, locator.locate(reference))
        except BakeoffError as problem:
            findings.append(from_exception(problem))
    return models, findings


def _vocabulary(
    recipe: Recipe, models: dict[ModelRef, ModelInput], reference: ModelInput, locator: Locator
) -> OutputVocabulary | None:
    choice = recipe.tokenizer_choice
    if choice is None:
        return None
    chosen: Path | None = None
    if choice.source not in ("base", "union"):
        path, plus, adapter = choice.source.partition("+")
        named = ModelRef(path=path, adapter=adapter if plus else None)
        chosen = models[named].tokenizer_folder if named in models else locator.locate(named).folder
    folders = [model.tokenizer_folder for model in models.values()]
    own = reference.tokenizer_folder
    return plan_vocabulary(choice.source, folders, own, chosen, choice.pad_to_multiple_of)


def _output_dtype(recipe: Recipe, reference: ModelInput) -> tuple[str, list[Finding]]:
    """Code of the type of storage: the recipe's, else the config's, else that of the stored tensors."""
    named = recipe.out_dtype or recipe.dtype
    if named is not None:
        return dtype_code(named), []
    stored = reference.source.dtype(reference.embedding or sorted(reference.names)[0])
    claimed = config_dtype(reference.config)
    if claimed is None:
        return stored, []
    try:
        code = dtype_code(claimed)
    except WeightsError:
        code = ""
    if code in FLOAT_CODES:
        return code, []
    return stored, [
        warning(
            "merge.dtype_claimed",
            "The config of '{model}' claims the element type {claimed}, in which no merge is stored; "
            "{stored}, that of its tensors, is taken.",
            "Name a 'dtype:' in the recipe.",
            model=reference.label,
            claimed=claimed,
            stored=dtype_name(stored),
        )
    ]
