"""Loading weights into memory for training and generation (torch and transformers live here)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from engine.errors import reason_of
from engine.models.device import Device
from engine.models.errors import ModelError
from engine.models.inspect import read_config, refuse_remote_code, weight_files

Quantisation = Literal["none", "nf4"]


def load_causal_lm(folder: Path, device: Device, *, quantisation: Quantisation = "none") -> Any:
    """Load a causal language model, frozen and in evaluation mode.

    Args:
        folder: A Hugging Face folder with safetensors.
        device: Where to and in which dtype.
        quantisation: ``nf4`` stores the linear weights in 4-bit NormalFloat with double quantisation
            (QLoRA, Dettmers et al. 2023); arithmetic stays in the device's dtype.

    Raises:
        ModelError: The folder is unusable, or its architecture is unknown to transformers.
    """
    config = read_config(folder)
    refuse_remote_code(folder, config)
    weight_files(folder)
    options: dict[str, Any] = {}
    if quantisation == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=device.torch_dtype,
        )
    try:
        model, told = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=device.torch_dtype,
            device_map={"": device.name},
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise ModelError(
            "model.cannot_load",
            "The model {file} cannot be loaded: {reason}.",
            fix="Check that transformers knows its architecture and that the files are whole.",
            file=str(folder),
            reason=reason_of(error),
        ) from error
    if missing := made_up(model, told):
        raise ModelError(
            "model.missing_weights",
            "The model {file} has no weights for {tensor}.",
            fix="Check that all its files are there, and that config.json belongs to them.",
            file=str(folder),
            tensor=missing[0],
        )
    if quantisation == "nf4":
        _keep_layout(model)
    model.requires_grad_(requires_grad=False)
    model.eval()
    return model


def made_up(model: Any, told: dict[str, Any]) -> list[str]:
    """The weights that a file lacks and transformers has filled with random numbers; buffers begin as they should.

    Args:
        model: As it was loaded.
        told: What loading told, by ``output_loading_info``.
    """
    return sorted(set(told["missing_keys"]) & {name for name, _ in model.named_parameters()})


def _keep_layout(model: Any) -> None:
    """Keep bitsandbytes from rearranging 4-bit weights at the first evaluation.

    On CPUs with AVX512-BF16 it would pack them for a kernel that computes no gradients, so that training
    after an evaluation would reach no adapter but the last; and it takes only widths that 32 divides.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
