"""The ways in which a GGUF file can store weights, by the names that llama.cpp gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gguf import GGMLQuantizationType as Type
from gguf import LlamaFileType as FileType

from engine.exporting.errors import ExportError


@dataclass(frozen=True)
class Quantisation:
    """One way to store a model.

    Attributes:
        name: As on the command line, for example ``"q4_k_m"``.
        file_type: Its number in a GGUF file.
        default: The type of most tensors; the mixture (`engine.exporting.mixture`) may give some of them another.
        text: What it is good for, in one sentence.
    """

    name: str
    file_type: FileType
    default: Type
    text: str

    @property
    def quantised(self) -> bool:
        """Whether weights are stored in blocks with scales, not as plain numbers."""
        return self.default not in (Type.F32, Type.F16, Type.BF16)


def _all() -> tuple[Quantisation, ...]:
    return (
        Quantisation("f32", FileType.ALL_F32, Type.F32, "Every bit of any model; twice the size of 16 bits."),
        Quantisation("f16", FileType.MOSTLY_F16, Type.F16, "16 bits, fast everywhere."),
        Quantisation("bf16", FileType.MOSTLY_BF16, Type.BF16, "16 bits as most models are trained in."),
        Quantisation("q8_0", FileType.MOSTLY_Q8_0, Type.Q8_0, "8 bits; hardly to be told from 16."),
        Quantisation("q6_k", FileType.MOSTLY_Q6_K, Type.Q6_K, "6.6 bits; close to 8."),
        Quantisation("q5_k_m", FileType.MOSTLY_Q5_K_M, Type.Q5_K, "5.7 bits, more where it counts."),
        Quantisation("q5_k_s", FileType.MOSTLY_Q5_K_S, Type.Q5_K, "5.5 bits."),
        Quantisation(
            "q4_k_m", FileType.MOSTLY_Q4_K_M, Type.Q4_K, "4.8 bits, more where it counts; the usual one."
        ),
        Quantisation("q4_k_s", FileType.MOSTLY_Q4_K_S, Type.Q4_K, "4.6 bits."),
        Quantisation("q3_k_l", FileType.MOSTLY_Q3_K_L, Type.Q3_K, "4.3 bits."),
        Quantisation("q3_k_m", FileType.MOSTLY_Q3_K_M, Type.Q3_K, "3.9 bits; losses show."),
        Quantisation("q3_k_s", FileType.MOSTLY_Q3_K_S, Type.Q3_K, "3.5 bits; losses show."),
        Quantisation("q2_k", FileType.MOSTLY_Q2_K, Type.Q2_K, "3 bits, for large models in little memory."),
        Quantisation("q2_k_s", FileType.MOSTLY_Q2_K_S, Type.Q2_K, "2.8 bits; needs an importance matrix."),
        Quantisation("q5_1", FileType.MOSTLY_Q5_1, Type.Q5_1, "6 bits in an older form."),
        Quantisation("q5_0", FileType.MOSTLY_Q5_0, Type.Q5_0, "5.5 bits in an older form."),
        Quantisation("q4_1", FileType.MOSTLY_Q4_1, Type.Q4_1, "5 bits in an older form."),
        Quantisation("q4_0", FileType.MOSTLY_Q4_0, Type.Q4_0, "4.5 bits in an older form; fast on ARM."),
        Quantisation("iq4_nl", FileType.MOSTLY_IQ4_NL, Type.IQ4_NL, "4.5 bits on a curve."),
        Quantisation("iq4_xs", FileType.MOSTLY_IQ4_XS, Type.IQ4_XS, "4.3 bits on a curve."),
        Quantisation("iq3_m", FileType.MOSTLY_IQ3_M, Type.IQ3_S, "3.7 bits, more where it counts."),
        Quantisation("iq3_s", FileType.MOSTLY_IQ3_S, Type.IQ3_S, "3.5 bits."),
        Quantisation("iq3_xs", FileType.MOSTLY_IQ3_XS, Type.IQ3_S, "3.3 bits; needs an importance matrix."),
        Quantisation(
            "iq3_xxs", FileType.MOSTLY_IQ3_XXS, Type.IQ3_XXS, "3.1 bits; needs an importance matrix."
        ),
        Quantisation("iq2_m", FileType.MOSTLY_IQ2_M, Type.IQ2_S, "2.7 bits; needs an importance matrix."),
        Quantisation("iq2_s", FileType.MOSTLY_IQ2_S, Type.IQ2_XS, "2.5 bits; needs an importance matrix."),
        Quantisation("iq2_xs", FileType.MOSTLY_IQ2_XS, Type.IQ2_XS, "2.3 bits; needs an importance matrix."),
        Quantisation(
            "iq2_xxs", FileType.MOSTLY_IQ2_XXS, Type.IQ2_XXS, "2.1 bits; needs an importance matrix."
        ),
        Quantisation("iq1_m", FileType.MOSTLY_IQ1_M, Type.IQ1_M, "1.75 bits; needs an importance matrix."),
        Quantisation("iq1_s", FileType.MOSTLY_IQ1_S, Type.IQ1_S, "1.6 bits; needs an importance matrix."),
    )


#: By name, from most bits to fewest.
QUANTISATIONS: Final = {quantisation.name: quantisation for quantisation in _all()}

_IMPORTANCE_NAMES: Final = frozenset(
    {"q2_k_s", "iq3_xs", "iq3_xxs", "iq2_m", "iq2_s", "iq2_xs", "iq2_xxs", "iq1_m", "iq1_s"}
)
#: Types that ggml refuses to write without knowing which weights matter.
_IMPORTANCE_TYPES: Final = frozenset(
    {Type.IQ3_XXS, Type.IQ2_XXS, Type.IQ2_XS, Type.IQ2_S, Type.IQ1_M, Type.IQ1_S}
)


def quantisation(name: str) -> Quantisation:
    """The quantisation called ``name``, in any case of letters.

    Raises:
        ExportError: There is none.
    """
    found = QUANTISATIONS.get(name.lower())
    if found is None:
        raise ExportError(
            "export.quantisation_unknown",
            "There is no quantisation '{name}'.",
            fix="Known are: {known}.",
            name=name,
            known=", ".join(QUANTISATIONS),
        )
    return found


def wants_importance(wanted: Quantisation) -> bool:
    """Whether some tensors of a file in this quantisation cannot do without an importance matrix."""
    return wanted.name in _IMPORTANCE_NAMES


def needs_importance(kind: Type, file_type: FileType) -> bool:
    """Whether a tensor of this type can only be written with an importance matrix."""
    return kind in _IMPORTANCE_TYPES or (kind is Type.Q2_K and file_type is FileType.MOSTLY_Q2_K_S)
