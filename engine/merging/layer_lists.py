"""Lists in a config with one entry per layer (``layer_types``), put together as the layers are."""

from __future__ import annotations

from typing import Any, Final

from engine.merging.errors import Finding, error, warning
from engine.merging.layout import SliceLayout
from engine.merging.plan import MergePlan
from engine.weights.model_folder import text_config

#: Lists that a program which loads the model can do without: it then takes the architecture's own pattern.
_DERIVED: Final = frozenset({"layer_types"})


def layer_lists(plan: MergePlan) -> dict[str, list[Any] | None]:
    """The per-layer lists of the output's config; None for one that a slice's models do not tell."""
    lists: dict[str, list[Any] | None] = {}
    for key, own in text_config(plan.reference.config).items():
        if not (isinstance(own, list) and "layer" in key and len(own) == plan.reference.layers):
            continue
        values: list[Any] | None = []
        position = 0
        for part in plan.slices:
            given = _entries(plan, key, own, part, position)
            values = None if values is None or given is None else [*values, *given]
            position += part.length
        lists[key] = values
    return lists


def check_layer_lists(plan: MergePlan) -> list[Finding]:
    """Findings about lists that cannot be put together."""
    findings = []
    for key, values in layer_lists(plan).items():
        if values is not None:
            continue
        if key in _DERIVED:
            findings.append(
                warning(
                    "merge.layer_list_dropped",
                    "The config of '{reference}' lists '{key}' for each layer, and that of another model does "
                    "not, so the merge's config leaves the list out.",
                    "Check that the architecture's own pattern fits the new layers.",
                    reference=plan.reference.label,
                    key=key,
                )
            )
        else:
            findings.append(
                error(
                    "merge.layer_list_missing",
                    "The config of '{reference}' lists '{key}' for each layer, and that of another model does "
                    "not, so it is not known for its layers.",
                    "Use models of one family, with '{key}' in the config of each.",
                    reference=plan.reference.label,
                    key=key,
                )
            )
    return findings


def _entries(plan: MergePlan, key: str, own: list[Any], part: SliceLayout, position: int) -> list[Any] | None:
    """The entries for the layers of one slice, from the first of its sources whose config has them."""
    for source in part.sources:
        model = plan.models[source.model]
        given = text_config(model.config).get(key)
        if isinstance(given, list) and len(given) == model.layers:
            return given[source.start : source.end]
    # Layers that stay where they are in a model as deep as the reference mean what they mean there.
    first = part.sources[0]
    depths = {plan.layers, plan.reference.layers, plan.models[first.model].layers}
    return own[first.start : first.end] if first.start == position and len(depths) == 1 else None
