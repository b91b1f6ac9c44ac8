"""The plan of a merge: every output tensor with its sources and parameters, before any is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.errors import Words
from engine.merging.errors import Finding, error, warning
from engine.merging.inputs import ModelInput
from engine.merging.layout import LayerSource, SliceLayout
from engine.merging.method_table import METHODS, Method
from engine.merging.recipe import ModelRef, Recipe
from engine.merging.settings import Settings, resolve
from engine.merging.vocabulary import OutputVocabulary
from engine.weights import PlannedTensor
from engine.weights.formats import FLOAT_CODES
from engine.weights.heads import EMBEDDING_ENDINGS, HEAD_ENDINGS

#: Findings of one kind that are told; the rest is counted.
_MOST_TOLD = 4


@dataclass(frozen=True)
class TensorInput:
    """A stored tensor that takes part.

    Attributes:
        model: The model.
        name: The tensor's name in that model.
        parameters: Values for this model.
    """

    model: ModelRef
    name: str
    parameters: dict[str, float]


@dataclass(frozen=True)
class TensorPlan:
    """A tensor of the output.

    Attributes:
        output: Name, element type and shape.
        inputs: What is merged, in the recipe's order.
        origin: What the inputs differ from, for methods that have it.
        parameters: Values for this tensor.
        by_token: Its rows belong to tokens (embedding, head).
        copied: It is not a floating-point tensor: copied where all inputs agree.
    """

    output: PlannedTensor
    inputs: tuple[TensorInput, ...]
    origin: TensorInput | None
    parameters: dict[str, float]
    by_token: bool
    copied: bool

    @property
    def sources(self) -> tuple[TensorInput, ...]:
        """Everything that is read for it."""
        return self.inputs if self.origin is None else (self.origin, *self.inputs)


@dataclass(frozen=True)
class MergePlan:
    """Everything that `engine.merging.execute` is going to do.

    Attributes:
        recipe: What was asked for.
        models: The models, in the recipe's order.
        reference: The model whose config and tokenizer the output has.
        slices: The layout of the layers.
        tensors: Every output tensor, in the order of writing.
        dtype: Code of the element type of the output.
        tied: The output's head is its embedding.
        vocabulary: The output's tokens, where the recipe chooses a tokenizer.
    """

    recipe: Recipe
    models: dict[ModelRef, ModelInput]
    reference: ModelInput
    slices: tuple[SliceLayout, ...]
    tensors: tuple[TensorPlan, ...]
    dtype: str
    tied: bool
    vocabulary: OutputVocabulary | None

    @property
    def layers(self) -> int:
        """Layers of the output."""
        return sum(part.length for part in self.slices)

    @property
    def nbytes(self) -> int:
        """Bytes of the output's tensors."""
        return sum(tensor.output.nbytes for tensor in self.tensors)


