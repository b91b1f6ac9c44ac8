"""The families of models that can become GGUF files: one class for each architecture of llama.cpp."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.exporting.errors import WAY_OUT, ExportError
from engine.exporting.families.family import Family
from engine.exporting.families.gemma import Gemma, Gemma2, Gemma3
from engine.exporting.families.granite import Granite, GraniteMoe
from engine.exporting.families.hyperparameters import HyperParameters
from engine.exporting.families.llama import Llama, SmolLm3
from engine.exporting.families.olmo import Olmo, Olmo2, Olmoe
from engine.exporting.families.phi import Phi3, PhiMoe
from engine.exporting.families.qwen import Qwen2, Qwen2Moe, Qwen3, Qwen3Moe

#: By the class that a model's config names.
FAMILIES: Final[dict[str, type[Family]]] = {
    "LlamaForCausalLM": Llama,
    "MistralForCausalLM": Llama,
    "MixtralForCausalLM": Llama,
    "SmolLM3ForCausalLM": SmolLm3,
    "Qwen2ForCausalLM": Qwen2,
    "Qwen2MoeForCausalLM": Qwen2Moe,
    "Qwen3ForCausalLM": Qwen3,
    "Qwen3MoeForCausalLM": Qwen3Moe,
    "GemmaForCausalLM": Gemma,
    "Gemma2ForCausalLM": Gemma2,
    "Gemma3ForCausalLM": Gemma3,
    "Gemma3ForConditionalGeneration": Gemma3,
    "Phi3ForCausalLM": Phi3,
    "PhiMoEForCausalLM": PhiMoe,
    "PhimoeForCausalLM": PhiMoe,
    "GraniteForCausalLM": Granite,
    "GraniteMoeForCausalLM": GraniteMoe,
    "GraniteMoeSharedForCausalLM": GraniteMoe,
    "OlmoForCausalLM": Olmo,
    "Olmo2ForCausalLM": Olmo2,
    "Olmo3ForCausalLM": Olmo2,
    "OlmoeForCausalLM": Olmoe,
}


def family_of(config: HyperParameters, folder: Path, tokenizer_folder: Path | None = None) -> Family:
    """The family of the model in ``folder``.

    Args:
        config: The model's.
        folder: Where it lies.
        tokenizer_folder: Where its tokenizer lies, if not there.

    Raises:
        ExportError: It is none of those that can be exported.
    """
    found = FAMILIES.get(config.architecture)
    if found is None:
        raise ExportError(
            "export.architecture_unknown",
            "Models of the kind {architecture} cannot be exported to GGUF here.",
            fix=WAY_OUT,
            architecture=config.architecture or "unknown",
            file=str(folder),
        )
    return found(config, tokenizer_folder or folder, folder)
