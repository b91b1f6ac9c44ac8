"""Parquet: rows in batches of a bounded size, as plain Python values."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.readers import RawRow
from engine.datasets.source import ByteSource
from engine.errors import reason_of

_BATCH_ROWS: Final = 2048
_BATCH_BYTES: Final = 8 << 20


def read_parquet(source: ByteSource, scratch: Path) -> Iterator[RawRow]:
    """Read all rows; a row's number is its place in the file.

    Args:
        source: The file. Parquet is read from its end, so a gzipped one is unpacked into ``scratch`` first.
        scratch: A folder that is thrown away later.

    Raises:
        DatasetError: It is damaged or not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = source.path
    if source.gzipped:
        path = scratch / "unpacked.parquet"
        with source.open() as stream, path.open("wb") as target:
            shutil.copyfileobj(stream, target, 1 << 20)
    try:
        with pq.ParquetFile(path, memory_map=False, pre_buffer=False, buffer_size=1 << 20) as file:
            number = 0
            for batch in file.iter_batches(batch_size=_batch_rows(file.metadata), use_threads=False):
                for row in _plain(batch):
                    number += 1
                    yield number, row
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DatasetError(
            "dataset.bad_parquet",
            "{file} cannot be read as Parquet: {reason}.",
            fix="The file is damaged or not whole: fetch or write it again.",
            file=str(source.path),
            reason=reason_of(error),
        ) from error
    finally:
        if source.gzipped:
            path.unlink(missing_ok=True)


def _batch_rows(metadata: Any) -> int:
    """How many rows to hold at once, so that long ones do not fill the memory."""
    size: int = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    rows: int = metadata.num_rows
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES * max(rows, 1) // max(size, 1)))


def _plain(batch: Any) -> list[Any]:
    """The rows of a batch; one with text that is not valid UTF-8 is a fault of its own."""
    try:
        rows: list[Any] = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            return [RowFaultError("row.bad_utf8", "not valid UTF-8")]
        return [row for index in range(batch.num_rows) for row in _plain(batch.slice(index, 1))]
    return rows
