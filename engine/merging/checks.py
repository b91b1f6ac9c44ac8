"""Comparisons of models and values that do not stop a merge, but that its owner should know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine.merging.errors import Finding, error, warning
from engine.merging.inputs import ModelInput
from engine.merging.method_table import IGNORED_PARAMETERS, METHODS
from engine.merging.plan import MergePlan
from engine.merging.recipe import Recipe
from engine.merging.vocabulary import same_tokenizer
from engine.weights.model_folder import text_config

#: What a model computes with its weights: where these differ, equal tensors mean different things.
_COMPARED: Final = (
    "model_type",
    "hidden_act",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "rms_norm_eps",
    "rope_theta",
    "rope_scaling",
    "sliding_window",
)
#: What a config means that does not mention the key.
_ABSENT: Final[dict[str, Any]] = {"rope_theta": 10000.0}
_TINY: Final = 1e-8


def compare_models(
    models: list[ModelInput], reference: ModelInput, *, tokenizer_chosen: bool
) -> list[Finding]:
    """Warnings about models that are not of one family."""
    findings = []
    own = _facts(reference.config)
    for model in models:
        if model is reference:
            continue
        theirs = _facts(model.config)
        findings += [
            warning(
                "merge.config_differs",
                "'{key}' is {theirs} in '{model}' and {own} in '{reference}', whose config is taken.",
                "Merge models of one family, or expect a weak result.",
                key=key,
                theirs=str(theirs.get(key)),
                own=str(own.get(key)),
                model=model.label,
                reference=reference.label,
            )
            for key in _COMPARED
            if own.get(key, _ABSENT.get(key)) != theirs.get(key, _ABSENT.get(key))
        ]
        if not tokenizer_chosen and same_tokenizer(reference.folder, model.folder) is False:
            findings.append(
                warning(
                    "merge.tokenizer_differs",
                    "The tokenizers of '{model}' and '{reference}' differ, so rows of their embeddings "
                    "may belong to different tokens.",
                    "Add 'tokenizer_source: union' to the recipe if tokens were added.",
                    model=model.label,
                    reference=reference.label,
                )
            )
    if reference.config.get("auto_map"):
        findings.append(
            warning(
                "merge.remote_code",
                "The config of '{model}' asks to run Python files; the merge will not.",
                model=reference.label,
            )
        )
    return findings


def check_placement(recipe: Recipe) -> list[Finding]:
    """Warnings about parameters that change nothing where they stand."""
    method = METHODS[recipe.merge_method]
    found: dict[str, Finding] = {}
    for name, per_model in _placed(recipe):
        parameter = method.parameter(name)
        if name in IGNORED_PARAMETERS:
            found[name] = warning(
                "merge.parameter_ignored",
                "'{parameter}' changes nothing: {reason}.",
                parameter=name,
                reason=IGNORED_PARAMETERS[name],
            )
        elif parameter is None:
            found[name] = warning(
                "merge.parameter_unused",
                "'{parameter}' is not used by the method {method}.",
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
                    density=density,
                    epsilon=epsilon,
                )
        if "select_topk" in tensor.parameters:
            _require_share("select_topk", tensor.parameters["select_topk"], tensor.output.name, found)
        t = tensor.parameters.get("t")
        if method == "slerp" and t is not None and not 0 <= t <= 1:
            found["t"] = warning("merge.extrapolates", "t is {t}, outside 0 to 1: SLERP extrapolates.", t=t)
        normalised = tensor.parameters.get("normalize" if method == "linear" else "normalize_weights")
        total = sum(source.parameters.get("weight", 0.0) for source in tensor.inputs)
        if normalised and abs(total) < _TINY:
            found["weights"] = error(
                "merge.weights_cancel",
                "The weights for the tensor '{tensor}' add up to zero, so they cannot be normalised.",
                "Change the weights, or set 'normalize: false'.",
                tensor=tensor.output.name,
            )
    return list(found.values())


def check_tied(plan: MergePlan) -> list[Finding]:
    """Warnings about output heads."""
    first, last = plan.slices[0], plan.slices[-1]
    ends = [{source.model for source in part.sources} for part in (first, last)]
    if plan.tied and ends[0] != ends[1]:
        return [
            warning(
                "merge.tied_ends",
                "All models use their embedding as head, so the merge does too: with the embedding of the "
                "first slice, although the last slice is of another model.",
            )
        ]
    mixed = {plan.models[model].tied for models in ends for model in models}
    if len(mixed) == 2:
        return [
            warning(
                "merge.head_untied",
                "Some models use their embedding as head and some do not: the merge gets a head of its own.",
            )
        ]
    return []


def _facts(config: dict[str, Any]) -> dict[str, Any]:
    """The compared part of a config, old and new spellings brought together."""
    facts = dict(text_config(config))
    rope = facts.get("rope_parameters")
    if isinstance(rope, dict):
        facts.setdefault("rope_theta", rope.get("rope_theta"))
        if rope.get("rope_type", "default") != "default":
            facts["rope_scaling"] = {key: value for key, value in rope.items() if key != "rope_theta"}
    if isinstance(facts.get("rope_theta"), int):
        facts["rope_theta"] = float(facts["rope_theta"])
    if facts.get("head_dim") is None and facts.get("num_attention_heads"):
        facts["head_dim"] = facts.get("hidden_size", 0) // facts["num_attention_heads"]
    return {key: value for key, value in facts.items() if value is not None}


def _placed(recipe: Recipe) -> Iterator[tuple[str, bool]]:
    """Every parameter in the recipe, and whether it stands below a model."""
    for name in recipe.parameters:
        yield name, False
    for entry in recipe.models or ():
        for name in entry.parameters:
            yield name, True
    for part in recipe.slices or ():
        for name in part.parameters:
            yield name, False
        for source in part.sources:
            for name in source.parameters:
                yield name, True


def _require_share(name: str, value: float, tensor: str, found: dict[str, Finding]) -> None:
    if not 0 <= value <= 1:
        found[name] = error(
            "merge.share_out_of_range",
            "'{parameter}' is {value} for the tensor '{tensor}', but it is a share from 0 to 1.",
            parameter=name,
            value=value,
            tensor=tensor,
        )
