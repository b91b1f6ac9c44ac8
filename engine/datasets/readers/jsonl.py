"""JSONL: one JSON value a line. A broken or oversized line is one fault, never more."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.readers import RawRow
from engine.datasets.source import ROW_LIMIT

#: orjson makes floats of integers beyond 64 bits, which have at least so many digits.
_LONG_NUMBER: Final = b"0" * 19
_ZEROS_FOR_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")


def read_jsonl(stream: BinaryIO, encoding: str, path: Path) -> Iterator[RawRow]:
    """Read the lines of ``stream``; a row's number is its line's number, blank lines counted but skipped."""
    if encoding != "utf-8":
        stream = _as_utf8(stream, encoding)
    try:
        for number, line in enumerate(_lines(stream), start=1):
            if number == 1 and line is not None:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line is None:
                fault = RowFaultError("row.too_long", "the line is over {limit} MB", limit=ROW_LIMIT // 10**6)
                yield number, fault
            elif not line.isspace() and line:
                yield number, parse_line(line)
    except UnicodeDecodeError as error:
        raise DatasetError(
            "dataset.encoding",
            "{file} looks like {encoding} text but is broken.",
            fix="Save it again as UTF-8.",
            file=str(path),
            encoding=encoding.upper(),
        ) from error


def parse_line(line: bytes) -> Any:
    """The value of one line, or the `RowFaultError` that says why there is none."""
    if _LONG_NUMBER in line.translate(_ZEROS_FOR_DIGITS):
        return _parse_slowly(line)
    try:
        return orjson.loads(line)
    except (ValueError, RecursionError):
        return _parse_slowly(line)


def without_surrogates(value: Any, text: str) -> Any:
    r"""``value``, unless ``text`` escapes half a character (a lone ``\ud83d``), which no file can store."""
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            return RowFaultError("row.bad_json", "not valid JSON: half of a surrogate pair")
    return value


def _parse_slowly(line: bytes) -> Any:
    """Accept what Python writes beyond the standard (NaN, read as null), and name what is wrong otherwise."""
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        return RowFaultError("row.bad_utf8", "not valid UTF-8 at byte {byte}", byte=error.start + 1)
    try:
        value = json.loads(text, parse_constant=lambda _name: None)
    except json.JSONDecodeError as error:
        problem = error.msg.removesuffix(" starting at").removesuffix(" at")
        return RowFaultError(
            "row.bad_json",
            "not valid JSON: {problem} at character {at}",
            problem=problem,
            at=error.pos + 1,
        )
    except (ValueError, RecursionError):
        return RowFaultError("row.bad_json", "not valid JSON: nested too deep, or a number too long")
    return without_surrogates(value, text)


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """The lines; None stands for one over the limit, of which only a piece was ever in memory."""
    readline = stream.readline
    while line := readline(ROW_LIMIT + 2):
        if len(line) <= ROW_LIMIT or len(line.rstrip(b"\r\n")) <= ROW_LIMIT:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = readline(1 << 20)
        yield None


def _as_utf8(stream: BinaryIO, encoding: str) -> Any:
    text = io.TextIOWrapper(stream, encoding=encoding, newline="\n")
    return io.BufferedReader(_Recoder(text), 1 << 20)


class _Recoder(io.RawIOBase):
    """Text given as UTF-8 bytes."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._rest = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` with the next bytes."""
        if not self._rest:
            self._rest = self._text.read(1 << 16).encode("utf-8")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
