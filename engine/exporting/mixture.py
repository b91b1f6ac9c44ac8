"""Which type each tensor of a quantised file gets: llama.cpp's rules, so that the files are the same.

A quantisation such as ``q4_k_m`` is a mixture: tensors where rounding hurts most (the output, the value
projections, some layers of the feed-forward network) keep more bits. The rules depend on the tensor's part in the
model, on its layer and on how many heads and experts there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from gguf import GGML_QUANT_SIZES, MODEL_ARCH
from gguf import GGMLQuantizationType as Type
from gguf import LlamaFileType as FileType

from engine.exporting.quantisations import Quantisation


class Part(Enum):
    """What a tensor is in the model."""

    OUTPUT = auto()
    EMBEDDING = auto()
    QKV = auto()
    VALUE = auto()
    KEY = auto()
    QUERY = auto()
    ATTENTION_OUTPUT = auto()
    UP = auto()
    GATE = auto()
    DOWN = auto()
    OTHER = auto()


#: Parts of names, tried in this order.
_PARTS: Final = (
    ("attn_qkv.weight", Part.QKV),
    ("attn_kv_b.weight", Part.VALUE),
    ("attn_v.weight", Part.VALUE),
    ("attn_k.weight", Part.KEY),
    ("attn_q.weight", Part.QUERY),
    ("attn_output.weight", Part.ATTENTION_OUTPUT),
    ("ffn_up", Part.UP),
    ("ffn_gate", Part.GATE),
    ("ffn_down", Part.DOWN),
)
_EMBEDDINGS: Final = ("token_embd.weight", "per_layer_token_embd.weight")
#: Small or delicate tensors that stay as they are, although they have two dimensions.
_KEPT: Final = ("_norm.weight", "ffn_gate_inp.weight", "altup", "laurel", "per_layer_model_proj")

_F: Final = FileType
#: The very small ones, which share their rules.
_TINY: Final = frozenset(
    {
        _F.MOSTLY_IQ2_XXS,
        _F.MOSTLY_IQ2_XS,
        _F.MOSTLY_IQ2_S,
        _F.MOSTLY_IQ2_M,
        _F.MOSTLY_IQ1_S,
        _F.MOSTLY_IQ1_M,
    }
)
_TINY_2: Final = frozenset({_F.MOSTLY_IQ2_S, _F.MOSTLY_IQ2_M})
_TINY_1: Final = frozenset({_F.MOSTLY_IQ1_S, _F.MOSTLY_IQ1_M})
#: With eight experts the shared attention output is small beside them.
_EIGHT_EXPERTS_OUTPUT: Final = frozenset(
    {
        _F.MOSTLY_Q2_K,
        _F.MOSTLY_IQ3_XS,
        _F.MOSTLY_IQ3_XXS,
        _F.MOSTLY_Q3_K_S,
        _F.MOSTLY_Q3_K_M,
        _F.MOSTLY_IQ4_NL,
        _F.MOSTLY_Q4_K_S,
        _F.MOSTLY_Q4_K_M,
        _F.MOSTLY_IQ3_S,
        _F.MOSTLY_IQ3_M,
        _F.MOSTLY_IQ4_XS,
    }
)
_ATTENTION_OUTPUT: Final = {
    _F.MOSTLY_Q2_K: Type.Q3_K,
    _F.MOSTLY_IQ3_XXS: Type.IQ3_S,
    _F.MOSTLY_Q3_K_M: Type.Q4_K,
    _F.MOSTLY_Q3_K_L: Type.Q5_K,
    _F.MOSTLY_IQ3_M: Type.Q4_K,
}
#: What takes the place of a type whose blocks do not fit a tensor's rows.
_SMALLER_BLOCKS: Final = {
    **dict.fromkeys(
        (
            Type.IQ1_S,
            Type.IQ1_M,
            Type.IQ2_XXS,
            Type.IQ2_XS,
            Type.IQ2_S,
            Type.IQ3_XXS,
            Type.IQ3_S,
            Type.IQ4_XS,
        ),
        Type.IQ4_NL,
    ),
    Type.Q2_K: Type.Q4_0,
    Type.Q3_K: Type.Q4_0,
    Type.Q4_K: Type.Q5_0,
    Type.Q5_K: Type.Q5_1,
    Type.Q6_K: Type.Q8_0,
}
#: Architectures whose model of eighty layers counts as the 70B one.
_EIGHTY_LAYERS: Final = (MODEL_ARCH.LLAMA, MODEL_ARCH.QWEN2)
_LAYER: Final = re.compile(r"blk\.(\d+)\.")


@dataclass(frozen=True)
class Facts:
    """What the rules want to know of a model.

    Attributes:
        arch: Its architecture.
        layers: Blocks.
        heads: Attention heads.
        kv_heads: Heads of keys and values.
        experts: Experts per layer; 0 for a dense model.
    """

    arch: MODEL_ARCH
    layers: int
    heads: int
    kv_heads: int
    experts: int = 0

    @property
    def queries_per_key(self) -> int:
        """Query heads that share a key head."""
        return self.heads // self.kv_heads if self.kv_heads else 0

    @property
    def is_70b(self) -> bool:
        """Whether the extra bits of the 70B model apply."""
        return self.arch in _EIGHTY_LAYERS and self.layers == 80 and self.heads != self.kv_heads


def allows_quantising(name: str, dimensions: int) -> bool:
    """Whether a tensor may be stored in blocks at all."""
    return dimensions >= 2 and name.endswith("weight") and not any(kept in name for kept in _KEPT)


def in_order(name: str) -> tuple[int, str]:
    """Key that sorts tensors as llama.cpp walks them: by layer, then by name."""
    found = _LAYER.match(name)
    return (int(found[1]) if found else -1, name)


@dataclass
class Mixture:
    """The types of one file's tensors; ask for all of them in the order of `in_order`.

    Args:
        quantisation: What was asked for.
        facts: Of the model.
        names: Of all tensors.
        has_importance: An importance matrix guides the rounding.
    """

    quantisation: Quantisation
    facts: Facts
    names: list[str]
    has_importance: bool = False
    _values: int = field(init=False)
    _tied: bool = field(init=False)
    _seen_values: int = field(default=0, init=False)
    _seen_down: int = field(default=0, init=False)
    _seen_gate: int = field(default=0, init=False)
    _seen_up: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        parts = [part_of(name) for name in self.names]
        self._values = sum(part in (Part.VALUE, Part.QKV) for part in parts)
        self._tied = Part.OUTPUT not in parts

    def type_of(self, name: str, columns: int) -> Type:
        """The type of the next tensor, whose rows have ``columns`` values."""
        kind = self._wanted(name, columns)
        if columns % GGML_QUANT_SIZES[kind][0]:
            kind = _SMALLER_BLOCKS.get(kind, Type.F16)
            if columns % GGML_QUANT_SIZES[kind][0]:
                kind = Type.F16
        return kind

    def _wanted(self, name: str, columns: int) -> Type:
        part = part_of(name)
        if part is Part.OUTPUT or (self._tied and part is Part.EMBEDDING):
            return self._output(columns)
        if part is Part.EMBEDDING:
            return self._embedding()
        if self.quantisation.file_type in _TINY:
            return self._tiny(part)
        if part in (Part.VALUE, Part.QKV):
            return self._value()
        if part in (Part.KEY, Part.QUERY):
            return self._key_or_query(part)
        if part is Part.DOWN:
            return self._down(name)
        if part is Part.ATTENTION_OUTPUT:
            return self._attention_output()
        if part in (Part.GATE, Part.UP):
            return self._gate_or_up(name, part)
        return self.quantisation.default

    def _output(self, columns: int) -> Type:
        default = self.quantisation.default
        if columns % GGML_QUANT_SIZES[default][0]:
            return Type.Q8_0
        if self.quantisation.file_type in _TINY or self.quantisation.file_type is _F.MOSTLY_IQ3_XXS:
            return Type.Q5_K
        return default if default is Type.Q8_0 else Type.Q6_K

    def _embedding(self) -> Type:
        file_type = self.quantisation.file_type
        if file_type in _TINY_2 or file_type is _F.MOSTLY_IQ3_XXS:
            return Type.IQ3_S
        return Type.Q2_K if file_type in _TINY else self.quantisation.default

    def _tiny(self, part: Part) -> Type:
        file_type, experts = self.quantisation.file_type, self.facts.experts
        more = Type.IQ3_S if file_type in _TINY_2 else Type.Q2_K
        if part in (Part.VALUE, Part.QKV):
            self._seen_values += 1
            return Type.Q4_K if self.facts.queries_per_key >= 4 or experts >= 4 else more
        if part is Part.KEY and experts == 8:
            return Type.Q4_K
        if part is Part.DOWN:
            early = self._seen_down < self.facts.layers // 8
            self._seen_down += 1
            return more if early else self.quantisation.default
        if part is Part.ATTENTION_OUTPUT:
            if experts == 8:
                return Type.Q5_K
            if file_type in _TINY_1:
                return Type.IQ2_XXS
            if file_type in _TINY_2:
                return Type.IQ3_S
        return self.quantisation.default

    def _value(self) -> Type:
        kind = self._shared_value()
        if self.facts.is_70b and kind in (Type.Q3_K, Type.Q4_K):
            kind = Type.Q5_K  # its eight query heads per value head make this tensor small
        if self.facts.experts == 8:
            kind = Type.Q8_0
        self._seen_values += 1
        return kind

    def _shared_value(self) -> Type:
        file_type, number = self.quantisation.file_type, self._seen_values
        grouped = self.facts.queries_per_key >= 4
        match file_type:
            case _F.MOSTLY_Q2_K:
                return Type.Q4_K if grouped else Type.Q3_K
            case _F.MOSTLY_Q2_K_S | _F.MOSTLY_IQ3_XS | _F.MOSTLY_IQ3_S if grouped:
                return Type.Q4_K
            case _F.MOSTLY_IQ3_XXS:
                if grouped:
                    return Type.Q4_K
                return Type.IQ3_XXS if self.has_importance else Type.IQ3_S
            case _F.MOSTLY_IQ3_M:
                return Type.Q4_K
            case _F.MOSTLY_Q3_K_M:
                return Type.Q5_K if number < 2 else Type.Q4_K
            case _F.MOSTLY_Q3_K_L:
                return Type.Q5_K
            case _F.MOSTLY_IQ4_NL | _F.MOSTLY_IQ4_XS if grouped:
                return Type.Q5_K
            case _F.MOSTLY_Q4_K_M | _F.MOSTLY_Q5_K_M if _more_bits(number, self._values):
                return Type.Q6_K
            case _F.MOSTLY_Q4_K_S if number < 4:
                return Type.Q5_K
        return self.quantisation.default

    def _key_or_query(self, part: Part) -> Type:
        if part is Part.KEY and self.facts.experts == 8:
            return Type.Q8_0
        if self.quantisation.file_type is _F.MOSTLY_IQ3_XS:
            return Type.IQ3_XXS
        return Type.IQ2_S if self.quantisation.file_type is _F.MOSTLY_IQ3_XXS else self.quantisation.default

    def _down(self, name: str) -> Type:
        layer, layers = self._layer(name, self._seen_down), self.facts.layers
        self._seen_down += 1
        early = layer < layers // 8
        match self.quantisation.file_type:
            case _F.MOSTLY_Q2_K:
                return Type.Q3_K
            case _F.MOSTLY_Q2_K_S if early:
                return Type.Q4_K
            case _F.MOSTLY_IQ3_XXS if not self.has_importance:
                return Type.Q4_K if early else Type.Q3_K
            case _F.MOSTLY_Q3_K_M:
                return Type.Q5_K if layer < layers // 16 else Type.Q4_K
            case _F.MOSTLY_IQ3_M if early or (self.facts.experts == 8 and _more_bits(layer, layers)):
                return Type.Q4_K
            case _F.MOSTLY_Q3_K_L:
                return Type.Q5_K
            case _F.MOSTLY_Q4_K_M | _F.MOSTLY_Q5_K_M if _more_bits(layer, layers):
                return Type.Q6_K
            case _F.MOSTLY_IQ4_NL | _F.MOSTLY_IQ4_XS if early and not self.has_importance:
                return Type.Q5_K
            case _F.MOSTLY_Q4_K_S if early:
                return Type.Q5_K
            case _F.MOSTLY_Q4_0 if early and self.has_importance:
                return Type.Q4_1
            case _F.MOSTLY_Q5_0 if early and self.has_importance:
                return Type.Q5_1
        return self.quantisation.default

    def _attention_output(self) -> Type:
        file_type = self.quantisation.file_type
        if self.facts.experts == 8:
            return Type.Q5_K if file_type in _EIGHT_EXPERTS_OUTPUT else self.quantisation.default
        return _ATTENTION_OUTPUT.get(file_type, self.quantisation.default)

    def _gate_or_up(self, name: str, part: Part) -> Type:
        number = self._seen_gate if part is Part.GATE else self._seen_up
        layer, layers = self._layer(name, number), self.facts.layers
        if part is Part.GATE:
            self._seen_gate += 1
        else:
            self._seen_up += 1
        middle = layers // 8 <= layer < 7 * layers // 8
        if self.quantisation.file_type is _F.MOSTLY_IQ3_XS and middle:
            return Type.IQ3_XXS
        return self.quantisation.default

    def _layer(self, name: str, counted: int) -> int:
        """The layer of a tensor: by its name where experts make counting useless."""
        found = _LAYER.match(name)
        return int(found[1]) if self.facts.experts > 1 and found else counted


def part_of(name: str) -> Part:
    """What a tensor is, by its name."""
    if name == "output.weight":
        return Part.OUTPUT
    if name in _EMBEDDINGS:
        return Part.EMBEDDING
    return next((part for words, part in _PARTS if words in name), Part.OTHER)


def _more_bits(number: int, count: int) -> bool:
    """Whether a layer is among those that get more bits: the first and last eighth, and every third between."""
    return number < count // 8 or number >= 7 * count // 8 or (number - count // 8) % 3 == 2