@dataclass
class Planner:
    """Builds the tensors of a plan and collects what is wrong with them.

    Attributes:
        recipe: The recipe.
        models: Its models.
        reference: The model whose names the output takes.
        slices: The layout.
        dtype: Code of the output's element type.
        vocabulary: See `MergePlan`.
        findings: What was found so far.
    """

    recipe: Recipe
    models: dict[ModelRef, ModelInput]
    reference: ModelInput
    slices: list[SliceLayout]
    dtype: str
    vocabulary: OutputVocabulary | None
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._method: Method = METHODS[self.recipe.merge_method]
        self._untold: dict[str, int] = {}
        self._missing_values: set[tuple[str, str]] = set()
        self._unknown_parts: set[str] = set()
        self._reference_shapes = self.reference.layer_shapes()
        self.tied = self._is_tied()

    def tensors(self) -> tuple[TensorPlan, ...]:
        """All output tensors: what comes before the layers, the layers, what comes after."""
        first, last = self.slices[0], self.slices[-1]
        outside = self._outside_names()
        before = [name for name in outside if _is_entry(name)]
        plans = [self._outside(name, first) for name in before]
        number = 0
        for part in self.slices:
            for index in range(part.length):
                plans += self._layer(part, index, number)
                number += 1
        plans += [self._outside(name, last) for name in outside if name not in before]
        self._tell_rest()
        return tuple(plan for plan in plans if plan is not None)

    def _is_tied(self) -> bool:
        """The output is tied when all models that give embedding and head are."""
        ends = (self.slices[0], self.slices[-1])
        return all(self.models[source.model].tied for part in ends for source in part.sources)

    def _outside_names(self) -> list[str]:
        names: set[str] = set()
        for part in (self.slices[0], self.slices[-1]):
            for source in part.sources:
                names |= self.models[source.model].outside()
        if not self.tied:
            names |= {self._head()}
        return sorted(names)

    def _head(self) -> str:
        """What the head is called: as in a model that stores it, else as the field calls it."""
        stored = [model.head for model in self.models.values() if not model.tied]
        return stored[0] if stored else self.reference.head

    def _outside(self, name: str, part: SliceLayout) -> TensorPlan | None:
        pairs = [(source, self._stored_outside(name, self.models[source.model])) for source in part.sources]
        by_token = name == self._head() or name.endswith(EMBEDDING_ENDINGS) or name == "lm_head.bias"
        own = self._stored_outside(name, self.reference)
        described = [self.reference.source.shape(own)] if own in self.reference.names else []
        return self._tensor(name, part, pairs, described, position=None, by_token=by_token)

    def _stored_outside(self, name: str, model: ModelInput) -> str:
        """What stands for an output tensor outside the layers: a tied head is the embedding."""
        if name == self._head() and model.tied and model.embedding is not None:
            return model.embedding
        return name

    def _layer(self, part: SliceLayout, index: int, number: int) -> list[TensorPlan | None]:
        names: set[str] = set()
        for source in part.sources:
            names |= self.models[source.model].layer_parts(source.start + index)
        # A single layer stands at the end of its gradient.
        position = index / (part.length - 1) if part.length > 1 else 1.0
        plans = []
        self._require_described(part, index, names)
        for rest in sorted(names):
            pairs = [
                (source, f"{self.models[source.model].stack}.{source.start + index}.{rest}")
                for source in part.sources
            ]
            name = f"{self.reference.stack}.{number}.{rest}"
            described = self._reference_shapes.get(rest, [])
            plans.append(self._tensor(name, part, pairs, described, position=position, by_token=False))
        return plans

    def _require_described(self, part: SliceLayout, index: int, names: set[str]) -> None:
        """Compare the tensors of an output layer with what the reference's config describes.

        A reference whose layers differ among each other tells nothing about a single layer; what all of
        them have, every layer of the output needs.
        """
        if any(source.model == self.reference.reference for source in part.sources):
            return  # it is compared as one of the sources
        stored = {
            source.model: f"{self.models[source.model].stack}.{source.start + index}"
            for source in part.sources
        }
        first = part.sources[0].model
        for rest, shapes in sorted(self._reference_shapes.items()):
            if rest not in names and len(shapes) == self.reference.layers:
                self._tell(
                    "merge.tensor_missing",
                    "The model '{model}' has no tensor '{tensor}', which another of the models has.",
                    "Merge models of one architecture.",
                    model=str(first),
                    tensor=f"{stored[first]}.{rest}",
                )
        for rest in sorted(names - self._reference_shapes.keys() - self._unknown_parts):
            self._unknown_parts.add(rest)
            holder = next(
                model for model, layer in stored.items() if f"{layer}.{rest}" in self.models[model].names
            )
            self.findings.append(
                warning(
                    "merge.tensor_unknown",
                    "'{model}' has a tensor '{tensor}'; '{reference}', whose config is taken, has none like "
                    "it, so programs that load the merge may leave it out.",
                    "Merge models of one architecture.",
                    model=str(holder),
                    tensor=f"{stored[holder]}.{rest}",
                    reference=self.reference.label,
                )
            )

    def _tensor(
        self,
        name: str,
        part: SliceLayout,
        pairs: list[tuple[LayerSource, str]],
        described: list[tuple[int, ...]],
        *,
        position: float | None,
        by_token: bool,
    ) -> TensorPlan | None:
        for source, stored in pairs:
            if stored not in self.models[source.model].names:
                self._tell(
                    "merge.tensor_missing",
                    "The model '{model}' has no tensor '{tensor}', which another of the models has.",
                    "Merge models of one architecture.",
                    model=str(source.model),
                    tensor=stored,
                )
                return None
        shape = self._shape(pairs, described, by_token=by_token)
        copied = self._is_copied(name, pairs)
        if shape is None or copied is None:
            return None
        inputs = []
        for source, stored in pairs:
            own = (source.settings, part.settings, self.recipe.parameters)
            is_origin = source is part.origin and self._method.base != "endpoint"
            values = (
                {}
                if is_origin
                else self._values(name, own, position, per_model=True, model=str(source.model))
            )
            inputs.append(TensorInput(source.model, stored, values))
        levels = (part.settings, self.recipe.parameters)
        parameters = self._values(name, levels, position, per_model=False, model="")
        dtype = self._stored_dtype(pairs[0]) if copied else self.dtype
        origin = inputs.pop(0) if part.origin is not None else None
        output = PlannedTensor(name, dtype, shape)
        return TensorPlan(output, tuple(inputs), origin, parameters, by_token, copied)

    def _stored_dtype(self, pair: tuple[LayerSource, str]) -> str:
        return self.models[pair[0].model].source.dtype(pair[1])

    def _shape(
        self, pairs: list[tuple[LayerSource, str]], described: list[tuple[int, ...]], *, by_token: bool
    ) -> tuple[int, ...] | None:
        """The common shape; with a chosen tokenizer the rows of tokens are its own.

        Args:
            pairs: The sources, which must agree.
            described: Shapes that the reference's config describes, one of which it must be. They differ
                where the reference's layers do; where it has no such tensor there are none.
            by_token: See `TensorPlan`.
        """
        shapes = [self.models[source.model].source.shape(stored) for source, stored in pairs]
        compared = [(shape, shapes[0], pairs[0][0].model) for shape in shapes]
        if described and not any(self._fits(shapes[0], shape, by_token=by_token) for shape in described):
            compared[0] = (shapes[0], described[0], self.reference.reference)
        for (source, stored), (shape, expected, other) in zip(pairs, compared, strict=True):
            if self._fits(shape, expected, by_token=by_token):
                continue
            values = {
                "tensor": stored,
                "model": str(source.model),
                "shape": _words(shape),
                "other": str(other),
                "expected": _words(expected),
            }
            if by_token and shape[1:] == expected[1:]:
                self._tell(
                    "merge.vocabulary_size",
                    "The models have vocabularies of different size: '{tensor}' is {shape} in '{model}' "
                    "and {expected} in '{other}'.",
                    "Add 'tokenizer_source: base' or 'tokenizer_source: union' to the recipe.",
                    **values,
                )
            else:
                self._tell(
                    "merge.shape_mismatch",
                    "The tensor '{tensor}' is {shape} in '{model}' and {expected} in '{other}'.",
                    "Merge models of one architecture and size.",
                    **values,
                )
            return None
        if by_token and self.vocabulary is not None:
            return (self.vocabulary.rows, *shapes[0][1:])
        return shapes[0]

    def _fits(self, shape: tuple[int, ...], expected: tuple[int, ...], *, by_token: bool) -> bool:
        """Whether two shapes are one, apart from rows that a chosen tokenizer sets anew."""
        if by_token and self.vocabulary is not None:
            return shape[1:] == expected[1:]
        return shape == expected

    def _is_copied(self, name: str, pairs: list[tuple[LayerSource, str]]) -> bool | None:
        """Whether the tensor is no floating-point one; None (and a finding) where that is unclear."""
        codes = {self._stored_dtype(pair) for pair in pairs}
        if codes <= FLOAT_CODES:
            return False
        if len(codes) == 1 and not next(iter(codes)).startswith("F8"):
            return True
        self._tell(
            "merge.dtype_unmergeable",
            "The tensor '{tensor}' is stored as {dtypes}, which cannot be merged.",
            "Use the 16-bit originals of the models.",
            tensor=name,
            dtypes=", ".join(sorted(codes)),
        )
        return None

    def _values(
        self, name: str, levels: Iterable[Settings], position: float | None, *, per_model: bool, model: str
    ) -> dict[str, float]:
        values = {}
        layers = tuple(levels)
        for parameter in self._method.parameters:
            if parameter.per_model != per_model:
                continue
            value = resolve(parameter.name, layers, name, position, parameter.default)
            if value is not None:
                values[parameter.name] = value
            elif (parameter.name, model) not in self._missing_values:
                self._missing_values.add((parameter.name, model))
                self.findings.append(
                    error(
                        "merge.parameter_missing",
                        "The method {method} needs '{parameter}'{whose}, and the recipe gives none for the "
                        "tensor '{tensor}'.",
                        "Add it under 'parameters:', as one number or without a filter.",
                        method=self._method.name,
                        parameter=parameter.name,
                        whose=Words(" of the model '{model}'", model=model) if model else "",
                        tensor=name,
                    )
                )
        return values

    def _tell(self, code: str, text: str, fix: str, **values: str) -> None:
        told = sum(finding.code == code for finding in self.findings)
        if told < _MOST_TOLD:
            self.findings.append(error(code, text, fix, **values))
        else:
            self._untold[code] = self._untold.get(code, 0) + 1

    def _tell_rest(self) -> None:
        for code, count in self._untold.items():
            first = next(finding for finding in self.findings if finding.code == code)
            self.findings.append(
                error(code, "The same holds for {count} more tensors.", first.fix_text, count=count)
            )


def _is_entry(name: str) -> bool:
    """Whether a tensor stands before the layers (GPT-2 calls its embeddings wte and wpe)."""
    return any(part in name for part in ("embed", "wte", "wpe")) and not name.endswith(HEAD_ENDINGS)


def _words(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
