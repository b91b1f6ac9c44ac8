"""What a GGUF file will hold, known before anything is written: metadata, tensors, their types and sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gguf import GGML_QUANT_SIZES, GGUFWriter
from gguf import GGMLQuantizationType as Type
from gguf import LlamaFileType as FileType

from engine.exporting.errors import ExportError
from engine.exporting.families import family_of
from engine.exporting.families.family import Family
from engine.exporting.families.hyperparameters import read_hyperparameters
from engine.exporting.ggml import row_bytes
from engine.exporting.mixture import Mixture, allows_quantising, in_order
from engine.exporting.quantisations import Quantisation, needs_importance
from engine.exporting.tensors import Output
from engine.weights import WeightsReader

if TYPE_CHECKING:
    from engine.weights.formats import TensorSource

#: Tensors of two dimensions that llama.cpp computes with in float32.
_FLOAT32: Final = ("_norm.weight", "ffn_gate_inp.weight", "ffn_gate_inp_shexp.weight", "position_embd.weight")


@dataclass(frozen=True)
class TypedTensor:
    """A tensor of the file and how it is stored.

    Attributes:
        output: What it is made of.
        type: How its values are stored.
    """

    output: Output
    type: Type

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return row_bytes(self.type, self.output.columns)

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.output.rows * self.row_bytes


@dataclass(frozen=True)
class GgufPlan:
    """A GGUF file before it is written.

    Attributes:
        family: How the model becomes one.
        source: The model's tensors.
        quantisation: How it is stored.
        tensors: In the order of the file.
    """

    family: Family
    source: TensorSource
    quantisation: Quantisation
    tensors: tuple[TypedTensor, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors together."""
        return sum(tensor.nbytes for tensor in self.tensors)

    @property
    def parameters(self) -> int:
        """Values of all tensors together."""
        return sum(tensor.output.rows * tensor.output.columns for tensor in self.tensors)

    def falls_back(self, tensor: TypedTensor) -> bool:
        """Whether a tensor is stored otherwise than the quantisation would, as its rows are no whole blocks."""
        block = GGML_QUANT_SIZES[self.quantisation.default][0]
        return (
            self.quantisation.quantised and tensor.type is not Type.F32 and tensor.output.columns % block > 0
        )

    @property
    def types(self) -> dict[str, int]:
        """How many tensors are stored as each type, most first."""
        return dict(Counter(tensor.type.name for tensor in self.tensors).most_common())

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "architecture": self.family.config.architecture,
            "quantisation": self.quantisation.name,
            "bytes": self.nbytes,
            "parameters": self.parameters,
            "bits_per_weight": round(8 * self.nbytes / self.parameters, 2),
            "types": self.types,
            "tensors": [
                {
                    "name": tensor.output.name,
                    "shape": list(tensor.output.shape),
                    "type": tensor.type.name,
                    "bytes": tensor.nbytes,
                    "fallback": self.falls_back(tensor),
                }
                for tensor in self.tensors
            ],
        }


def plan_gguf(
    folder: Path,
    quantisation: Quantisation,
    *,
    source: TensorSource | None = None,
    tokenizer_folder: Path | None = None,
    vocabulary_size: int | None = None,
    importance: Container[str] | None = None,
) -> GgufPlan:
    """Plan the GGUF file of a model.

    Args:
        folder: The model's folder: config and tokenizer, and its tensors unless ``source`` has them.
        quantisation: How it is to be stored.
        source: Its tensors, where they are not those in ``folder`` (an adapter folded in, a merge).
        tokenizer_folder: Where its tokenizer lies, if not in ``folder``.
        vocabulary_size: Rows of its embedding, where the config does not tell.
        importance: Names of the tensors for which it is known which weights matter; None: nothing is known.

    Raises:
        ExportError: The architecture or a tensor is unknown, or this quantisation needs an importance matrix.
        WeightsError: The tensors cannot be read.
    """
    source = source or WeightsReader(folder)
    config = read_hyperparameters(folder)
    if vocabulary_size is not None:
        config.change("vocab_size", vocabulary_size)
    family = family_of(config, folder, tokenizer_folder)
    outputs = family.outputs({name: source.shape(name) for name in source.names()})
    outputs.sort(key=lambda output: in_order(output.name))
    mixture = Mixture(quantisation, family.facts, [output.name for output in outputs], importance is not None)
    tensors = tuple(TypedTensor(output, _type(output, quantisation, mixture)) for output in outputs)
    for tensor in tensors:
        known = importance is not None and tensor.output.name in importance
        if needs_importance(tensor.type, quantisation.file_type) and not known:
            raise ExportError(
                "export.importance_needed",
                "The quantisation {name} rounds so much that it needs to know which weights of {tensor} matter.",
                fix="Name a dataset with training examples by --dataset to measure it, or take q4_k_m.",
                name=quantisation.name,
                tensor=tensor.output.name,
            )
    return GgufPlan(family, source, quantisation, tensors)


def add_metadata(
    plan: GgufPlan,
    writer: GGUFWriter,
    name: str,
    chat_template: str | None = None,
    add_bos: bool | None = None,
) -> None:
    """Put everything but the tensors into a file's metadata.

    Args:
        plan: Of the file.
        writer: Of the file.
        name: What the model is called.
        chat_template: The recorded rendering; None: the one that lies with the tokenizer.
        add_bos: Whether llama.cpp puts a special token before every prompt; None: as the tokenizer has it.
    """
    from gguf import GGML_QUANT_VERSION, GGUFType

    writer.add_type(GGUFType.MODEL)
    writer.add_name(name)
    plan.family.add_keys(writer)
    writer.add_file_type(plan.quantisation.file_type)
    writer.add_quantization_version(GGML_QUANT_VERSION)
    vocabulary = plan.family.vocabulary()
    if chat_template is not None:
        vocabulary.special.chat_template = chat_template
    if add_bos is not None:
        vocabulary.add_bos = add_bos
    vocabulary.add_to(writer)


def _type(output: Output, quantisation: Quantisation, mixture: Mixture) -> Type:
    """How one tensor is stored."""
    plain = len(output.shape) < 2 or not output.name.endswith(".weight") or output.name.endswith(_FLOAT32)
    if plain or quantisation.file_type is FileType.ALL_F32:
        return Type.F32
    if not quantisation.quantised:
        return quantisation.default
    if not allows_quantising(output.name, len(output.shape)):
        return Type.F32
    return mixture.type_of(output.name, output.columns)
