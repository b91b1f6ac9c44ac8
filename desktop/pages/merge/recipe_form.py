"""A merge recipe as a form has it: what can be picked and dragged, and back to YAML. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import yaml

from engine.merging.method_table import METHODS, Method, Parameter
from engine.merging.recipe import Recipe
from engine.merging.settings import Entry

#: The tensors that have a curve of their own, and the rest of them.
CURVES: Final = ("self_attn", "mlp")
REST: Final = ""
#: Points of a curve that nobody has drawn yet.
POINTS: Final = 5

#: What a form writes where a recipe must give a value and nobody has.
_FIRST: Final = {"t": 0.001}

Curve = tuple[float, ...]


@dataclass(frozen=True)
class Form:
    """What the form holds.

    Attributes:
        method: Of `METHODS`.
        models: Names, in the recipe's order.
        base: The first endpoint, or the origin from which the others differ, and then among ``models`` though it is
            no input; where a method needs neither, the one that gives config and tokenizer. Empty for none.
        per_model: Model -> parameter -> value.
        shared: Parameter -> value, but for the share that has curves.
        curves: Part of a tensor's name -> values over the layers; `REST` for all others.
        dtype: Of storage; empty for the base's.
    """

    method: str = "slerp"
    models: tuple[str, ...] = ()
    base: str = ""
    per_model: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    shared: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    dtype: str = "bfloat16"

    @property
    def about(self) -> Method:
        """The method."""
        return METHODS[self.method]

    @property
    def curved(self) -> bool:
        """Whether the share of the second model is drawn over the layers."""
        return self.about.base == "endpoint"

    def with_models(self, models: tuple[str, ...]) -> Form:
        """With other models; each new one has the values of a form that nobody has changed."""
        base = self.base if self.base in models else models[0] if models else ""
        return replace(self, models=models, base=base)


def document_of(form: Form) -> dict[str, Any]:
    """The recipe's structure."""
    method = form.about
    per_model = [parameter for parameter in method.parameters if parameter.per_model]
    models = []
    for name in form.models:
        if method.base in ("required", "optional") and name == form.base and len(form.models) > 1:
            continue  # the origin from which the others differ
        given = form.per_model.get(name, {})
        values = {
            parameter.name: _told(parameter, given.get(parameter.name, first_value(parameter)))
            for parameter in per_model
        }
        models.append({"model": name, **({"parameters": values} if values else {})})
    document: dict[str, Any] = {"merge_method": form.method}
    if form.base:
        document["base_model"] = form.base
    document["models"] = models
    shared: dict[str, Any] = {
        parameter.name: _told(parameter, form.shared.get(parameter.name, first_value(parameter)))
        for parameter in method.parameters
        if not parameter.per_model and (parameter.name in form.shared or parameter.default is None)
    }
    if form.curved:
        shared["t"] = _t(form.curves)
    if shared:
        document["parameters"] = shared
    if form.dtype:
        document["dtype"] = form.dtype
    return document


def yaml_of(form: Form) -> str:
    """The recipe as YAML, lists of numbers on one line."""
    return yaml_of_document(document_of(form))


def yaml_of_document(document: Mapping[str, Any]) -> str:
    """A recipe's structure as YAML, as `yaml_of` writes it."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def form_of(recipe: Recipe) -> Form | None:
    """The form that says what a recipe says; None where a form cannot say it all."""
    if recipe.models is None or recipe.tokenizer_choice is not None or recipe.out_dtype is not None:
        return None
    if recipe.arithmetic != "float32":
        return None
    per_model: dict[str, dict[str, float]] = {}
    for entry in recipe.models:
        values = {}
        for name, entries in entry.parameters.items():
            value = _plain(entries)
            if value is None:
                return None
            values[name] = value
        per_model[str(entry.model)] = values
    method = METHODS[recipe.merge_method]
    shared: dict[str, float] = {}
    curves: dict[str, Curve] = {}
    for name, entries in recipe.parameters.items():
        if name == "t" and method.base == "endpoint":
            found = _curves(entries)
            if found is None:
                return None
            curves = found
            continue
        value = _plain(entries)
        if value is None:
            return None
        shared[name] = value
    models = tuple(str(entry.model) for entry in recipe.models)
    base = str(recipe.base_model) if recipe.base_model is not None else ""
    if base and base not in models and method.base != "inputs":
        models = (base, *models)
    if not base and models and method.base != "inputs":
        base = models[0]
    return Form(recipe.merge_method, models, base, per_model, shared, curves, recipe.dtype or "")


def curve_at(curve: Curve, position: float) -> float:
    """What a curve gives at a depth from 0 to 1, as a merge does."""
    return Entry(value=tuple(curve)).at(position)


def _t(curves: Mapping[str, Curve]) -> Any:
    entries = [{"filter": name, "value": _value(curves[name])} for name in CURVES if name in curves]
    rest = _value(curves.get(REST, (0.5,)))
    return [*entries, {"value": rest}] if entries else rest


def _value(curve: Curve) -> Any:
    return curve[0] if len(curve) == 1 else list(curve)


def _curves(entries: tuple[Entry, ...]) -> dict[str, Curve] | None:
    found: dict[str, Curve] = {}
    for entry in entries:
        name = REST if entry.fits_all else str(entry.filter)
        if name not in (*CURVES, REST) or name in found:
            return None
        found[name] = entry.value if isinstance(entry.value, tuple) else (float(entry.value),)
    return found


def _plain(entries: tuple[Entry, ...]) -> float | None:
    """The only value of a parameter; None where it differs between tensors or layers."""
    if len(entries) != 1 or not entries[0].fits_all or isinstance(entries[0].value, tuple):
        return None
    return float(entries[0].value)


def first_value(parameter: Parameter) -> float:
    """What a form shows before anybody has chosen."""
    return _FIRST.get(parameter.name, 1.0) if parameter.default is None else parameter.default


def _told(parameter: Parameter, value: float) -> float | bool:
    """The value as a recipe writes it."""
    return bool(value) if parameter.kind == "flag" else value


class _Dumper(yaml.SafeDumper):
    """Writes lists of numbers on one line, and the rest in blocks."""


def _list(dumper: _Dumper, value: list[Any]) -> yaml.Node:
    flat = all(isinstance(one, int | float) for one in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flat)


def _number(dumper: _Dumper, value: float) -> yaml.Node:
    if value == int(value):
        return dumper.represent_scalar("tag:yaml.org,2002:int", str(int(value)))
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(value))


_Dumper.add_representer(list, _list)
_Dumper.add_representer(float, _number)
