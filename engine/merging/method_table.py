"""The merge methods by name: what each needs, its parameters and their defaults. Knows no tensors.

Names and defaults are those of the field's recipes, so that a published recipe means the same here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

#: ``inputs``: the base is not needed, and merged like any model where the recipe lists it.
#: ``optional`` and ``required``: the base is the origin from which the others differ, and no input.
#: ``endpoint``: the base is one of the inputs, the one at t = 0.
BaseRole = Literal["inputs", "optional", "required", "endpoint"]
#: What a parameter's value is: any ``number``, a ``share`` from 0 to 1, a ``small`` number near 0, a ``whole`` number
#: from 1 on, or a ``flag`` that is on or off.
ValueKind = Literal["number", "share", "small", "whole", "flag"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a method.

    Attributes:
        name: As in recipes.
        per_model: Each model may have its own; otherwise one value for a tensor.
        default: Its value where the recipe gives none; None: the recipe must.
        text: What it does, for a form.
        kind: See `ValueKind`.
    """

    name: str
    per_model: bool
    default: float | None
    text: str
    kind: ValueKind = "number"


@dataclass(frozen=True)
class Method:
    """A merge method.

    Attributes:
        name: As in recipes.
        text: What it does, in one sentence.
        base: What ``base_model`` means to it.
        least: Fewest inputs, the origin not counted.
        most: Most inputs; None for any number.
        parameters: Its parameters.
    """

    name: str
    text: str
    base: BaseRole
    least: int
    most: int | None
    parameters: tuple[Parameter, ...]

    def parameter(self, name: str) -> Parameter | None:
        """The parameter called ``name``, if the method has it."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


def _model(name: str, default: float | None, text: str, kind: ValueKind = "number") -> Parameter:
    return Parameter(name, True, default, text, kind)


def _tensor(name: str, default: float | None, text: str, kind: ValueKind = "number") -> Parameter:
    return Parameter(name, False, default, text, kind)


_WEIGHT: Final = _model("weight", None, "How much the model counts.")
_DENSITY: Final = _model("density", 1.0, "Share of the changes from the base that is kept.", "share")
_GAMMA: Final = _model("gamma", 0.01, "Share of the largest changes that is dropped.", "share")
_EPSILON: Final = _model("epsilon", 0.15, "How far the keep probability varies around the density.", "share")
_T: Final = _tensor("t", None, "Where between the two models: 0 is the base, 1 the other.", "share")


def _task_family(
    name: str, text: str, *sparsifier: Parameter, normalize: bool = False, rescale: bool = False
) -> Method:
    shared = (
        _tensor("normalize", float(normalize), "Divide by the sum of the weights that took part.", "flag"),
        _tensor("rescale", float(rescale), "Keep the L1 norm of the changes when some are dropped.", "flag"),
        _tensor("lambda", 1.0, "Factor of the merged change."),
    )
    return Method(name, text, "required", 1, None, (_WEIGHT, *sparsifier, *shared))


_METHODS: Final = (
    Method(
        "linear",
        "Weighted average of the models.",
        "inputs",
        1,
        None,
        (_WEIGHT, _tensor("normalize", 1.0, "Divide by the sum of the weights.", "flag")),
    ),
    Method(
        "slerp", "Walks the arc between two models instead of the straight line.", "endpoint", 2, 2, (_T,)
    ),
    Method(
        "nuslerp",
        "SLERP of two models by their weights, of the models or of their changes from a base.",
        "optional",
        2,
        2,
        (
            _WEIGHT,
            _tensor("nuslerp_flatten", 1.0, "Treat the whole tensor as one vector.", "flag"),
            _tensor(
                "nuslerp_row_wise", 0.0, "When not flattened: vectors along the first dimension.", "flag"
            ),
        ),
    ),
    Method(
        "multislerp",
        "Average of directions on the sphere, for any number of models.",
        "optional",
        2,
        None,
        (_WEIGHT, _tensor("normalize_weights", 1.0, "Divide the weights by their sum.", "flag")),
    ),
    Method(
        "karcher",
        "The point of the sphere with the least squared distance to all models.",
        "inputs",
        2,
        None,
        (
            _tensor("max_iter", 10.0, "Most steps.", "whole"),
            _tensor("tol", 1e-5, "Stop when a step is shorter than this.", "small"),
        ),
    ),
    Method(
        "model_stock",
        "Moves from the base towards the average as far as the models agree.",
        "required",
        2,
        None,
        (_tensor("filter_wise", 0.0, "Compare row by row instead of the whole tensor.", "flag"),),
    ),
    Method(
        "passthrough",
        "Copies layers; slices stack layers of several models.",
        "inputs",
        1,
        1,
        (_model("scale", 1.0, "Factor of the tensor."),),
    ),
    Method(
        "nearswap",
        "Takes the other model's value where it is close to the base's.",
        "required",
        1,
        1,
        (_tensor("t", None, "Distance below which the other model's value is taken whole.", "small"),),
    ),
    Method(
        "sce",
        "Selects elements that vary, weights models by their changes, erases minority signs.",
        "required",
        2,
        None,
        (_tensor("select_topk", 1.0, "Share of elements kept, by variance over the models.", "share"),),
    ),
    _task_family("task_arithmetic", "Adds weighted changes to the base."),
    _task_family(
        "ties", "Largest changes only, and only those of the majority's sign.", _DENSITY, normalize=True
    ),
    _task_family(
        "dare_linear", "Random changes, enlarged to make up for the dropped ones.", _DENSITY, rescale=True
    ),
    _task_family("dare_ties", "Random changes of the majority's sign.", _DENSITY, rescale=True),
    _task_family("breadcrumbs", "Large changes without the very largest.", _DENSITY, _GAMMA),
    _task_family(
        "breadcrumbs_ties",
        "Large changes without the very largest, of the majority's sign.",
        _DENSITY,
        _GAMMA,
    ),
    _task_family(
        "della",
        "Random changes, larger ones more often, of the majority's sign.",
        _DENSITY,
        _EPSILON,
        normalize=True,
        rescale=True,
    ),
    _task_family("della_linear", "Random changes, larger ones more often.", _DENSITY, _EPSILON, rescale=True),
)
#: Every method by its name.
METHODS: Final[dict[str, Method]] = {method.name: method for method in _METHODS}
#: Methods that draw random numbers, so that the seed matters.
RANDOM_METHODS: Final = frozenset({"dare_linear", "dare_ties", "della", "della_linear"})
#: Methods that divide element by element, by the weights of the models that agreed on the sign there.
CONSENSUS_METHODS: Final = frozenset({"ties", "dare_ties", "breadcrumbs_ties", "della"})
#: Names that recipes of the field use and that change nothing here, with the reason.
IGNORED_PARAMETERS: Final = {"int8_mask": "masks are never stored in a way that it could change"}
#: Every name that some method knows.
KNOWN_PARAMETERS: Final = frozenset(
    {parameter.name for method in _METHODS for parameter in method.parameters} | set(IGNORED_PARAMETERS)
)
