"""Writes a GGUF file in one pass: rows are read, stored as their type by several threads, and appended in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from gguf import MODEL_ARCH_NAMES, GGUFWriter
from gguf import GGMLQuantizationType as Type

from engine.exporting.errors import disk_errors
from engine.exporting.ggml import quantise_rows
from engine.exporting.plan import GgufPlan, TypedTensor, add_metadata
from engine.exporting.tensors import read_blocks
from engine.files import remove_leftovers, replace, sync_folder, temporary_name
from engine.progress import Reporter, SilentReporter

if TYPE_CHECKING:
    import torch

    Bytes = np.ndarray[Any, Any]

#: Values that one thread turns at a time: large enough to forget the cost of a task, small enough to stay in the
#: processor's cache, and for memory to be used again instead of asked for anew (2 GB as F16: 3.1 s, not 4.6).
_VALUES: Final = 1 << 18


def write_gguf(
    plan: GgufPlan,
    file: Path,
    *,
    name: str,
    chat_template: str | None = None,
    add_bos: bool | None = None,
    importance: dict[str, Bytes] | None = None,
    threads: int | None = None,
    reporter: Reporter | None = None,
    check: Callable[[Path], object] | None = None,
) -> None:
    """Write the file of a plan under a temporary name, then give it its own.

    Memory holds a few million values of the model at a time, and a few rows per thread; a matrix that an adapter
    changes, or a merge computes, as a whole.

    Args:
        plan: What to write.
        file: Where; an existing file is replaced once the new one is whole.
        name: What the model is called, in the file's metadata.
        chat_template: See `engine.exporting.plan.add_metadata`.
        add_bos: Likewise.
        importance: Weight of each column of a tensor, by its name, float32 (experts one below the other).
        threads: Rows are turned by so many; None: by one per core.
        reporter: Hears about progress, and may interrupt.
        check: Looks at the whole file before it gets its name; what it raises leaves no file.

    Raises:
        ExportError: The disk is full, or the model holds values that are no numbers.
    """
    reporter = reporter or SilentReporter()
    remove_leftovers(file)
    temporary = temporary_name(file)
    writer = GGUFWriter(None, MODEL_ARCH_NAMES[plan.family.arch])
    add_metadata(plan, writer, name, chat_template, add_bos)
    try:
        with disk_errors(file, plan.nbytes):
            _write(plan, writer, temporary, importance or {}, threads or os.cpu_count() or 1, reporter)
            if check is not None:
                check(temporary)
            replace(temporary, file)
            sync_folder(file.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _write(
    plan: GgufPlan,
    writer: GGUFWriter,
    file: Path,
    importance: dict[str, Bytes],
    threads: int,
    reporter: Reporter,
) -> None:
    for tensor in plan.tensors:
        shape = (*tensor.output.shape[:-1], tensor.row_bytes) if _is_raw(tensor) else tensor.output.shape
        dtype = np.dtype(np.uint8 if _is_raw(tensor) else np.float32)
        writer.add_tensor_info(tensor.output.name, shape, dtype, tensor.nbytes, raw_dtype=tensor.type)
    writer.write_header_to_file(file)
    try:
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        stream = writer.fout[0]
        writer.write_padding(stream, stream.tell())
        with ThreadPoolExecutor(threads, thread_name_prefix="export") as pool:
            _write_tensors(plan, writer, stream, importance, pool, 2 * threads, reporter)
        stream.flush()
        os.fsync(stream.fileno())
    finally:
        writer.close()


def _is_raw(tensor: TypedTensor) -> bool:
    """Whether the `gguf` package is given bytes and works out the shape that they stand for."""
    return tensor.type not in (Type.F32, Type.F16)


def _write_tensors(
    plan: GgufPlan,
    writer: GGUFWriter,
    stream: BinaryIO,
    importance: dict[str, Bytes],
    pool: ThreadPoolExecutor,
    ahead: int,
    reporter: Reporter,
) -> None:
    """Append all tensors, with at most ``ahead`` parts of them turned before they are written."""
    waiting: deque[tuple[Future[Bytes], TypedTensor | None]] = deque()
    done, total = 0, plan.nbytes

    def write_first() -> None:
        nonlocal done
        future, finished = waiting.popleft()
        part = future.result()
        stream.write(part.data)
        done += part.nbytes
        if finished is not None:
            writer.write_padding(stream, finished.nbytes)
            reporter.progress(done, total, "bytes")

    for tensor in plan.tensors:
        reporter.check()
        parts = _parts(tensor, plan, importance.get(tensor.output.name))
        part = next(parts, None)
        while part is not None:
            following = next(parts, None)
            waiting.append((pool.submit(stored, *part, tensor.type), tensor if following is None else None))
            part = following
            while len(waiting) >= ahead:
                write_first()
    while waiting:
        write_first()


def _parts(
    tensor: TypedTensor, plan: GgufPlan, importance: Bytes | None
) -> Iterator[tuple[torch.Tensor, Bytes | None]]:
    """The tensor in parts of whole rows, each with the importance of its columns."""
    step = max(1, _VALUES // tensor.output.columns)
    per_expert = tensor.output.shape[-2] if len(tensor.output.shape) > 2 else tensor.output.rows
    before = 0
    for rows in read_blocks(tensor.output, plan.source):
        start = 0
        while start < len(rows):
            expert = (before + start) // per_expert
            end = min(start + step, len(rows), (expert + 1) * per_expert - before)
            weights = None
            if importance is not None:
                weights = np.ascontiguousarray(importance.reshape(-1, tensor.output.columns)[expert])
            yield rows[start:end], weights
            start = end
        before += len(rows)


def stored(rows: torch.Tensor, importance: Bytes | None, kind: Type) -> Bytes:
    """Rows as the bytes of a type.

    Args:
        rows: Of shape (rows, columns), any float type.
        importance: Weight of each column; None: all are alike.
        kind: The type.
    """
    import torch

    if kind is Type.F32:
        return np.ascontiguousarray(rows.float().numpy())
    if kind is Type.F16:
        return np.ascontiguousarray(rows.to(torch.float16).numpy())
    if kind is Type.BF16:
        return np.ascontiguousarray(rows.to(torch.bfloat16).contiguous().view(torch.uint16).numpy())
    return quantise_rows(kind, np.ascontiguousarray(rows.float().numpy()), importance)
