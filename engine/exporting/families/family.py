"""What all families of models share on their way into a GGUF file; each family says only what is special to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from gguf import MODEL_ARCH, GGUFWriter, RopeScalingType, get_tensor_name_map

from engine.exporting.errors import WAY_OUT, ExportError
from engine.exporting.families.hyperparameters import HyperParameters
from engine.exporting.mixture import Facts
from engine.exporting.tensors import Output, Shape, copied, halves, stacked
from engine.exporting.vocabulary import Vocabulary, byte_pairs

#: Tensors that a checkpoint may hold and no program needs: they follow from the config.
_DERIVED: Final = (".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq")
#: Tensors of the parts of a model that see or hear.
_NOT_TEXT: Final = re.compile(r"(^|\.)(vision|audio|visual|multi_modal|siglip|image)|projector\.")
_EXPERT: Final = re.compile(r"(?P<before>.*\.experts)\.(?P<number>\d+)\.(?P<matrix>\w+)\.weight")

_NUMBERS: Final = (
    ("add_context_length", ("max_position_embeddings", "n_ctx", "n_positions")),
    ("add_embedding_length", ("hidden_size", "n_embd", "dim")),
    ("add_feed_forward_length", ("intermediate_size", "n_inner", "hidden_dim")),
    ("add_head_count", ("num_attention_heads", "n_head", "n_heads")),
    ("add_head_count_kv", ("num_key_value_heads", "n_kv_heads")),
    ("add_layer_norm_rms_eps", ("rms_norm_eps", "norm_eps")),
    ("add_layer_norm_eps", ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon")),
    ("add_expert_count", ("num_local_experts", "num_experts", "n_routed_experts")),
    ("add_expert_used_count", ("num_experts_per_tok", "num_experts_per_token", "top_k_experts")),
    ("add_expert_group_count", ("n_group",)),
    ("add_expert_group_used_count", ("topk_group",)),
)
_YARN: Final = (
    ("add_rope_scaling_yarn_ext_factor", ("extrapolation_factor",)),
    ("add_rope_scaling_yarn_attn_factor", ("attention_factor", "attn_factor")),
    ("add_rope_scaling_yarn_beta_fast", ("beta_fast",)),
    ("add_rope_scaling_yarn_beta_slow", ("beta_slow",)),
)


class Family:
    """How one family of models becomes a GGUF file.

    Args:
        config: The model's config.
        folder: Where its tokenizer lies.
        model: The model's folder, where that is another.

    Attributes:
        arch: llama.cpp's name for the architecture.
        rotates_neighbours: ggml rotates neighbouring values of queries and keys, so that their rows change places.
    """

    arch: MODEL_ARCH
    rotates_neighbours: ClassVar[bool] = False

    def __init__(self, config: HyperParameters, folder: Path, model: Path | None = None) -> None:
        self.config = config
        self.folder = folder
        self._model = model or folder
        self._names = get_tensor_name_map(self.arch, config.layers)

    @property
    def facts(self) -> Facts:
        """What the mixture of types depends on."""
        config = self.config
        return Facts(self.arch, config.layers, config.heads, config.kv_heads, config.experts)

    def vocabulary(self) -> Vocabulary:
        """The tokenizer, in GGUF's form."""
        return self.byte_pairs()

    def byte_pairs(self) -> Vocabulary:
        """The tokenizer as one of byte pairs."""
        return byte_pairs(self.folder, self.config.get("vocab_size"), config_folder=self._model)

    def add_keys(self, writer: GGUFWriter) -> None:
        """Put the hyperparameters into the file's metadata."""
        self._add_numbers(writer)
        self._add_rope(writer)
        if (width := self.config.get("head_dim")) is not None:
            writer.add_key_length(width)
            writer.add_value_length(width)

    def outputs(self, shapes: Mapping[str, Shape]) -> list[Output]:
        """The file's tensors.

        Args:
            shapes: Names and shapes of the model's tensors.

        Raises:
            ExportError: A tensor has no place in this architecture.
        """
        experts: dict[str, dict[int, str]] = {}
        found = self.constants()
        for name, shape in shapes.items():
            if name.endswith(_DERIVED) or _NOT_TEXT.search(name) or self.skips(name):
                continue
            one = _EXPERT.fullmatch(name)
            if one is not None:
                experts.setdefault(f"{one['before']}.{one['matrix']}", {})[int(one["number"])] = name
                continue
            found += self.place(name, shape)
        for name, numbered in experts.items():
            sources = [numbered[number] for number in sorted(numbered)]
            if len(sources) != self.config.experts or len({shapes[source] for source in sources}) != 1:
                raise ExportError(
                    "export.experts_incomplete",
                    "The model has {count} experts '{tensor}' of equal shape, and its config says {wanted}.",
                    fix="Download the model again.",
                    count=len(sources),
                    tensor=name,
                    wanted=self.config.experts,
                )
            found.append(stacked(self.renamed(f"{name}.weight"), sources, shapes[sources[0]]))
        return found

    def constants(self) -> list[Output]:
        """Tensors that follow from the config alone."""
        return []

    def skips(self, _name: str) -> bool:
        """Whether a tensor stays out of the file."""
        return False

    def place(self, name: str, shape: Shape) -> list[Output]:
        """The tensors of the file that are made of one of the model's (experts with a tensor each are stacked)."""
        if name.removesuffix(".weight").endswith("mlp.experts.gate_up_proj"):
            before = name.removesuffix(".weight").removesuffix("gate_up_proj")
            gate, up = (self.renamed(f"{before}{matrix}.weight") for matrix in ("gate_proj", "up_proj"))
            return halves((gate, up), name, shape)
        if name.endswith("mlp.experts.down_proj"):
            return [copied(self.renamed(f"{name}.weight"), name, shape)]
        return [copied(self.renamed(name), name, shape, heads=self._heads_of(name))]

    def renamed(self, name: str) -> str:
        """What llama.cpp calls a tensor.

        Raises:
            ExportError: It knows none like it in this architecture.
        """
        found = self._names.get_name(name.replace("language_model.", ""), try_suffixes=(".weight", ".bias"))
        if found is None:
            raise ExportError(
                "export.tensor_unknown",
                "llama.cpp knows no tensor like '{tensor}' in a model of the kind {architecture}.",
                fix=WAY_OUT,
                tensor=name,
                architecture=self.config.architecture,
            )
        return str(found)

    def _heads_of(self, name: str) -> int | None:
        if not self.rotates_neighbours:
            return None
        if name.endswith(("q_proj.weight", "q_proj.bias")):
            return self.config.heads
        return self.config.kv_heads if name.endswith(("k_proj.weight", "k_proj.bias")) else None

    def _add_numbers(self, writer: GGUFWriter) -> None:
        writer.add_block_count(self.config.layers)
        for add, names in _NUMBERS:
            if (value := self.config.get(*names)) is not None:
                getattr(writer, add)(value)

    def _add_rope(self, writer: GGUFWriter) -> None:
        rope = self.config.global_rope
        kind, factor = rope.get("rope_type"), rope.get("factor")
        if kind == "linear" and factor is not None:
            writer.add_rope_scaling_type(RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(factor)
        elif kind == "yarn" and factor is not None:
            writer.add_rope_scaling_type(RopeScalingType.YARN)
            writer.add_rope_scaling_factor(factor)
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
            for add, names in _YARN:
                value = next((rope[name] for name in names if rope.get(name) is not None), None)
                if value is not None:
                    getattr(writer, add)(value)
        elif kind in ("su", "longrope"):
            writer.add_rope_scaling_type(RopeScalingType.LONGROPE)
        if (theta := rope.get("rope_theta")) is not None:
            writer.add_rope_freq_base(theta)
        if (theta := self.config.rope.get("sliding_attention", {}).get("rope_theta")) is not None:
            writer.add_rope_freq_base_swa(theta)
