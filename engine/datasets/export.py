"""Writing a dataset to a file that other programs read, and that imports to the same examples."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

from engine.datasets.errors import StoreError
from engine.datasets.example import Example, compact
from engine.datasets.options import Split
from engine.datasets.store import DatasetStore
from engine.errors import UsageError, reason_of
from engine.files import replace, temporary_name

_SIMPLE: Final = ("system", "prompt", "completion", "split")
_FULL: Final = ("messages", "tools", "response_format", "split")
_BATCH: Final = 2048


def export_dataset(store: DatasetStore, path: Path, split: Split | None = None) -> int:
    """Write examples to ``path``, whose suffix names the form.

    ``.jsonl`` is OpenAI's chat form with a ``split``. ``.csv`` has the columns system, prompt, completion and
    split where every example is one question and one answer; otherwise, as always ``.parquet``, the columns
    messages, tools, response_format (as JSON) and split. The file appears whole, or not at all.

    Args:
        store: The dataset; whether it is sealed is for the caller to mind.
        path: The file; an older one is replaced.
        split: Only the examples of this split.

    Returns:
        How many examples were written.

    Raises:
        UsageError: The suffix names no form that can be written.
        StoreError: The file cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise UsageError(
            "dataset.export_suffix",
            "A dataset cannot be exported to {file}.",
            fix="Give the file a suffix of: {known}.",
            file=str(path),
            known=", ".join(_WRITERS),
        )
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        count = write(store, temporary, split)
        replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(
            "dataset.not_exported",
            "The examples cannot be written to {file}: {reason}.",
            fix="Check the folder and the space on that disk.",
            file=str(path),
            reason=reason_of(error),
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return count


def _write_jsonl(store: DatasetStore, path: Path, split: Split | None) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for example in store.examples(split):
            count += 1
            stream.write(compact(example.as_dict()) + "\n")
    return count


def _write_csv(store: DatasetStore, path: Path, split: Split | None) -> int:
    simple = all(_is_simple(example) for example in store.examples(split))
    columns = _SIMPLE if simple else _FULL
    count = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for example in store.examples(split):
            count += 1
            cells = _simple(example) if simple else _full(example)
            writer.writerow(["" if cells[column] is None else cells[column] for column in columns])
    return count


def _write_parquet(store: DatasetStore, path: Path, split: Split | None) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(column, pa.string()) for column in _FULL])
    examples: Iterator[Example] = store.examples(split)
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := [_full(example) for example in islice(examples, _BATCH)]:
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def _is_simple(example: Example) -> bool:
    """Whether the example is one question and one answer, with nothing that four columns cannot hold."""
    roles = [message.role for message in example.messages]
    plain = all(not message.tool_calls and message.name is None for message in example.messages)
    asked = roles in (["user", "assistant"], ["system", "user", "assistant"])
    return asked and plain and example.tools is None and example.response_format is None


def _simple(example: Example) -> dict[str, Any]:
    has_system = example.messages[0].role == "system"
    return {
        "system": example.messages[0].content if has_system else None,
        "prompt": example.messages[-2].content,
        "completion": example.answer.content,
        "split": example.split,
    }


def _full(example: Example) -> dict[str, Any]:
    fields = example.as_dict()
    return {
        "messages": compact(fields["messages"]),
        "tools": None if example.tools is None else compact(example.tools),
        "response_format": None if example.response_format is None else compact(example.response_format),
        "split": example.split,
    }


_WRITERS: Final[dict[str, Callable[[DatasetStore, Path, Split | None], int]]] = {
    ".jsonl": _write_jsonl,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
