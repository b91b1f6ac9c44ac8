"""What a file is, from its content first and its name second: compression, encoding, container."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.datasets.errors import DatasetError
from engine.datasets.options import Container
from engine.datasets.source import ByteSource
from engine.errors import Words

#: How much of a file is looked at to tell what it is.
SAMPLE_BYTES: Final = 256 * 1024

_BINARY: Final[tuple[tuple[bytes, Words], ...]] = (
    (b"PK\x03\x04", Words("a ZIP archive or an Excel workbook")),
    (b"PK\x05\x06", Words("an empty ZIP archive")),
    (b"\xd0\xcf\x11\xe0", Words("an old Excel workbook")),
    (b"\x89PNG", Words("a PNG picture")),
    (b"\xff\xd8\xff", Words("a JPEG picture")),
    (b"GIF8", Words("a GIF picture")),
    (b"%PDF-", Words("a PDF document")),
    (b"SQLite format 3\x00", Words("an SQLite database")),
    (b"\x28\xb5\x2f\xfd", Words("Zstandard compressed")),
    (b"BZh", Words("bzip2 compressed")),
    (b"\xfd7zXZ\x00", Words("xz compressed")),
    (b"7z\xbc\xaf\x27\x1c", Words("a 7-Zip archive")),
    (b"\x7fELF", Words("a program")),
    (b"GGUF", Words("a GGUF model")),
    (b"\x80\x02", Words("a pickle")),
    (b"\x80\x04", Words("a pickle")),
    (b"\x80\x05", Words("a pickle")),
    (b"ARROW1", Words("an Arrow file")),
)
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b")) + b"\x7f"
#: A text file may have so large a share of zero bytes (or a single one); a line that has one is one bad row.
_FEW_ZEROS: Final = 0.01
#: UTF-16 has at least so large a share of zero bytes, even where only delimiters and line ends are ASCII.
_UTF16_ZEROS: Final = 0.02
#: Bytes that Windows-1252 leaves undefined, or that hardly any text has (ÿ, þ).
_NOT_WINDOWS: Final = re.compile(rb"[\x81\x8d\x8f\x90\x9d\xfe\xff]")
_SUFFIXES: Final[dict[str, Container]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True)
class Detected:
    """What a file is.

    Attributes:
        container: How it holds rows.
        encoding: Name of the text encoding; ``binary`` for Parquet.
        container_reason: Why this container.
        encoding_reason: Why this encoding; empty where there was nothing to guess.
    """

    container: Container
    encoding: str
    container_reason: str
    encoding_reason: str = ""


def detect(source: ByteSource, wanted: Container | None) -> Detected:
    """Tell what ``source`` is; ``wanted`` overrides the container.

    Raises:
        DatasetError: It is empty, binary, or not recognisable.
    """
    sample = source.sample(SAMPLE_BYTES)
    if not sample:
        raise DatasetError(
            "dataset.empty_file",
            "{file} is empty.",
            fix="Choose a file with examples.",
            file=str(source.path),
        )
    if wanted == "parquet" or (wanted is None and sample.startswith(b"PAR1")):
        return Detected(
            "parquet",
            "binary",
            Words("it begins with Parquet's mark") if wanted is None else Words("asked for"),
        )
    encoding, encoding_reason = _encoding(source.path, sample)
    text = _decode(sample, encoding, source.path)
    if not text.strip("\ufeff\x00 \t\r\n"):
        raise DatasetError(
            "dataset.blank_file",
            "{file} holds nothing but blank lines.",
            fix="Choose a file with examples.",
            file=str(source.path),
        )
    container: Container | None = wanted
    reason: str = Words("asked for")
    if container is None:
        container, reason = _container(text, len(sample) >= SAMPLE_BYTES, source.inner_suffix)
    if container in ("csv", "tsv") and encoding == "utf-8" and not encoding_reason:
        encoding, encoding_reason = _table_encoding(source.lines())
    return Detected(container, encoding, reason, encoding_reason)


def _encoding(path: Path, sample: bytes) -> tuple[str, str]:
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding, Words("byte order mark")
    for mark, what in _BINARY:
        if sample.startswith(mark):
            _refuse_binary(path, what)
    zeros = sample.count(0)
    if zeros > max(1, len(sample) * _FEW_ZEROS):
        utf16 = _bare_utf16(sample, zeros)
        if utf16 is None:
            _refuse_binary(path, Words("it holds zero bytes"))
        else:
            return utf16, Words("it reads as UTF-16, though no byte order mark says so")
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > len(sample) * 0.02:
        _refuse_binary(path, Words("it holds control characters"))
    return "utf-8", ""


def _bare_utf16(sample: bytes, zeros: int) -> str | None:
    """The UTF-16 that a sample without byte order mark is in; None if it is none.

    In Latin text every other byte is zero; in other scripts those of spaces, delimiters and line ends are, and
    most are still on one side (on the other are those of a few letters such as U+4E00).
    """
    even = sample[0::2].count(0)
    if len(sample) < 8 or zeros < len(sample) * _UTF16_ZEROS or min(even, zeros - even) > zeros * 0.3:
        return None
    encoding = "utf-16-be" if even > zeros - even else "utf-16-le"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return None
    controls = sum(text.count(chr(code)) for code in _CONTROLS)
    return encoding if controls <= len(text) * _FEW_ZEROS else None


def _refuse_binary(path: Path, what: str) -> None:
    raise DatasetError(
        "dataset.binary",
        "{file} is not a text or Parquet file ({what}).",
        fix="Save the examples as JSONL, JSON, CSV, TSV or Parquet (.gz is fine).",
        file=str(path),
        what=what,
    )


def _decode(sample: bytes, encoding: str, path: Path) -> str:
    decoder = codecs.getincrementaldecoder(encoding)("replace" if encoding == "utf-8" else "strict")
    try:
        return decoder.decode(sample).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DatasetError(
            "dataset.encoding",
            "{file} looks like {encoding} text but is broken at byte {byte}.",
            fix="Save it again as UTF-8.",
            file=str(path),
            encoding=encoding.upper(),
            byte=error.start,
        ) from error


def _container(text: str, cut: bool, suffix: str) -> tuple[Container, str]:
    """Tell the container from the beginning of the text, and from the name where that leaves a choice."""
    by_name = _SUFFIXES.get(suffix)
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    if cut and len(lines) > 1:
        lines.pop()
    first = text.lstrip()[0]
    objects = sum(line[0] == "{" and line[-1] == "}" for line in lines)
    if first == "[":
        arrays = sum(line[0] == "[" and line[-1] == "]" for line in lines)
        if by_name == "jsonl" and (objects or (arrays == len(lines) > 1)):
            return "jsonl", Words("lines of JSON, and the file's name")
        return "json", Words("it begins with [")
    if first == "{":
        if objects == 1 == len(lines) and not cut and by_name != "jsonl" and _holds_rows(lines[0], by_name):
            return "json", Words("one JSON object with a list of objects")
        if objects * 2 >= len(lines) and (objects > 0 or by_name == "jsonl"):
            return "jsonl", Words("each line is a JSON object")
        return (
            ("jsonl", Words("the file's name")) if by_name == "jsonl" else ("json", Words("it begins with {"))
        )
    if objects and objects * 2 >= len(lines):
        return "jsonl", Words("most lines are JSON objects")
    if by_name in ("jsonl", "json"):
        return by_name, Words("the file's name")
    if "\t" in lines[0] and lines[0].count("\t") >= max(lines[0].count(","), lines[0].count(";")):
        return "tsv", Words("tabs in the first line")
    return "csv", Words("no JSON, so a table")


def _holds_rows(line: str, by_name: Container | None) -> bool:
    """Whether a whole JSON object is a document with a list of rows, rather than one row itself."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if {"messages", "conversations", "prompt", "completion", "input", "output", "instruction"} & set(value):
        return False
    return by_name == "json" or any(
        isinstance(member, list) and member and isinstance(member[0], dict) for member in value.values()
    )


def _table_encoding(lines: Iterable[bytes]) -> tuple[str, str]:
    """UTF-8 or Windows-1252: whichever explains more of the lines that are not plain ASCII."""
    valid = broken = foreign = 0
    for line in lines:
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            valid += 1
        except UnicodeDecodeError:
            broken += 1
            foreign += _NOT_WINDOWS.search(line) is not None
    if broken == 0:
        return "utf-8", ""
    if broken > valid and foreign * 2 <= broken:
        return "cp1252", Words("{broken} lines are not UTF-8, and read as Windows-1252", broken=broken)
    return "utf-8", Words(
        "{broken} lines are not UTF-8, but {valid} others are more than ASCII and are",
        broken=broken,
        valid=valid,
    )
