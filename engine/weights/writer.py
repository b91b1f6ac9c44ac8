"""Writes a model's tensors as they come: the plan fixes every offset, so order does not matter.

The writer puts its files straight into the folder it is given. Give it a temporary one
(`engine.files.new_folder`) and nothing unfinished ever has a final name.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final

from engine.weights.errors import WeightsError, disk_errors
from engine.weights.formats import PlannedTensor, dtype_code
from engine.weights.reader import combine, content_line

if TYPE_CHECKING:
    import torch

#: Most bytes in one file, as the field's tools cut them.
SHARD_BYTES: Final = 5_000_000_000
#: Tensor data begin at a multiple of this.
_ALIGNMENT: Final = 8


class WeightsWriter:
    """Safetensors files that are filled tensor by tensor.

    Use it as a context manager: leaving it well checks that every planned tensor was written, makes
    the files durable and writes the index where there are several. Safe to use from several threads.

    Args:
        folder: Where the files go; must exist.
        plan: Every tensor that will come, in the order of the files.
        shard_bytes: Most bytes per file; a tensor larger than this gets a file of its own.
        metadata: Text pairs for the files' headers (``{"format": "pt"}`` is always there).
        stem: Name of the files without number and ending.

    Raises:
        WeightsError: A name is planned twice, or the disk is full.
    """

    def __init__(
        self,
        folder: Path,
        plan: Iterable[PlannedTensor],
        *,
        shard_bytes: int = SHARD_BYTES,
        metadata: Mapping[str, str] | None = None,
        stem: str = "model",
    ) -> None:
        self._folder = folder
        self._stem = stem
        self._lock = threading.Lock()
        self._plan: dict[str, PlannedTensor] = {}
        self._places: dict[str, tuple[BinaryIO, int]] = {}
        self._digests: dict[str, str] = {}
        self._files: dict[str, BinaryIO] = {}
        self._shard_of: dict[str, str] = {}
        for tensor in plan:
            if tensor.name in self._plan:
                raise WeightsError(
                    "weights.planned_twice",
                    "The tensor '{tensor}' would be written twice.",
                    tensor=tensor.name,
                )
            self._plan[tensor.name] = tensor
        try:
            for name, shard in _shards(list(self._plan.values()), shard_bytes, stem):
                self._start(name, shard, metadata)
        except BaseException:
            self._close_files()
            raise

    def write(self, name: str, tensor: torch.Tensor) -> None:
        """Put one tensor into its place.

        Raises:
            WeightsError: It was not planned like this, was written before, or the disk is full.
        """
        import torch

        planned = self._plan.get(name)
        shape = tuple(tensor.shape)
        dtype = dtype_code(str(tensor.dtype))
        if planned is None or planned.shape != shape or planned.dtype != dtype or name in self._digests:
            raise WeightsError(
                "weights.not_planned",
                "The tensor '{tensor}' ({dtype}, {shape}) was not planned like this, or came twice.",
                tensor=name,
                dtype=dtype,
                shape=str(shape),
            )
        raw = memoryview(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().data)
        digest = hashlib.sha256(raw).hexdigest()
        stream, offset = self._places[name]
        with self._lock, disk_errors(self._folder):
            self._digests[name] = digest
            stream.seek(offset)
            _write_all(stream, raw)

    def sha256(self) -> str:
        """Content hash of what was written; equals `WeightsReader.sha256` of the finished folder."""
        return combine(
            [
                content_line(name, self._plan[name].dtype, self._plan[name].shape, self._digests[name])
                for name in sorted(self._digests)
            ]
        )

    def finish(self) -> None:
        """Check that nothing is missing, and complete the files.

        Raises:
            WeightsError: A planned tensor was never written, or the disk is full.
        """
        missing = [name for name in self._plan if name not in self._digests]
        if missing:
            raise WeightsError(
                "weights.incomplete",
                "The tensor '{tensor}' and {others} more were never written.",
                tensor=missing[0],
                others=len(missing) - 1,
            )
        with disk_errors(self._folder):
            for stream in self._files.values():
                os.fsync(stream.fileno())
            self._close_files()
            if len(self._files) > 1:
                self._write_index()

    def __enter__(self) -> WeightsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self._close_files()

    def _start(self, name: str, shard: Sequence[PlannedTensor], metadata: Mapping[str, str] | None) -> None:
        header = _header(shard, metadata)
        with disk_errors(self._folder):
            stream = (self._folder / name).open("wb", buffering=0)
            self._files[name] = stream
            _write_all(stream, memoryview(header))
        begin = len(header)
        for tensor in shard:
            self._places[tensor.name] = (stream, begin)
            self._shard_of[tensor.name] = name
            begin += tensor.nbytes

    def _write_index(self) -> None:
        text = _index(self._plan.values(), self._shard_of)
        (self._folder / _index_name(self._stem)).write_text(text, encoding="utf-8")

    def _close_files(self) -> None:
        for stream in self._files.values():
            stream.close()


def planned_files(
    plan: Iterable[PlannedTensor], *, shard_bytes: int = SHARD_BYTES, stem: str = "model"
) -> dict[str, int]:
    """Names of the files that a `WeightsWriter` with the same arguments makes, and the bytes of each."""
    tensors = list(plan)
    shards = _shards(tensors, shard_bytes, stem)
    found = {
        name: len(_header(shard, None)) + sum(tensor.nbytes for tensor in shard) for name, shard in shards
    }
    if len(shards) > 1:
        places = {tensor.name: name for name, shard in shards for tensor in shard}
        found[_index_name(stem)] = len(_index(tensors, places).encode("utf-8"))
    return found


def _shards(plan: list[PlannedTensor], shard_bytes: int, stem: str) -> list[tuple[str, list[PlannedTensor]]]:
    """Name and tensors of each file."""
    shards = _cut(plan, shard_bytes)
    if len(shards) == 1:
        return [(f"{stem}.safetensors", shards[0])]
    count = len(shards)
    return [
        (f"{stem}-{number:05d}-of-{count:05d}.safetensors", shard)
        for number, shard in enumerate(shards, start=1)
    ]


def _header(shard: Sequence[PlannedTensor], metadata: Mapping[str, str] | None) -> bytes:
    """What a file begins with: the length of the description, and where each tensor lies."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt", **(metadata or {})}}
    offset = 0
    for tensor in shard:
        entries[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _index_name(stem: str) -> str:
    return f"{stem}.safetensors.index.json"


def _index(plan: Iterable[PlannedTensor], places: Mapping[str, str]) -> str:
    """Which file holds which tensor."""
    total = sum(tensor.nbytes for tensor in plan)
    document = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    return json.dumps(document, ensure_ascii=False, indent=2)


def _write_all(stream: BinaryIO, data: memoryview) -> None:
    """Write all of ``data``; an unbuffered stream may take only a part at a time."""
    done = 0
    while done < len(data):
        done += stream.write(data[done:])


def _cut(plan: list[PlannedTensor], shard_bytes: int) -> list[list[PlannedTensor]]:
    """Spread the plan over files of at most ``shard_bytes``, in order."""
    # Wide elements first keeps every tensor aligned to its element size.
    widest_first = sorted(plan, key=lambda tensor: -tensor.nbytes_per_element)
    shards: list[list[PlannedTensor]] = [[]]
    room = shard_bytes
    for tensor in widest_first:
        if shards[-1] and tensor.nbytes > room:
            shards.append([])
            room = shard_bytes
        shards[-1].append(tensor)
        room -= tensor.nbytes
    return shards
