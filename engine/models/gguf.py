"""Bringing a GGUF file into the Hugging Face form, dequantised, so that it can be fine-tuned."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from engine.models.errors import ModelError
from engine.progress import Reporter


def dequantise(file: Path, folder: Path, reporter: Reporter) -> None:
    """Write the model in ``file`` to ``folder`` as bfloat16 safetensors with its tokenizer.

    Raises:
        ModelError: The file is damaged, or transformers does not know its architecture.
    """
    reporter.decision("dtype", "bfloat16", "a GGUF file is stored dequantised, as 16-bit weights")
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(file.parent),
            gguf_file=file.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
        )
    except (OSError, ValueError, KeyError, IndexError, RuntimeError, UnicodeDecodeError) as error:
        raise ModelError(
            "model.gguf_unreadable",
            "The GGUF file {file} cannot be read: {reason}.",
            fix="Check that it is whole, and that transformers can read its architecture.",
            file=str(file),
            reason=str(error).strip().split("\n")[0][:200],
        ) from error
    with contextlib.suppress(AttributeError):
        del model.config.quantization_config
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    for name in ("LICENSE", "README.md"):
        if (file.parent / name).exists():
            shutil.copyfile(file.parent / name, folder / name)
