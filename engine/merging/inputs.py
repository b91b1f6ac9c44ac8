"""A model that takes part in a merge: opened, its layers found, nothing of its tensors read."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import Words
from engine.merging.errors import MergeError
from engine.merging.recipe import ModelRef
from engine.merging.references import Located
from engine.weights import TensorSource, WeightsReader
from engine.weights.heads import head_of, is_tied
from engine.weights.model_folder import read_config, text_config

#: ``model.layers.3.mlp.up_proj.weight``: stack, number, rest. The outermost stack counts.
_LAYER: Final = re.compile(
    r"(?P<stack>(?:.*?\.)?(?:layers|h|blocks|block|layer))\.(?P<number>\d+)\.(?P<rest>.+)$"
)
#: Keys under which a config counts its layers.
LAYER_KEYS: Final = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
#: Tables that every release computes by itself; old checkpoints carry them along.
COMPUTED_BUFFERS: Final = ("rotary_emb.inv_freq", "attn.masked_bias", "attention.masked_bias")
#: Causal masks among them (1, 1, positions, positions), which are called like biases.
_MASKS: Final = (".attn.bias", ".attention.bias")


@dataclass(frozen=True)
class ModelInput:
    """A model of a merge.

    Attributes:
        reference: As the recipe names it.
        located: Where it lies.
        config: Its ``config.json``.
        source: Its tensors.
        stack: Name of the stack of layers, for example ``model.layers``.
        layers: Number of layers.
        names: Names of all tensors.
        embedding: Name of the input embedding.
        head: Name of the output head, stored or not.
        tied: Embedding and head are one matrix.
        tokenizer_folder: Folder with the tokenizer: the model's, or that of an adapter with its own.
    """

    reference: ModelRef
    located: Located
    config: dict[str, Any]
    source: TensorSource
    stack: str
    layers: int
    names: frozenset[str]
    embedding: str | None
    head: str
    tied: bool
    tokenizer_folder: Path

    @property
    def label(self) -> str:
        """What messages call the model."""
        return str(self.reference)

    @property
    def folder(self) -> Path:
        """Folder with the config."""
        return self.located.folder

    def layer_parts(self, number: int) -> set[str]:
        """Names of the tensors of one layer, without the stack and the number."""
        prefix = f"{self.stack}.{number}."
        return {name.removeprefix(prefix) for name in self.names if name.startswith(prefix)}

    def layer_shapes(self) -> dict[str, list[tuple[int, ...]]]:
        """Shapes of the tensors of all layers, by `layer_parts`; one per layer that has the tensor."""
        shapes: dict[str, list[tuple[int, ...]]] = {}
        for number in range(self.layers):
            for rest in self.layer_parts(number):
                shapes.setdefault(rest, []).append(self.source.shape(f"{self.stack}.{number}.{rest}"))
        return shapes

    def outside(self) -> set[str]:
        """Names of the tensors outside the layers, a head that is the embedding left out."""
        inside = f"{self.stack}."
        rest = {name for name in self.names if not (name.startswith(inside) and _LAYER.match(name))}
        return rest - {self.head} if self.tied else rest

    def stored_name(self, name: str) -> str:
        """The stored tensor that stands for ``name``: a tied head is the embedding."""
        if name == self.head and self.tied and self.embedding is not None:
            return self.embedding
        return name


def open_input(reference: ModelRef, located: Located) -> ModelInput:
    """Open a model: config and headers.

    Raises:
        WeightsError: Weights or config cannot be used, or the adapter does not fit.
        MergeError: The model is quantised or has no layers.
    """
    config = read_config(located.folder)
    _require_plain(reference, config)
    source: TensorSource
    if located.adapter is None:
        source = WeightsReader(located.folder, hashing=True)
        untied, tokenizer_folder = False, located.folder
    else:
        from engine.weights.folding import FoldedReader

        source = folded = FoldedReader(located.folder, located.adapter, hashing=True)
        untied, tokenizer_folder = folded.untied, folded.tokenizer_folder
    names = source.names()
    embedding, head = head_of(names)
    stack, count = _find_stack(reference, names, config)
    return ModelInput(
        reference=reference,
        located=located,
        config=config,
        source=source,
        stack=stack,
        layers=count,
        names=frozenset(name for name in names if not _is_computed(name, source)),
        embedding=embedding,
        head=head,
        tied=not untied and is_tied(config, names),
        tokenizer_folder=tokenizer_folder,
    )


def _is_computed(name: str, source: TensorSource) -> bool:
    return name.endswith(COMPUTED_BUFFERS) or (name.endswith(_MASKS) and len(source.shape(name)) == 4)


def _require_plain(reference: ModelRef, config: dict[str, Any]) -> None:
    quantised = config.get("quantization_config")
    if quantised:
        kind = quantised.get("quant_method", "") if isinstance(quantised, dict) else ""
        raise MergeError(
            "merge.quantised",
            "The model '{model}' is quantised ({kind}), so its weights cannot be merged.",
            fix="Use its 16-bit original.",
            model=str(reference),
            kind=str(kind) or Words("unknown kind"),
        )


def _find_stack(reference: ModelRef, names: list[str], config: dict[str, Any]) -> tuple[str, int]:
    """The stack of layers whose length the config gives, else the longest."""
    numbers: dict[str, set[int]] = {}
    tensors: Counter[str] = Counter()
    for name in names:
        match = _LAYER.match(name)
        if match is not None:
            numbers.setdefault(match["stack"], set()).add(int(match["number"]))
            tensors[match["stack"]] += 1
    if not numbers:
        raise MergeError(
            "merge.no_layers",
            "The model '{model}' has no numbered layers, so it cannot be merged here.",
            fix="Use models of a decoder architecture such as Llama or Mistral.",
            model=str(reference),
        )
    inner = text_config(config)
    claimed = next((inner[key] for key in LAYER_KEYS if isinstance(inner.get(key), int)), None)
    fitting = [stack for stack, found in numbers.items() if len(found) == claimed]
    stack = max(fitting or numbers, key=lambda name: (len(numbers[name]), tensors[name]))
    count = len(numbers[stack])
    if numbers[stack] != set(range(count)) or (claimed is not None and count != claimed):
        raise MergeError(
            "merge.layers_missing",
            "The model '{model}' should have {claimed} layers, but its weights have {count}.",
            fix="Check that the download or copy is complete.",
            model=str(reference),
            claimed=claimed if claimed is not None else max(numbers[stack]) + 1,
            count=count,
        )
    return stack, count
