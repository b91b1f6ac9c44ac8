"""Whether a model has all the tensors that its architecture needs: what every layer has, embedding, norm.

A merge asks each model only for what another one has, so a tensor that all of them lack would go unnoticed,
and programs that load the result fill the gap with random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine.errors import Words
from engine.merging.errors import Finding, error, warning
from engine.merging.inputs import ModelInput
from engine.weights.model_folder import text_config

#: Architectures (``model_type``) in which all layers have the same tensors, between embedding and final norm.
_UNIFORM: Final = frozenset(
    {
        "cohere",
        "gemma",
        "gemma2",
        "gemma3_text",
        "gpt2",
        "gpt_neox",
        "granite",
        "llama",
        "mistral",
        "mixtral",
        "olmo2",
        "phi",
        "phi3",
        "qwen2",
        "qwen3",
        "smollm3",
        "stablelm",
        "starcoder2",
    }
)
_REPAIR: Final = "Check that the download or copy is complete."


def check_completeness(model: ModelInput) -> list[Finding]:
    """What is missing from a model: an error where its architecture needs it, else a warning."""
    uniform = text_config(model.config).get("model_type") in _UNIFORM
    findings = [_uneven(model, number, rest, uniform=uniform) for number, rest in _gaps(model)][:1]
    if uniform:
        outside = model.outside()
        present = {
            Words("embedding"): model.embedding is not None,
            Words("final norm"): any("norm" in name or "ln_f" in name for name in outside),
        }
        findings += [
            error(
                "merge.part_missing",
                "The weights of the model '{model}' hold no {part}.",
                _REPAIR,
                model=model.label,
                part=part,
            )
            for part, found in present.items()
            if not found
        ]
    return findings


def _gaps(model: ModelInput) -> Iterator[tuple[int, str]]:
    """Tensors that a layer lacks beside another of its kind, with the layer's number.

    A layer that also has something of its own is of another kind (a mixture of experts among dense layers),
    as is one that the config names otherwise.
    """
    layers = [model.layer_parts(number) for number in range(model.layers)]
    kinds = _kinds(model)
    fullest: dict[Any, set[str]] = {}
    for parts, kind in zip(layers, kinds, strict=True):
        if len(parts) > len(fullest.get(kind, ())):
            fullest[kind] = parts
    for number, (parts, kind) in enumerate(zip(layers, kinds, strict=True)):
        if parts < fullest[kind]:
            for rest in sorted(fullest[kind] - parts):
                yield number, rest


def _kinds(model: ModelInput) -> list[Any]:
    """What the config calls each layer; the same for all where it does not say."""
    named = text_config(model.config).get("layer_types")
    if isinstance(named, list) and len(named) == model.layers:
        return [str(kind) for kind in named]
    return [""] * model.layers


def _uneven(model: ModelInput, number: int, rest: str, *, uniform: bool) -> Finding:
    tensor = f"{model.stack}.{number}.{rest}"
    text = "The model '{model}' has no tensor '{tensor}', which other layers of it have."
    # A tensor of few layers is one too many there, and stops nothing.
    holders = sum(f"{model.stack}.{layer}.{rest}" in model.names for layer in range(model.layers))
    make = error if uniform and 2 * holders >= model.layers else warning
    return make("merge.layer_incomplete", text, _REPAIR, model=model.label, tensor=tensor)
