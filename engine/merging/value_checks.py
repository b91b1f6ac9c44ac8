"""Checks of a recipe's parameters: where they stand, what they fit, and whether their values make sense."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from engine.errors import Words
from engine.merging.errors import Finding, error, warning
from engine.merging.method_table import CONSENSUS_METHODS, IGNORED_PARAMETERS, METHODS
from engine.merging.plan import MergePlan, TensorPlan
from engine.merging.recipe import Recipe
from engine.merging.settings import Settings

_TINY: Final = 1e-8

#: How alike a filter and a part of a tensor's name are at least where one was meant (`mpl`, `mlp`: 0.67).
_NEAR: Final = 0.65


def check_placement(recipe: Recipe) -> list[Finding]:
    """Warnings about parameters that change nothing where they stand."""
    method = METHODS[recipe.merge_method]
    found: dict[str, Finding] = {}
    for name, per_model in ((name, below) for settings, below in _placed(recipe) for name in settings):
        parameter = method.parameter(name)
        if name in IGNORED_PARAMETERS:
            found[name] = warning(
                "merge.parameter_ignored",
                "'{parameter}' changes nothing: {reason}.",
                "Leave it out.",
                parameter=name,
                reason=Words(IGNORED_PARAMETERS[name]),
            )
        elif parameter is None:
            found[name] = warning(
                "merge.parameter_unused",
                "'{parameter}' is not used by the method {method}.",
                "Leave it out, or choose a method that uses it.",
                parameter=name,
                method=method.name,
            )
        elif per_model and not parameter.per_model:
            found[name] = warning(
                "merge.parameter_misplaced",
                "'{parameter}' has no effect below a model: {method} has one for all models.",
                "Move it to the parameters of the slice or the recipe.",
                parameter=name,
                method=method.name,
            )
    return list(found.values())


def check_values(plan: MergePlan) -> list[Finding]:
    """Findings about values that make no sense, once per kind."""
    found: dict[str, Finding] = {}
    method = plan.recipe.merge_method
    for tensor in plan.tensors:
        if tensor.copied:
            continue
        for source in tensor.inputs:
            for name in ("density", "gamma"):
                if name in source.parameters:
                    _require_share(name, source.parameters[name], tensor.output.name, found)
            density, epsilon = source.parameters.get("density", 1.0), source.parameters.get("epsilon")
            if epsilon is not None and density < 1 and not epsilon <= density <= 1 - epsilon:
                found["epsilon"] = warning(
                    "merge.epsilon_clipped",
                    "density {density} with epsilon {epsilon} asks for keep probabilities outside 0 to 1; "
                    "they are clipped.",
                    "Give an epsilon no larger than the density and than what the density leaves to 1.",
                    density=density,
                    epsilon=epsilon,
                )
        if "select_topk" in tensor.parameters:
            _require_share("select_topk", tensor.parameters["select_topk"], tensor.output.name, found)
        t = tensor.parameters.get("t")
        if method == "slerp" and t is not None and not 0 <= t <= 1:
            found["t"] = warning(
                "merge.extrapolates",
                "t is {t}, outside 0 to 1: SLERP extrapolates.",
                "Give a t from 0 to 1 to end between the two models.",
                t=t,
            )
        if _weights_cancel(method, tensor):
            found["weights"] = error(
                "merge.weights_cancel",
                "The weights for the tensor '{tensor}' add up to zero, so they cannot be normalised.",
                "Change the weights, or set 'normalize: false'.",
                tensor=tensor.output.name,
            )
    return list(found.values())


def check_filters(plan: MergePlan) -> list[Finding]:
    """Filters that no tensor fits, and entries that none can reach.

    A filter that is nearly a part of a tensor's name is a slip, and an error; another one may be meant for models
    that have such tensors.
    """
    method = METHODS[plan.recipe.merge_method]
    tensors = [tensor.output.name for tensor in plan.tensors]
    parts = sorted({part for tensor in tensors for part in tensor.split(".") if not part.isdecimal()})
    found: dict[tuple[str, str], Finding] = {}
    for settings, _ in _placed(plan.recipe):
        for name, entries in settings.items():
            if method.parameter(name) is None:
                continue
            for number, entry in enumerate(entries):
                unmatched = not any(entry.fits(tensor) for tensor in tensors)
                near = (
                    difflib.get_close_matches(str(entry.filter), parts, n=1, cutoff=_NEAR)
                    if unmatched
                    else []
                )
                if near:
                    found[name, str(entry.filter)] = error(
                        "merge.filter_misspelt",
                        "The filter '{filter}' of '{parameter}' fits no tensor of the merge.",
                        "Did you mean '{meant}'?",
                        filter=str(entry.filter),
                        parameter=name,
                        meant=near[0],
                    )
                elif unmatched:
                    found[name, str(entry.filter)] = warning(
                        "merge.filter_unmatched",
                        "The filter '{filter}' of '{parameter}' fits no tensor of the merge.",
                        "A filter is a part of a tensor's name, such as 'self_attn'.",
                        filter=str(entry.filter),
                        parameter=name,
                    )
                if entry.fits_all and number + 1 < len(entries):
                    found[name, "*"] = warning(
                        "merge.filter_unreached",
                        "'{parameter}' has entries behind one that fits every tensor, and they change nothing.",
                        "Put the entry without a filter last.",
                        parameter=name,
                    )
                    break
    return list(found.values())


def _placed(recipe: Recipe) -> Iterator[tuple[Settings, bool]]:
    """All parameters in the recipe, and whether they stand below a model."""
    yield recipe.parameters, False
    for entry in recipe.models or ():
        yield entry.parameters, True
    for part in recipe.slices or ():
        yield part.parameters, False
        for source in part.sources:
            yield source.parameters, True


def _weights_cancel(method: str, tensor: TensorPlan) -> bool:
    """Whether a tensor's weights add up to zero although their sum is to divide."""
    if method in CONSENSUS_METHODS:
        return False
    asked = tensor.parameters.get("normalize") or tensor.parameters.get("normalize_weights")
    weights = [source.parameters.get("weight", 0.0) for source in tensor.inputs]
    if not asked or abs(sum(weights)) >= _TINY:
        return False
    # Changes from a base that all count nothing leave the base, which needs no division.
    return METHODS[method].base != "required" or any(abs(weight) >= _TINY for weight in weights)


def _require_share(name: str, value: float, tensor: str, found: dict[str, Finding]) -> None:
    if name == "density" and value > 1:
        found.setdefault(
            name,
            warning(
                "merge.density_above_one",
                "'density' is {value} for the tensor '{tensor}': from 1 on nothing is dropped.",
                "Give a share from 0 to 1 to drop changes.",
                value=value,
                tensor=tensor,
            ),
        )
    elif not 0 <= value <= 1:
        found[name] = error(
            "merge.share_out_of_range",
            "'{parameter}' is {value} for the tensor '{tensor}', but it is a share from 0 to 1.",
            "Give a share from 0 to 1.",
            parameter=name,
            value=value,
            tensor=tensor,
        )
