"""Bringing a GGUF file into the Hugging Face form, dequantised, so that it can be fine-tuned."""

from __future__ import annotations

import contextlib
import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from engine.errors import Words, reason_of
from engine.files import is_disk_full
from engine.gguf_header import GgufError, check_gguf
from engine.models.errors import ModelError
from engine.models.load import made_up
from engine.models.notices import card_in, notices_in
from engine.progress import Reporter

#: How safetensors, which is written in Rust, tells the error of the system.
_SYSTEM_ERROR: Final = re.compile(r"\(os error (\d+)\)")

#: How transformers tells that tensors are of other shapes than the configuration says.
_MISMATCH: Final = "ignore_mismatched_sizes"
#: Notices that are taken over from beside a GGUF file, without their ends.
_BESIDE: Final = frozenset({"license", "licence", "copying", "notice", "use_policy"})


def dequantise(file: Path, folder: Path, reporter: Reporter) -> None:
    """Write the model in ``file`` to ``folder`` as bfloat16 safetensors with its tokenizer.

    Raises:
        ModelError: The file is damaged, transformers does not know its architecture, or the disk is full.
    """
    reporter.decision("dtype", "bfloat16", "a GGUF file is stored dequantised, as 16-bit weights")
    with _told_when_unreadable(file):
        settings = check_gguf(file)
        tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)
        model, told = AutoModelForCausalLM.from_pretrained(
            str(file.parent),
            gguf_file=file.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
            output_loading_info=True,
        )
        if missing := made_up(model, told):
            raise _UnreadableError(Words("it has no weights for {tensor}", tensor=missing[0]))
        licence = str(settings.get("general.license", ""))
    with contextlib.suppress(AttributeError):
        del model.config.quantization_config
    with told_when_not_written(folder):
        model.save_pretrained(str(folder))
        tokenizer.save_pretrained(str(folder))
        bring_notices(file.parent, folder, licence)


def bring_notices(source: Path, folder: Path, licence: str) -> None:
    """Copy the card and the licences that lie beside a GGUF file to a model's folder.

    Args:
        source: Where the file lies; other files there may have nothing to do with it, hence the plain names alone.
        folder: The model's.
        licence: What the file's header names; the card says so where none lies there.
    """
    for notice in notices_in(source):
        if notice.stem.lower() in _BESIDE:
            shutil.copyfile(notice, folder / notice.name)
    card = card_in(source)
    if card is not None:
        shutil.copyfile(card, folder / "README.md")
    elif licence:
        (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n", encoding="utf-8")


@contextlib.contextmanager
def told_when_not_written(folder: Path) -> Iterator[None]:
    """Tell failures of writing in words; they name the place of ``folder``, which is a temporary one."""
    try:
        yield
    except (SafetensorError, OSError) as error:
        system = _SYSTEM_ERROR.search(str(error))
        cause = error if isinstance(error, OSError) else OSError(int(system[1]) if system else 0, str(error))
        if is_disk_full(cause):
            raise ModelError(
                "model.disk_full",
                "The disk is full: the model cannot be written to {file}.",
                fix="Free some space on that disk, or use another workspace, and add the model again.",
                file=str(folder.parent),
            ) from error
        raise ModelError(
            "model.not_written",
            "The model cannot be written to {file}: {reason}.",
            fix="Check that disk and its permissions, and add the model again.",
            file=str(folder.parent),
            reason=reason_of(error),
        ) from error


class _UnreadableError(Exception):
    """A file that transformers has read, and that is no whole model."""

    def __init__(self, reason: Words) -> None:
        super().__init__(reason)
        self.reason = reason


@contextlib.contextmanager
def _told_when_unreadable(file: Path) -> Iterator[None]:
    """Tell failures of reading a GGUF file in words: a damaged header makes the readers fail in any way."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if isinstance(error, _UnreadableError):
            reason: str = error.reason
        elif isinstance(error, GgufError):
            reason = error.params["reason"]
        elif isinstance(error, struct.error):
            reason = Words("it breaks off")
        elif _MISMATCH in str(error):
            reason = Words("its settings do not fit its tensors")
        elif isinstance(error, IndexError | ArithmeticError):
            reason = Words("one of its settings is impossible")
        else:
            reason = reason_of(error)
        raise ModelError(
            "model.gguf_unreadable",
            "The GGUF file {file} cannot be read: {reason}.",
            fix="Check that it is whole, and that transformers can read its architecture.",
            file=str(file),
            reason=reason,
        ) from error
