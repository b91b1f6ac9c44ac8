"""Comparisons of models that do not stop a merge, but that its owner should know."""

from __future__ import annotations

from typing import Any, Final

from engine.merging.errors import Finding, warning
from engine.merging.inputs import ModelInput
from engine.merging.method_table import METHODS
from engine.merging.plan import MergePlan
from engine.merging.vocabulary import same_tokenizer
from engine.weights.model_folder import TOKENIZER_FILES, text_config

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
        if not tokenizer_chosen and _other_tokenizer(reference, model):
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
    if not tokenizer_chosen and not any(
        (reference.tokenizer_folder / name).is_file() for name in TOKENIZER_FILES
    ):
        findings.append(
            warning(
                "merge.tokenizer_absent",
                "The folder of '{model}' holds no tokenizer, so the merge will have none.",
                "Copy the files of its tokenizer there first.",
                model=reference.label,
            )
        )
    if reference.config.get("auto_map"):
        findings.append(
            warning(
                "merge.remote_code",
                "The config of '{model}' asks to run Python files; the merge will not.",
                "Use the merge with programs that know this architecture without them.",
                model=reference.label,
            )
        )
    return findings


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
                "Begin and end with slices of one model to keep its head.",
            )
        ]
    mixed = {plan.models[model].tied for models in ends for model in models}
    if len(mixed) == 2:
        return [
            warning(
                "merge.head_untied",
                "Some models use their embedding as head and some do not: the merge gets a head of its own.",
                "Nothing needs to be done; the merge is larger by that head.",
            )
        ]
    return []


def check_base(plan: MergePlan) -> list[Finding]:
    """A warning about a base that is named, and not merged or merged in vain."""
    recipe, method = plan.recipe, METHODS[plan.recipe.merge_method]
    base = recipe.base_model
    if base is None:
        return []
    if not any(source.model == base for part in plan.slices for source in part.sources):
        return [
            warning(
                "merge.base_not_merged",
                "'{model}' gives only config and tokenizer: {method} merges what '{listed}' lists.",
                "List it there too if it should take part.",
                model=str(base),
                method=method.name,
                listed="models" if recipe.models is not None else "slices",
            )
        ]
    listed = [model.model for model in recipe.models or ()]
    others = [model for model in listed if model != base]
    normalize = method.parameter("normalize")
    if normalize is None or base not in listed or len(others) != 1:
        return []
    entries = recipe.parameters.get("normalize")
    if not (any(entry.value for entry in entries) if entries else normalize.default):
        return []
    return [
        warning(
            "merge.base_changes_nothing",
            "'{model}' is the base that changes are counted from, so it has none: {method} takes those of '{other}' "
            "as they are.",
            "To end between the two, give '{other}' a weight below 1 and set 'normalize: false'.",
            model=str(base),
            other=str(others[0]),
            method=method.name,
        )
    ]


def _other_tokenizer(first: ModelInput, second: ModelInput) -> bool:
    return same_tokenizer(first.tokenizer_folder, second.tokenizer_folder) is False


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
