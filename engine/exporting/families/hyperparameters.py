"""A model's config as the families read it: every value under the names that different models give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from engine.exporting.errors import ExportError
from engine.files import read_json
from engine.models.auto import auto_class

#: Models with images keep what concerns text here.
_TEXT_CONFIG: Final = "text_config"


class HyperParameters:
    """The values of ``config.json``, with the defaults that transformers knows for the architecture.

    Attributes:
        architecture: The class that the config names, for example ``"LlamaForCausalLM"``.
        rope: Parameters of the rotary embedding, gathered from where old and new configs have them.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.architecture = str((values.get("architectures") or [""])[0])
        self._values = {**values, **(values.get(_TEXT_CONFIG) or {})}
        self.rope = _rope(self._values)

    def get(self, *names: str, default: Any = None) -> Any:
        """The value of the first of ``names`` that the config has, None included; else ``default``."""
        return next((self._values[name] for name in names if name in self._values), default)

    def forget(self, name: str) -> None:
        """Treat the config as if it did not have ``name``."""
        self._values.pop(name, None)

    def change(self, name: str, value: Any) -> None:
        """Treat the config as if it said ``value``."""
        self._values[name] = value

    def require(self, *names: str) -> Any:
        """The value of the first of ``names`` that the config has.

        Raises:
            ExportError: It has none of them.
        """
        value = self.get(*names)
        if value is None:
            raise ExportError(
                "export.config_incomplete",
                "The model's config does not say its {name}.",
                fix="Download the model again; config.json is not complete.",
                name=names[0],
            )
        return value

    @property
    def layers(self) -> int:
        """Blocks."""
        return int(self.require("num_hidden_layers", "n_layers", "n_layer", "num_layers"))

    @property
    def heads(self) -> int:
        """Attention heads."""
        return int(self.require("num_attention_heads", "n_head", "n_heads"))

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values."""
        return int(self.get("num_key_value_heads", "n_kv_heads") or self.heads)

    @property
    def width(self) -> int:
        """Length of a hidden state."""
        return int(self.require("hidden_size", "n_embd", "dim"))

    @property
    def experts(self) -> int:
        """Experts per layer; 0 for a dense model."""
        return int(self.get("num_local_experts", "num_experts", "n_routed_experts") or 0)

    @property
    def head_width(self) -> int:
        """Length of one head's query."""
        return int(self.get("head_dim") or self.width // self.heads)

    @property
    def global_rope(self) -> dict[str, Any]:
        """The rotary embedding of layers that see everything."""
        found: dict[str, Any] = self.rope.get("full_attention", self.rope)
        return found


def read_hyperparameters(folder: Path) -> HyperParameters:
    """Read the config of a model folder (never with code of its own)."""
    config = auto_class("AutoConfig")
    try:
        values = config.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True).to_dict()
    except Exception:  # an architecture that transformers does not know may still be one of ours
        values = read_json(folder / "config.json") or {}
    return HyperParameters(values)


def _rope(values: dict[str, Any]) -> dict[str, Any]:
    rope = dict(values.get("rope_parameters", values.get("rope_scaling")) or {})
    if "full_attention" in rope or "sliding_attention" in rope:
        return rope
    local = next(
        (values[name] for name in ("rope_local_base_freq", "local_rope_theta") if name in values), None
    )
    if local is not None:
        rope["sliding_attention"] = {"rope_theta": local}
    for name in ("rope_theta", "partial_rotary_factor", "original_max_position_embeddings"):
        if rope.get(name) is None and values.get(name) is not None:
            rope[name] = values[name]
    if "rope_type" not in rope and rope.get("type") is not None:
        rope["rope_type"] = rope["type"]
    return rope
