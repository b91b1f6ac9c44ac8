"""Writing a dataset: drafts go to a scratch file with their fingerprints; once all are known, to the store.

Memory holds one batch of drafts, and for each row 33 bytes of fingerprints; texts stay on disk.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.example import canonical, compact
from engine.datasets.forms import Draft
from engine.datasets.messages import asked_text
from engine.datasets.options import SPLITS
from engine.datasets.shingles import TEXT_LIMIT, Hashes, Ints
from engine.datasets.source import ROW_LIMIT
from engine.datasets.splitting import NONE, Codes
from engine.errors import reason_of

_BATCH_ROWS: Final = 8192
_BATCH_BYTES: Final = 8 << 20

_SCRATCH: Final = pa.schema(
    [
        ("messages", pa.large_string()),
        ("tools", pa.string()),
        ("response_format", pa.string()),
        ("text", pa.large_string()),
    ]
)
#: The columns of ``examples.parquet``; messages, tools and response_format are JSON.
STORED: Final = pa.schema(
    [
        ("row", pa.int64()),
        ("prompt_id", pa.string()),
        ("split", pa.dictionary(pa.int8(), pa.string())),
        ("messages", pa.string()),
        ("tools", pa.string()),
        ("response_format", pa.string()),
        ("group", pa.int64()),
    ]
)


@contextmanager
def told_when_full(target: Path) -> Iterator[None]:
    """Tell failures of writing in words."""
    try:
        yield
    except OSError as error:
        raise DatasetError(
            "dataset.not_written",
            "The dataset cannot be written to {file}: {reason}.",
            fix="Free some space on that disk, or use another workspace, and import again.",
            file=str(target),
            reason=reason_of(error),
        ) from error


class Drafts:
    """All accepted rows of an import, texts on disk.

    Args:
        folder: Where the scratch file goes.
        target: The final place, named in errors.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self._path = folder / "drafts.arrow"
        self._target = target
        with told_when_full(target):
            self._file = pa.OSFile(str(self._path), "wb")
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(self._file, _SCRATCH, options=options)
        self._rows, self._given = array("q"), array("b")
        self._prompts, self._answers = array("Q"), array("Q")
        self._batch: list[tuple[str, str | None, str | None, str]] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with told_when_full(self._target):
                self._writer.close()
                self._file.close()
            return
        with suppress(OSError):  # the error on its way says it already
            self._file.close()

    def add(self, row: int, draft: Draft) -> bool:
        """Take a draft; True when a batch went to disk.

        Raises:
            RowFaultError: It is too long to be kept, or JSON cannot express it.
            DatasetError: The disk is full.
        """
        prompt = draft.messages[:-1]
        try:
            messages = compact(draft.messages)
            asked = canonical(prompt if draft.tools is None else {"messages": prompt, "tools": draft.tools})
            answered = canonical(draft.messages[-1])
            tools = None if draft.tools is None else compact(draft.tools)
            form = None if draft.response_format is None else compact(draft.response_format)
        except (TypeError, ValueError, RecursionError):
            raise RowFaultError("row.not_json", "the row holds a value that cannot be stored") from None
        if len(messages) + len(tools or "") > ROW_LIMIT:
            raise RowFaultError("row.too_long", "the row is over {limit} MB", limit=ROW_LIMIT // 10**6)
        text = asked_text(prompt)[:TEXT_LIMIT]
        self._batch.append((messages, tools, form, text))
        self._rows.append(row)
        self._given.append(NONE if draft.split is None else SPLITS.index(draft.split))
        self._prompts.append(_key(asked))
        self._answers.append(_key(answered))
        self._bytes += len(messages) + len(text)
        if len(self._batch) < _BATCH_ROWS and self._bytes < _BATCH_BYTES:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        """Write what is in memory."""
        if self._batch:
            columns = [
                pa.array(column, type=field.type)
                for column, field in zip(zip(*self._batch, strict=True), _SCRATCH, strict=True)
            ]
            with told_when_full(self._target):
                self._writer.write_batch(pa.record_batch(columns, schema=_SCRATCH))
        self._batch, self._bytes = [], 0

    @property
    def rows(self) -> Ints:
        """Number of each row, ``int64[rows]``."""
        return np.frombuffer(self._rows, dtype=np.int64) if self._rows else np.empty(0, dtype=np.int64)

    @property
    def given(self) -> Codes:
        """What each row says of its split, ``int8[rows]``."""
        return np.frombuffer(self._given, dtype=np.int8) if self._given else np.empty(0, dtype=np.int8)

    @property
    def prompts(self) -> Hashes:
        """Identity of each row's prompt, ``uint64[rows]``: the number behind ``prompt_id``."""
        return np.frombuffer(self._prompts, dtype=np.uint64)

    @property
    def answers(self) -> Hashes:
        """Identity of each row's answer, ``uint64[rows]``."""
        return np.frombuffer(self._answers, dtype=np.uint64)

    def texts(self) -> Iterator[list[str]]:
        """What each row asks, in batches (after the context has ended)."""
        for batch in self._batches():
            yield batch.column("text").to_pylist()

    def store(self, path: Path, splits: Codes, groups: Ints) -> str:
        """Write ``examples.parquet`` and remove the scratch file.

        Args:
            path: Where.
            splits: Split of each row.
            groups: Group of each row.

        Returns:
            SHA-256 of the examples with their splits, in hex.
        """
        digests = {name: hashlib.sha256() for name in ("messages", "tools", "response_format")}
        start = 0
        with (
            told_when_full(self._target),
            pq.ParquetWriter(path, STORED, compression="zstd", compression_level=1) as writer,
        ):
            for batch in self._batches():
                end = start + batch.num_rows
                codes = splits[start:end]
                for name, digest in digests.items():
                    _digest(digest, batch.column(name))
                writer.write_batch(
                    pa.record_batch(
                        [
                            pa.array(self.rows[start:end]),
                            pa.array([f"{prompt:016x}" for prompt in self.prompts[start:end].tolist()]),
                            pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(SPLITS)),
                            batch.column("messages").cast(pa.string()),
                            batch.column("tools"),
                            batch.column("response_format"),
                            pa.array(groups[start:end]),
                        ],
                        schema=STORED,
                    )
                )
                start = end
        self._path.unlink()
        parts = [digest.digest() for digest in digests.values()]
        return hashlib.sha256(b"".join([*parts, splits.tobytes()])).hexdigest()

    def _batches(self) -> Iterator[Any]:
        with pa.OSFile(str(self._path), "rb") as file:
            reader = pa.ipc.open_file(file)
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)


def _key(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")


def _digest(digest: Any, column: Any) -> None:
    """Add a column of JSON to a digest, however it is cut into batches (JSON text holds no zero bytes)."""
    texts = ["null" if text is None else text for text in column.to_pylist()]
    digest.update(("\0".join(texts) + "\0").encode("utf-8"))
