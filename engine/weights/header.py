"""The header of a safetensors file: what lies where, checked before a byte of data is believed.

Layout: 8 bytes little-endian length n, n bytes of JSON ``{name: {dtype, shape, data_offsets}}``, data.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from engine.errors import Words, reason_of
from engine.weights.errors import WeightsError
from engine.weights.formats import DTYPES, element_bytes

#: A longer header than this is not a header (the format's own limit).
_MAX_HEADER: Final = 100_000_000
#: Numbers above are no sizes, and products of many of them take for ever.
_LARGEST: Final = 2**63 - 1
_MOST_DIMENSIONS: Final = 64
#: A longer name is none; it would also have to be told.
_LONGEST_NAME: Final = 1000


class _TwinError(Exception):
    """A name that an object of JSON has twice."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        file: The file.
        dtype: Code of its element type.
        shape: Its shape.
        start: Offset of its first byte in the file.
        nbytes: Bytes of its data.
    """

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    nbytes: int


def read_header(file: Path) -> dict[str, StoredTensor]:
    """The tensors that ``file`` holds.

    Raises:
        WeightsError: The file is missing, no safetensors file, cut short or inconsistent.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            prefix = stream.read(8)
            length = int.from_bytes(prefix, "little")
            if len(prefix) < 8 or not 2 <= length <= _MAX_HEADER:
                _corrupt(file, Words("it does not begin like a safetensors file"))
            if 8 + length > size:
                _corrupt(
                    file,
                    Words("its header should have {length} bytes, but the file ends before", length=length),
                )
            text = stream.read(length)
    except OSError as error:
        raise WeightsError(
            "weights.unreadable",
            "{file} cannot be read: {reason}.",
            fix="Check that the file is there and that you may read it.",
            file=str(file),
            reason=reason_of(error),
        ) from error
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_without_twins)
    except _TwinError as error:
        _corrupt(file, Words("its header has the name '{name}' twice", name=str(error)))
    except (ValueError, RecursionError):
        _corrupt(file, Words("its header is not JSON"))
    if not isinstance(header, dict):
        _corrupt(file, Words("its header is not a table of tensors"))
    header.pop("__metadata__", None)
    if any(not name.isprintable() or len(name) > _LONGEST_NAME for name in header):
        _corrupt(file, Words("the name of a tensor is not readable"))
    tensors = {name: _entry(file, name, entry, 8 + length, size) for name, entry in header.items()}
    _require_disjoint(file, tensors)
    return tensors


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON whose names differ; of two values under one name, readers take different ones."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwinError(ascii(next(name for name in names if names.count(name) > 1))[1:-1])
    return found


def _entry(file: Path, name: str, entry: Any, data: int, size: int) -> StoredTensor:
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        numbers = (*shape, begin, end) if isinstance(shape, list) else (None,)
    except (KeyError, TypeError, ValueError):
        _corrupt(file, Words("its entry in the header is incomplete"), name)
    if any(type(number) is not int or not 0 <= number <= _LARGEST for number in numbers):
        _corrupt(file, Words("its shape or place in the file is not a whole number"), name)
    if len(shape) > _MOST_DIMENSIONS:
        _corrupt(file, Words("it has {count} dimensions", count=len(shape)), name)
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise WeightsError(
            "weights.dtype_unsupported",
            "{file}: tensor '{tensor}' has the element type {dtype}, which is not supported.",
            fix="Convert the model to bfloat16 or float32 first.",
            file=str(file),
            tensor=name,
            dtype=str(dtype)[:100].encode("ascii", "replace").decode(),
        )
    nbytes = element_bytes(dtype) * math.prod(shape)
    # Libraries reckon with all dimensions even where one of them is zero.
    if element_bytes(dtype) * math.prod(size for size in shape if size) > _LARGEST:
        _corrupt(file, Words("its shape needs more bytes than any file has"), name)
    if end - begin != nbytes:
        _corrupt(
            file,
            Words(
                "its shape needs {needed} bytes, but {stored} are stored", needed=nbytes, stored=end - begin
            ),
            name,
        )
    if data + end > size:
        _corrupt(
            file,
            Words("it should end at byte {end}, but the file has only {size}", end=data + end, size=size),
            name,
        )
    return StoredTensor(file, dtype, tuple(shape), data + begin, nbytes)


def _require_disjoint(file: Path, tensors: dict[str, StoredTensor]) -> None:
    """Refuse tensors that share bytes: the writer of such a file was broken."""
    previous_end, previous = 0, ""
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].nbytes)):
        if tensor.nbytes and tensor.start < previous_end:
            _corrupt(file, Words("it overlaps the tensor '{other}'", other=previous), name)
        previous_end, previous = tensor.start + tensor.nbytes, name


def _corrupt(file: Path, reason: str, tensor: str | None = None) -> NoReturn:
    fix = "Download or copy the model again."
    if tensor is None:
        raise WeightsError(
            "weights.corrupt", "{file} is damaged: {reason}.", fix=fix, file=str(file), reason=reason
        )
    raise WeightsError(
        "weights.tensor_corrupt",
        "{file} is damaged at the tensor '{tensor}': {reason}.",
        fix=fix,
        file=str(file),
        tensor=tensor,
        reason=reason,
    )
