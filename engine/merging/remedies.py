"""What mends a finding of the pre-flight: the recipe as it would be afterwards, where that is plain."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from engine.errors import BakeoffError, Words
from engine.merging.errors import Finding
from engine.merging.loading import parse_recipe
from engine.merging.method_table import METHODS
from engine.merging.recipe import Recipe

#: A recipe as `Recipe.as_dict` writes it; changed in place.
Document = dict[str, Any]


@dataclass(frozen=True)
class Remedy:
    """A change of the recipe that takes a finding away.

    Attributes:
        label: What it does, for a button.
        recipe: The recipe afterwards.
    """

    label: Words
    recipe: Recipe


def remedies(finding: Finding, recipe: Recipe, names: Sequence[str] = ()) -> list[Remedy]:
    """What can be done about a finding by itself, the plainest first; nothing where a person has to decide.

    Args:
        finding: What the pre-flight found.
        recipe: The recipe that it looked at.
        names: The models there are, for names that are misspelt.
    """
    offered = _REMEDIES.get(finding.code)
    found = []
    for label, change in offered(finding, recipe, names) if offered is not None else ():
        document = copy.deepcopy(recipe.as_dict())
        change(document)
        try:
            mended = parse_recipe(document)
        except BakeoffError:
            continue
        if mended != recipe:
            found.append(Remedy(label, mended))
    return found


_Change = Callable[[Document], object]
_Offered = list[tuple[Words, _Change]]


def _tokens(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    offered: _Offered = [
        (Words("Take the tokens of all models"), lambda document: _set(document, tokenizer_source="union"))
    ]
    if finding.code == "merge.vocabulary_size":
        offered.append(
            (
                Words("Take the tokens of the base"),
                lambda document: _set(document, tokenizer_source="base"),
            )
        )
    return offered


def _own_tokenizer(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    return [
        (
            Words("Leave the tokenizer as it is"),
            lambda document: _set(document, tokenizer_source=None, tokenizer=None),
        )
    ]


def _dtype(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    stored = str(finding.params["stored"])
    return [(Words("Store it in {dtype}", dtype=stored), lambda document: _set(document, dtype=stored))]


def _smaller(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    if (recipe.out_dtype or recipe.dtype) not in ("float32", "float64"):
        return []
    return [
        (
            Words("Store it in {dtype}", dtype="bfloat16"),
            lambda document: _set(document, dtype="bfloat16", out_dtype=None),
        )
    ]


def _base(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    first = str(recipe.references[0])
    method = METHODS[recipe.merge_method]

    def change(document: Document) -> None:
        document["base_model"] = first
        listed = document.get("models") or []
        if method.base == "required" and len(listed) > method.least:
            document["models"] = [entry for entry in listed if entry["model"] != first]

    return [(Words("Take '{model}' as the base", model=first), change)]


def _missing(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    parameter = str(finding.params["parameter"])
    value = 0.5 if parameter == "t" else 1.0

    def change(document: Document) -> None:
        shared = document.setdefault("parameters", {})
        entries = shared.get(parameter)
        if isinstance(entries, list) and entries and isinstance(entries[0], dict):
            entries.append({"value": value})
        else:
            shared[parameter] = value

    return [(Words("Set '{parameter}' to {value:g}", parameter=parameter, value=value), change)]


def _superfluous(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    parameter = str(finding.params["parameter"])

    def change(document: Document) -> None:
        for settings in _settings(document):
            settings.pop(parameter, None)

    return [(Words("Leave out '{parameter}'", parameter=parameter), change)]


def _misplaced(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    parameter = str(finding.params["parameter"])

    def change(document: Document) -> None:
        shared = document.setdefault("parameters", {})
        for settings in [*_settings(document, below=True)]:
            if parameter in settings:
                shared.setdefault(parameter, settings.pop(parameter))

    return [(Words("Let '{parameter}' hold for all models", parameter=parameter), change)]


def _weights(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    flag = "normalize" if METHODS[recipe.merge_method].parameter("normalize") else "normalize_weights"

    def alike(document: Document) -> None:
        for settings in _settings(document):
            settings.pop("weight", None)
        document.setdefault("parameters", {})["weight"] = 1.0

    def as_they_are(document: Document) -> None:
        for settings in _settings(document):
            settings.pop(flag, None)
        document.setdefault("parameters", {})[flag] = False

    return [
        (Words("Let all models count alike"), alike),
        (Words("Take the weights as they are"), as_they_are),
    ]


def _share(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    parameter = {"merge.extrapolates": "t", "merge.density_above_one": "density"}.get(
        finding.code, str(finding.params.get("parameter", ""))
    )

    def change(document: Document) -> None:
        for settings in _settings(document):
            if parameter in settings:
                settings[parameter] = _within(settings[parameter])

    return [(Words("Keep '{parameter}' between 0 and 1", parameter=parameter), change)]


def _unreached(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    parameter = str(finding.params["parameter"])

    def change(document: Document) -> None:
        for settings in _settings(document):
            if isinstance(settings.get(parameter), list):
                settings[parameter].sort(
                    key=lambda entry: isinstance(entry, dict) and entry.get("filter") in (None, "*")
                )

    return [(Words("Put the entry for all tensors last"), change)]


def _misspelt(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    wanted, meant = str(finding.params["filter"]), str(finding.params["meant"])

    def change(document: Document) -> None:
        for settings in _settings(document):
            for entries in settings.values():
                for one in entries if isinstance(entries, list) else ():
                    if isinstance(one, dict) and str(one.get("filter")) == wanted:
                        one["filter"] = meant

    written = (Words("Write the filter as '{meant}'", meant=meant), change)
    return [written, *_unmatched(finding, recipe, names)]


def _unmatched(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    parameter, wanted = str(finding.params["parameter"]), str(finding.params["filter"])

    def change(document: Document) -> None:
        for settings in _settings(document):
            entries = settings.get(parameter)
            if not isinstance(entries, list):
                continue
            left = [
                one for one in entries if not (isinstance(one, dict) and str(one.get("filter")) == wanted)
            ]
            if left:
                settings[parameter] = left
            else:
                del settings[parameter]

    return [(Words("Leave out the filter '{filter}'", filter=wanted), change)]


def _base_too(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    base = str(finding.params["model"])

    def change(document: Document) -> None:
        listed = document.get("models") or []
        own = any("weight" in entry.get("parameters", {}) for entry in listed)
        listed.insert(0, {"model": base, **({"parameters": {"weight": 1.0}} if own else {})})

    return [(Words("Merge '{model}' too", model=base), change)] if recipe.models is not None else []


def _between(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    other = str(finding.params["other"])

    def change(document: Document) -> None:
        for entry in document.get("models") or ():
            if entry["model"] == other:
                entry.setdefault("parameters", {})["weight"] = 0.5
        document.setdefault("parameters", {})["normalize"] = False

    return [(Words("Go half the way to '{model}'", model=other), change)]


def _unknown(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    wanted = str(finding.params["model"])
    near = difflib.get_close_matches(wanted, [name for name in names if name != wanted], n=1)
    offered: _Offered = [
        (Words("Take '{model}'", model=name), partial(_rename, old=wanted, new=name)) for name in near
    ]
    return [*offered, *_without(finding, recipe, names)]


def _without(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    """Go on without a model, where enough others are left."""
    model = str(finding.params.get("model", ""))
    left = [entry for entry in recipe.models or () if str(entry.model) != model]
    listed = recipe.models is not None and len(left) < len(recipe.models)
    if not listed or len(left) < 2 or str(recipe.base_model) == model:
        return []
    return [
        (
            Words("Leave out '{model}'", model=model),
            lambda document: _set(
                document, models=[entry for entry in document["models"] if entry["model"] != model]
            ),
        )
    ]


def _fewer(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    """Go on with as many models as the method takes."""
    method, base = METHODS[recipe.merge_method], str(recipe.base_model)
    if recipe.models is None or method.most is None:
        return []
    listed = [str(entry.model) for entry in recipe.models]
    free = [name for name in listed if name != base]
    most = method.most - (1 if method.base == "endpoint" and recipe.base_model is not None else 0)
    spare = free[most:]
    if not spare:
        return []
    return [
        (
            Words("Leave out '{models}'", models="', '".join(spare)),
            lambda document: _set(
                document, models=[entry for entry in document["models"] if entry["model"] not in spare]
            ),
        )
    ]


def _layers(finding: Finding, recipe: Recipe, names: Sequence[str]) -> _Offered:
    model, available = str(finding.params["model"]), int(finding.params["available"])

    def change(document: Document) -> None:
        for part in document.get("slices") or ():
            for source in part["sources"]:
                if source["model"] == model:
                    start, end = source["layer_range"]
                    source["layer_range"] = [start, min(end, available)]

    return [(Words("End at layer {layer} of '{model}'", layer=available, model=model), change)]


_REMEDIES: Final[dict[str, Callable[[Finding, Recipe, Sequence[str]], _Offered]]] = {
    "merge.tokenizer_differs": _tokens,
    "merge.vocabulary_size": _tokens,
    "merge.tokenizer_missing": _own_tokenizer,
    "merge.tokenizer_corrupt": _own_tokenizer,
    "merge.dtype_claimed": _dtype,
    "merge.disk_full": _smaller,
    "merge.base_missing": _base,
    "merge.parameter_missing": _missing,
    "merge.parameter_ignored": _superfluous,
    "merge.parameter_unused": _superfluous,
    "merge.parameter_misplaced": _misplaced,
    "merge.weights_cancel": _weights,
    "merge.share_out_of_range": _share,
    "merge.density_above_one": _share,
    "merge.extrapolates": _share,
    "merge.filter_unreached": _unreached,
    "merge.filter_unmatched": _unmatched,
    "merge.filter_misspelt": _misspelt,
    "merge.base_not_merged": _base_too,
    "merge.base_changes_nothing": _between,
    "merge.model_unknown": _unknown,
    "merge.shape_mismatch": _without,
    "merge.tensor_missing": _without,
    "merge.quantised": _without,
    "merge.no_layers": _without,
    "merge.layers_missing": _without,
    "merge.layer_incomplete": _without,
    "merge.part_missing": _without,
    "merge.model_count": _fewer,
    "merge.layer_range": _layers,
}


def _set(document: Document, **values: Any) -> None:
    """Set keys; None takes one away."""
    for key, value in values.items():
        if value is None:
            document.pop(key, None)
        else:
            document[key] = value


def _settings(document: Document, *, below: bool = False) -> Iterator[Document]:
    """All parameters of a recipe; only those of single models where ``below`` says so."""
    places = [*(document.get("models") or ())]
    for part in document.get("slices") or ():
        places += part["sources"]
        if not below and "parameters" in part:
            yield part["parameters"]
    yield from (place["parameters"] for place in places if "parameters" in place)
    if not below and "parameters" in document:
        yield document["parameters"]


def _within(value: Any) -> Any:
    """A parameter's value with all its numbers between 0 and 1."""
    if isinstance(value, list):
        return [_within(one) for one in value]
    if isinstance(value, dict):
        return {**value, "value": _within(value["value"])}
    return min(1.0, max(0.0, float(value)))


def _rename(document: Document, old: str, new: str) -> None:
    """Put another model in a model's place, wherever it stands."""
    places = [*(document.get("models") or ())]
    for part in document.get("slices") or ():
        places += part["sources"]
    for place in places:
        if place["model"] == old:
            place["model"] = new
    if document.get("base_model") == old:
        document["base_model"] = new
