"""Reads a model's tensors one at a time, by offset: memory holds only what is in flight.

Files are read, not mapped: mapped pages count as this process's memory until the system takes them
back, and an open mapping keeps a folder from being renamed on Windows.
"""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.errors import reason_of
from engine.weights.errors import WeightsError
from engine.weights.formats import Rows, torch_dtype, unknown_tensor
from engine.weights.header import StoredTensor, read_header

if TYPE_CHECKING:
    import torch

#: Endings of weights that are Python pickles, which may run code when they are opened.
PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt")
#: Bytes hashed at a time.
_PIECE: Final = 4 << 20


class WeightsReader:
    """The tensors of a model folder: one safetensors file, or several with an index.

    Safe to use from several threads.

    Args:
        folder: The model's folder.
        stem: Name of the file without its ending (``"adapter_model"`` for an adapter).
        hashing: Hash each tensor as it is read, so that `sha256` need not read it again.

    Raises:
        WeightsError: There are no safetensors weights, or their headers are damaged.
    """

    def __init__(self, folder: Path, *, stem: str = "model", hashing: bool = False) -> None:
        self._folder = folder
        self._hashing = hashing
        self._digests: dict[str, str] = {}
        self._lock = threading.Lock()
        self._tensors = _open(folder, stem)

    @property
    def folder(self) -> Path:
        """Where the model lies."""
        return self._folder

    def names(self) -> list[str]:
        """Names of all tensors, sorted."""
        return sorted(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self._entry(name).shape

    def dtype(self, name: str) -> str:
        """Code of the type that a tensor is stored in, for example ``"BF16"``."""
        return self._entry(name).dtype

    def nbytes(self) -> int:
        """Bytes of all tensors together."""
        return sum(tensor.nbytes for tensor in self._tensors.values())

    def files(self) -> list[Path]:
        """The files that hold the tensors, sorted by name."""
        return sorted({tensor.file for tensor in self._tensors.values()})

    def read(self, name: str) -> torch.Tensor:
        """Read one tensor in the type it is stored in; the caller owns it.

        Raises:
            WeightsError: There is no such tensor, or the file has become shorter.
        """
        import torch

        entry = self._entry(name)
        tensor = torch.empty(entry.shape, dtype=torch_dtype(entry.dtype))
        if entry.nbytes:
            raw = _bytes_of(tensor)
            self._fill(name, entry, entry.start, raw)
            if self._hashing and name not in self._digests:
                digest = hashlib.sha256(raw).hexdigest()
                with self._lock:
                    self._digests[name] = digest
        return tensor

    def rows(self, name: str) -> Rows:
        """Reads some rows of a tensor at a time, in the type they are stored in.

        Raises:
            WeightsError: There is no such tensor; when rows are read: the file has become shorter.
        """
        import torch

        entry = self._entry(name)
        columns = entry.shape[-1] if entry.shape else 1
        dtype = torch_dtype(entry.dtype)

        def read(first: int, last: int) -> torch.Tensor:
            rows = torch.empty((last - first, columns), dtype=dtype)
            if rows.numel():
                self._fill(name, entry, entry.start + first * columns * dtype.itemsize, _bytes_of(rows))
            return rows

        return read

    def sha256(self) -> str:
        """Hash of the content: names, types, shapes and bytes of all tensors.

        It does not depend on how the tensors are spread over files or ordered in them. It is the
        SHA-256 of one line ``name<TAB>dtype<TAB>shape<TAB>sha256 of the bytes`` per tensor, sorted by
        name, the shape's numbers joined by commas.
        """
        lines = []
        for name in self.names():
            entry = self._tensors[name]
            digest = self._digests.get(name) or self._hash(name, entry)
            lines.append(content_line(name, entry.dtype, entry.shape, digest))
        return combine(lines)

    def _hash(self, name: str, entry: StoredTensor) -> str:
        state = hashlib.sha256()
        buffer = memoryview(bytearray(min(_PIECE, max(entry.nbytes, 1))))
        left = entry.nbytes
        with entry.file.open("rb") as stream:
            stream.seek(entry.start)
            while left:
                got = stream.readinto(buffer[: min(left, len(buffer))])
                if not got:
                    raise _shortened(entry.file, name)
                state.update(buffer[:got])
                left -= got
        with self._lock:
            self._digests[name] = state.hexdigest()
        return state.hexdigest()

    def _fill(self, name: str, entry: StoredTensor, start: int, target: memoryview) -> None:
        """Fill ``target`` with what stands in a tensor's file from the byte ``start`` on."""
        try:
            with entry.file.open("rb", buffering=0) as stream:
                stream.seek(start)
                done = 0
                while done < len(target):
                    got = stream.readinto(target[done:])
                    if not got:
                        raise _shortened(entry.file, name)
                    done += got
        except OSError as error:
            raise WeightsError(
                "weights.unreadable",
                "{file} cannot be read: {reason}.",
                fix="Check that the file is there and that you may read it.",
                file=str(entry.file),
                reason=reason_of(error),
            ) from error

    def _entry(self, name: str) -> StoredTensor:
        try:
            return self._tensors[name]
        except KeyError:
            raise unknown_tensor(name, self._folder) from None


def content_line(name: str, dtype: str, shape: tuple[int, ...], digest: str) -> str:
    """One tensor's line of the content hash (see `WeightsReader.sha256`)."""
    return f"{name}\t{dtype}\t{','.join(map(str, shape))}\t{digest}\n"


def combine(lines: list[str]) -> str:
    """The content hash from its lines (see `WeightsReader.sha256`)."""
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def _bytes_of(tensor: torch.Tensor) -> memoryview:
    """The memory of a contiguous tensor that is not empty."""
    import torch

    return memoryview(tensor.view(-1).view(torch.uint8).numpy().data)


def _open(folder: Path, stem: str) -> dict[str, StoredTensor]:
    if not folder.is_dir():
        raise WeightsError(
            "weights.no_folder",
            "There is no model folder {file}.",
            fix="Check the path; a model is a folder with config.json and safetensors files.",
            file=str(folder),
        )
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if single.is_file():
        return read_header(single)
    if index.is_file():
        return _open_sharded(index)
    raise _no_weights(folder, stem)


def _open_sharded(index: Path) -> dict[str, StoredTensor]:
    try:
        table = json.loads(index.read_bytes())["weight_map"]
        places = {str(name): str(file) for name, file in table.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(
            "weights.index_corrupt",
            "The index {file} cannot be understood.",
            fix="Download or copy the model again.",
            file=str(index),
        ) from error
    shards: dict[str, dict[str, StoredTensor]] = {}
    for file in sorted(set(places.values())):
        if Path(file).name != file or not (index.parent / file).is_file():
            raise WeightsError(
                "weights.shard_missing",
                "The index {file} names the file '{shard}', which is not in the folder.",
                fix="Download or copy the model again.",
                file=str(index),
                shard=file,
            )
        shards[file] = read_header(index.parent / file)
    for name, file in places.items():
        if name not in shards[file]:
            raise WeightsError(
                "weights.index_wrong",
                "The index says that {file} holds the tensor '{tensor}', but it does not.",
                fix="Download or copy the model again.",
                file=str(index.parent / file),
                tensor=name,
            )
    return {name: shards[file][name] for name, file in places.items()}


def _no_weights(folder: Path, stem: str) -> WeightsError:
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    pickles = [name for name in files if name.endswith(PICKLES) and not name.startswith("training_args")]
    if pickles:
        return WeightsError(
            "weights.pickle",
            "{file} has its weights only as a Python pickle ({name}), which can run code when it is opened.",
            fix="Use a copy of the model in safetensors format.",
            file=str(folder),
            name=pickles[0],
        )
    ggufs = [name for name in files if name.endswith(".gguf")]
    if ggufs:
        return WeightsError(
            "weights.gguf",
            "{file} holds a GGUF file ({name}), not safetensors weights.",
            fix="Add it with 'bakeoff model add' first, which converts it.",
            file=str(folder),
            name=ggufs[0],
        )
    return WeightsError(
        "weights.missing",
        "{file} holds no weights (no {stem}.safetensors).",
        fix="Check the path; a model is a folder with config.json and safetensors files.",
        file=str(folder),
        stem=stem,
    )


def _shortened(file: Path, name: str) -> WeightsError:
    return WeightsError(
        "weights.tensor_corrupt",
        "{file} ended before the tensor '{tensor}' was complete.",
        fix="Download or copy the model again.",
        file=str(file),
        tensor=name,
    )
