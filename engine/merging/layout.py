"""Which layers of which models make up each slice of the output, and which model is the origin."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import Words
from engine.merging.errors import Finding, error
from engine.merging.inputs import ModelInput
from engine.merging.method_table import Method
from engine.merging.recipe import ModelRef, Recipe
from engine.merging.settings import Settings


@dataclass(frozen=True)
class LayerSource:
    """Layers of a model in a slice.

    Attributes:
        model: The model.
        start: First layer.
        end: The layer after the last.
        settings: Parameters of this source.
    """

    model: ModelRef
    start: int
    end: int
    settings: Settings


@dataclass(frozen=True)
class SliceLayout:
    """A slice of the output.

    Attributes:
        inputs: What is merged.
        origin: What the inputs differ from, or None for a method without.
        settings: Parameters of the slice.
    """

    inputs: tuple[LayerSource, ...]
    origin: LayerSource | None
    settings: Settings

    @property
    def sources(self) -> tuple[LayerSource, ...]:
        """Everything that is read: the origin and the inputs."""
        return self.inputs if self.origin is None else (self.origin, *self.inputs)

    @property
    def length(self) -> int:
        """Number of layers."""
        return self.inputs[0].end - self.inputs[0].start


def lay_out(
    recipe: Recipe, method: Method, models: dict[ModelRef, ModelInput]
) -> tuple[list[SliceLayout], list[Finding]]:
    """Bring both forms of a recipe (models, slices) into slices with their origin.

    Returns:
        The slices, and what is wrong with them; where something is wrong the slices may be incomplete.
    """
    base = recipe.base_model
    if base is None and method.base in ("required", "endpoint"):
        return [], [
            error(
                "merge.base_missing",
                "The method {method} needs a base_model, and the recipe names none.",
                "Add 'base_model:' with the model that the others were made from."
                if method.base == "required"
                else "Add 'base_model:' with the model that t = 0 stands for.",
                method=method.name,
            )
        ]
    raw: list[tuple[list[LayerSource], Settings]] = []
    if recipe.models is not None:
        listed = [
            LayerSource(entry.model, 0, models[entry.model].layers, entry.parameters)
            for entry in recipe.models
        ]
        raw.append((listed, {}))
    for part in recipe.slices or ():
        listed = [
            LayerSource(source.model, *source.layer_range, source.parameters) for source in part.sources
        ]
        raw.append((listed, part.parameters))
    slices: list[SliceLayout] = []
    findings: list[Finding] = []
    for number, (sources, settings) in enumerate(raw):
        where = (
            Words("slice {number}", number=number + 1) if recipe.slices is not None else Words("the recipe")
        )
        problems = _check_ranges(sources, models, where) + _check_base_range(method, base, sources, where)
        layout = None if problems else _assign(method, base, sources, settings, models)
        if layout is not None:
            problems = _check_count(method, layout, where) or _check_ranges(
                list(layout.sources), models, where
            )
            slices.append(layout)
        findings += problems
    return slices, findings


def _assign(
    method: Method,
    base: ModelRef | None,
    sources: list[LayerSource],
    settings: Settings,
    models: dict[ModelRef, ModelInput],
) -> SliceLayout:
    """Tell the origin from the inputs."""
    if base is None or method.base == "inputs":
        return SliceLayout(tuple(sources), None, settings)
    listed = [source for source in sources if source.model == base]
    if listed:
        origin = listed[0]
    else:
        # The base may be left out of the sources: it then takes part with the layers of the first.
        first = sources[0]
        whole = first.start == 0 and first.end == models[first.model].layers
        origin = LayerSource(base, first.start, models[base].layers if whole else first.end, {})
    if method.base == "endpoint":
        others = [source for source in sources if source is not origin]
    else:
        others = [source for source in sources if source.model != base]
    return SliceLayout(tuple(others), origin, settings)


def _check_ranges(
    sources: list[LayerSource], models: dict[ModelRef, ModelInput], where: str
) -> list[Finding]:
    found = []
    for source in sources:
        available = models[source.model].layers
        if source.end > available:
            found.append(
                error(
                    "merge.layer_range",
                    "In {where}, the layers [{start}, {end}) of '{model}' do not exist: it has {available}.",
                    "Use a layer_range within [0, {available}].",
                    where=where,
                    start=source.start,
                    end=source.end,
                    model=str(source.model),
                    available=available,
                )
            )
    first = sources[0]
    found += [
        error(
            "merge.layer_counts",
            "In {where}, '{model}' gives {count} layers and '{other}' gives {others}.",
            "Use models of equal depth, or slices that take as many layers of each.",
            where=where,
            model=str(source.model),
            count=source.end - source.start,
            other=str(first.model),
            others=first.end - first.start,
        )
        for source in sources[1:]
        if source.end - source.start != first.end - first.start
    ]
    return found


def _check_base_range(
    method: Method, base: ModelRef | None, sources: list[LayerSource], where: str
) -> list[Finding]:
    """A base that a slice leaves out takes the layers of the others, if they all take the same."""
    listed = any(source.model == base for source in sources)
    ranges = {(source.start, source.end) for source in sources}
    if base is None or method.base == "inputs" or listed or len(ranges) == 1:
        return []
    return [
        error(
            "merge.base_layers",
            "In {where}, the models take different layers, so those of the base '{model}' are not clear.",
            "Add the base to the sources, with its layer_range.",
            where=where,
            model=str(base),
        )
    ]


def _check_count(method: Method, layout: SliceLayout, where: str) -> list[Finding]:
    count = len(layout.sources) if method.base == "endpoint" else len(layout.inputs)
    if method.least <= count and (method.most is None or count <= method.most):
        return []
    besides = method.base in ("required", "optional") and layout.origin
    exactly = method.most == method.least
    wanted = Words("exactly {count}" if exactly else "at least {count}", count=method.least)
    return [
        error(
            "merge.model_count",
            "The method {method} takes {wanted} model(s){besides}, and {where} has {count}.",
            "Add or remove models, or choose another method.",
            method=method.name,
            wanted=wanted,
            besides=Words(" besides its base") if besides else "",
            where=where,
            count=count,
        )
    ]
