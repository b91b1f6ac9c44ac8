"""Readers: bytes of one container -> numbered raw rows. They know nothing of prompts and answers.

Each reader yields ``(number, row)``: the number counts from 1, and the row is a dict of its columns, another
JSON value where the file has one, or the `RowFaultError` that says why it cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.datasets.detect import Detected
from engine.datasets.source import ByteSource
from engine.progress import Reporter

RawRow = tuple[int, Any]


def read_rows(source: ByteSource, detected: Detected, scratch: Path, reporter: Reporter) -> Iterator[RawRow]:
    """Read all rows of a file.

    Args:
        source: The file.
        detected: What it is.
        scratch: A folder for what must be unpacked first (gzipped Parquet).
        reporter: Hears what the reader guesses.

    Raises:
        DatasetError: The file as a whole is broken.
    """
    if detected.container == "parquet":
        from engine.datasets.readers.parquet import read_parquet

        yield from read_parquet(source, scratch)
        return
    with source.open() as stream:
        if detected.container == "jsonl":
            from engine.datasets.readers.jsonl import read_jsonl

            yield from read_jsonl(stream, detected.encoding, source.path)
        elif detected.container == "json":
            from engine.datasets.readers.document import read_document

            yield from read_document(stream, detected.encoding, source.path)
        else:
            from engine.datasets.readers.table import read_table

            yield from read_table(stream, detected, source.path, reporter)
