"""A PEFT LoRA adapter on disk: what it changes and by how much. Reads no tensor until asked.

Formula (LoRA, arXiv 2106.09685; rank-stabilised scaling, arXiv 2312.03732):
W' = W + s B A with s = alpha / r, or alpha / sqrt(r) when rank-stabilised.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from engine.weights.errors import WeightsError
from engine.weights.model_folder import read_config
from engine.weights.reader import WeightsReader

if TYPE_CHECKING:
    import torch

_PREFIX: Final = "base_model.model."
_LORA_KEY: Final = re.compile(
    r"(?P<module>.+)\.lora_(?P<embedding>embedding_)?(?P<side>[AB])(?:\.default)?(?:\.weight)?$"
)
#: Ways to start training that leave the base's own weights unchanged.
_HARMLESS_STARTS: Final = frozenset({"gaussian", "orthogonal", "eva", "true", "false"})
#: Options under which the formula above is not what the adapter computes, if they are set.
_OTHER_FORMULAS: Final = {
    "use_dora": "DoRA",
    "lora_bias": "a bias of its own",
    "layer_replication": "layer replication",
    "trainable_token_indices": "single trained tokens",
    "target_parameters": "changes to bare parameters",
    "alora_invocation_tokens": "activation by tokens",
    "use_qalora": "QALoRA",
    "megatron_config": "Megatron layers",
}


@dataclass(frozen=True)
class LoraUpdate:
    """A low-rank update of one weight.

    Attributes:
        module: The module it belongs to, for example ``model.layers.0.self_attn.q_proj``.
        a: Name of the tensor A in the adapter, (rank, inputs).
        b: Name of the tensor B in the adapter, (outputs, rank).
        scaling: The factor of B A.
        transposed: The weight is stored as (inputs, outputs).
    """

    module: str
    a: str
    b: str
    scaling: float
    transposed: bool


class LoraAdapter:
    """What an adapter folder changes.

    Args:
        folder: Holds ``adapter_config.json`` and ``adapter_model.safetensors``.
        hashing: See `WeightsReader`.

    Attributes:
        updates: The low-rank updates, by module.
        replacements: Whole tensors that the adapter replaces (``modules_to_save``), by their name in the
            model, with their name in the adapter.

    Raises:
        WeightsError: It is no LoRA adapter, uses an extension of it, or is damaged.
    """

    def __init__(self, folder: Path, *, hashing: bool = False) -> None:
        self.folder = folder
        self.config = read_config(folder, "adapter_config.json")
        _require_plain_lora(folder, self.config)
        self.reader = WeightsReader(folder, stem="adapter_model", hashing=hashing)
        self.replacements: dict[str, str] = {}
        self.updates = self._updates()

    def delta(self, update: LoraUpdate) -> torch.Tensor:
        """The change ``scaling * B A`` of a weight, in float32 and in the weight's own layout."""
        a, b = self.reader.read(update.a).float(), self.reader.read(update.b).float()
        delta = (b @ a).mul_(update.scaling)
        return delta.T if update.transposed else delta

    def delta_shape(self, update: LoraUpdate) -> tuple[int, ...]:
        """Shape of `delta`."""
        outputs, inputs = self.reader.shape(update.b)[0], self.reader.shape(update.a)[1]
        return (inputs, outputs) if update.transposed else (outputs, inputs)

    def _updates(self) -> dict[str, LoraUpdate]:
        sides: dict[str, dict[str, str]] = {}
        embeddings: set[str] = set()
        for name in self.reader.names():
            bare = name.removeprefix(_PREFIX)
            if "lora_magnitude_vector" in bare:
                _unsupported(self.folder, "DoRA")
            match = _LORA_KEY.match(bare)
            if match is None:
                self._replace(bare, name)
                continue
            sides.setdefault(match["module"], {})[match["side"]] = name
            if match["embedding"]:
                embeddings.add(match["module"])
        updates = {}
        for module, pair in sides.items():
            updates[module] = self._update(module, pair, embedding=module in embeddings)
        return updates

    def _replace(self, bare: str, name: str) -> None:
        """Note a whole tensor that the adapter brings.

        Where embeddings are saved too, PEFT writes a trained copy up to three times: as
        ``X.modules_to_save.weight``, as ``X.weight``, and the base's own as ``X.original_module.weight``.
        """
        if ".original_module." in bare:
            return
        wanted = _without_wrapper(bare)
        if wanted not in self.replacements or ".modules_to_save." in bare:
            self.replacements[wanted] = name

    def _update(self, module: str, pair: dict[str, str], *, embedding: bool) -> LoraUpdate:
        if len(pair) != 2:
            missing = "A" if "B" in pair else "B"
            raise WeightsError(
                "adapter.half",
                "The adapter {file} has no lora_{side} for '{tensor}'.",
                fix="Copy or train the adapter again.",
                file=str(self.folder),
                side=missing,
                tensor=module,
            )
        shape_a, shape_b = self.reader.shape(pair["A"]), self.reader.shape(pair["B"])
        if len(shape_a) != 2 or len(shape_b) != 2:
            _unsupported(self.folder, f"a convolution ('{module}')")
        rank = shape_a[0]
        if shape_b[1] != rank or rank == 0:
            raise WeightsError(
                "adapter.rank_mismatch",
                "The adapter {file} has matrices of different rank for '{tensor}' ({a} and {b}).",
                fix="Copy or train the adapter again.",
                file=str(self.folder),
                tensor=module,
                a=rank,
                b=shape_b[1],
            )
        alpha = float(_by_pattern(self.config.get("alpha_pattern"), module, self.config.get("lora_alpha", 8)))
        scaling = alpha / math.sqrt(rank) if self.config.get("use_rslora") else alpha / rank
        # An embedding stores one row per token, which is the transpose of B A.
        transposed = embedding or bool(self.config.get("fan_in_fan_out"))
        return LoraUpdate(module, pair["A"], pair["B"], scaling, transposed)


def _by_pattern(patterns: Any, module: str, default: Any) -> Any:
    """The value of the first pattern that names the end of ``module``'s path."""
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return default


def _without_wrapper(name: str) -> str:
    """A tensor's name in the model, from its name inside PEFT's wrappers."""
    return re.sub(r"\.(modules_to_save(\.default)?|base_layer)\.", ".", name)


def _require_plain_lora(folder: Path, config: dict[str, Any]) -> None:
    kind = str(config.get("peft_type", "")).upper()
    if kind != "LORA":
        _unsupported(folder, f"the adapter type {kind or 'unknown'}")
    for key, words in _OTHER_FORMULAS.items():
        if config.get(key):
            _unsupported(folder, words)
    start = str(config.get("init_lora_weights", True)).lower()
    if start not in _HARMLESS_STARTS:
        _unsupported(folder, f"the initialisation '{start}', which changes the base itself")
    if str(config.get("bias", "none")) != "none":
        _unsupported(folder, "trained biases")


def _unsupported(folder: Path, words: str) -> NoReturn:
    raise WeightsError(
        "adapter.unsupported",
        "The adapter {file} uses {words}, which cannot be folded into a base here.",
        fix="Use a plain LoRA adapter, or merge it with the program that trained it.",
        file=str(folder),
        words=words,
    )
