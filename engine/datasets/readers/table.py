"""CSV and TSV as spreadsheets write them: guessed delimiter, ``sep=`` line, quotes, ragged and broken rows.

A record that the parser refuses costs its first line only: the lines behind it are read again, so that a
stray quote does not swallow the rest of a file.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from engine.datasets.detect import SAMPLE_BYTES, Detected
from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.readers import RawRow
from engine.datasets.source import ROW_LIMIT
from engine.errors import Words
from engine.progress import Reporter

#: One of the csv module's ``QUOTE_`` constants.
Quoting = Literal[0, 1, 2, 3]
_DELIMITERS: Final = {
    ",": Words("comma"),
    ";": Words("semicolon"),
    "\t": Words("tab"),
    "|": Words("vertical bar"),
}


def read_table(
    stream: io.BufferedReader, detected: Detected, path: Path, reporter: Reporter
) -> Iterator[RawRow]:
    """Read the rows under a header line; a row's number counts records from 1, the header not among them.

    Raises:
        DatasetError: There is no usable header.
    """
    errors = (
        "strict"
        if detected.encoding.startswith("utf-16") or detected.encoding == "utf-32"
        else "surrogateescape"
    )
    if stream.peek(3).startswith(codecs.BOM_UTF8):
        stream.read(3)
    text = io.TextIOWrapper(stream, encoding=detected.encoding, errors=errors, newline="")
    try:
        yield from _read(text, detected, path, reporter)
    except UnicodeDecodeError as error:
        raise DatasetError(
            "dataset.encoding",
            "{file} is not valid {encoding} text.",
            fix="Save it again as UTF-8.",
            file=str(path),
            encoding=detected.encoding.upper(),
        ) from error
    finally:
        text.detach()


def _read(text: io.TextIOWrapper, detected: Detected, path: Path, reporter: Reporter) -> Iterator[RawRow]:
    lines = _Lines(text)
    delimiter = _delimiter(lines, detected, reporter, path)
    records = _records(lines, delimiter, _quoting(lines, delimiter, reporter, path))
    header: list[str] | None = None
    number = 0
    for record in records:
        if header is None:
            if isinstance(record, RowFaultError):
                raise DatasetError(
                    "dataset.bad_header",
                    "The first line of {file} cannot be read as column names: {reason}.",
                    fix="Correct the first line.",
                    file=str(path),
                    reason=record.reason,
                )
            header = _header(record, path)
            continue
        number += 1
        if isinstance(record, RowFaultError):
            yield number, record
        elif len(record) == len(header):
            yield number, dict(zip(header, record, strict=True))
        else:
            yield number, _ragged(record, header, lines.first)


def _ragged(record: list[str], header: list[str], line: int) -> dict[str, str] | RowFaultError:
    """A row with more or fewer cells than the header; empty cells behind the last column do not count."""
    while len(record) > len(header) and not record[-1].strip():
        record.pop()
    if len(record) == len(header):
        return dict(zip(header, record, strict=True))
    return RowFaultError(
        "row.columns",
        "{found} cells where the header has {expected} (line {line})",
        found=len(record),
        expected=len(header),
        line=line,
    )


def _header(record: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in record]
    while names and not names[-1]:
        names.pop()
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise DatasetError(
            "dataset.double_column",
            "{file} has two columns named '{column}'.",
            fix="Rename one of them.",
            file=str(path),
            column=twice[0],
        )
    return names


class _Lines:
    """Lines of text with one step back: what a refused record had taken can be given again.

    Attributes:
        first: Number of the line that the present record begins with.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        # None stands for a line over the limit, of which nothing is kept.
        self._again: deque[str | None] = deque()
        self._taken: list[str | None] = []
        self._size = 0
        self._line = 0
        self.first = 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if line == "":
            raise StopIteration
        self._line += 1
        self._taken.append(line)
        self._size += len(line or "")
        if line is None or self._size > ROW_LIMIT + 2:
            raise _TooLongError
        return line

    def begin(self) -> None:
        """A new record begins here."""
        self._taken.clear()
        self._size = 0
        self.first = self._line + 1

    def step_back(self) -> None:
        """Give all lines of the present record but the first again."""
        self._again.extendleft(reversed(self._taken[1:]))
        self._line = self.first

    def ahead(self, size: int) -> list[str]:
        """About ``size`` characters of the next lines, without taking them."""
        while size > 0 and (line := self._read()) != "":
            self._again.append(line)
            size -= len(line or "x" * size)
        return [line for line in self._again if line is not None]

    def _read(self) -> str | None:
        line = self._text.readline(ROW_LIMIT + 2)
        if len(line) <= ROW_LIMIT or len(line.rstrip("\r\n")) <= ROW_LIMIT:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(1 << 20)
        return None

    def drop(self) -> None:
        """Throw the next line away."""
        self._again.popleft()
        self._line += 1


class _TooLongError(Exception):
    """A record is over the limit."""


def _records(lines: _Lines, delimiter: str, quoting: Quoting) -> Iterator[list[str] | RowFaultError]:
    csv.field_size_limit(ROW_LIMIT)
    parser = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
    while True:
        lines.begin()
        try:
            record = next(parser)
        except StopIteration:
            return
        except _TooLongError:
            lines.step_back()
            yield RowFaultError(
                "row.too_long",
                "the row is over {limit} MB (line {line})",
                limit=ROW_LIMIT // 10**6,
                line=lines.first,
            )
            parser = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
        except csv.Error as error:
            lines.step_back()
            yield RowFaultError(
                "row.bad_quotes",
                "its quotes do not match: {problem} (line {line})",
                problem=str(error),
                line=lines.first,
            )
            parser = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
        else:
            if not record or (len(record) == 1 and not record[0].strip()):
                continue
            yield _checked(record, lines.first)


def _checked(record: list[str], line: int) -> list[str] | RowFaultError:
    for cell in record:
        if "\0" in cell:
            return RowFaultError("row.zero_byte", "it holds a zero byte (line {line})", line=line)
        if not cell.isascii():
            try:
                cell.encode("utf-8")
            except UnicodeEncodeError:
                return RowFaultError(
                    "row.bad_utf8", "not valid text in this encoding (line {line})", line=line
                )
    return record


def _delimiter(lines: _Lines, detected: Detected, reporter: Reporter, path: Path) -> str:
    """Read the ``sep=`` line that Excel understands, or guess."""
    sample = lines.ahead(SAMPLE_BYTES // 4)
    first = sample[0].strip().strip('"') if sample else ""
    if (first.lower().startswith("sep=") and len(first) == 5) or first.lower() == "sep=":
        lines.drop()
        delimiter = first[4:] or "\t"
        reporter.decision(
            "dataset.delimiter", _name(delimiter), "the file's first line says so", file=str(path)
        )
        return delimiter
    likely = "\t" if detected.container == "tsv" else ","
    delimiter, share, columns = _guess(sample, likely)
    if columns > 1:
        reason = Words(
            "{share:.0%} of the first rows have the header's {columns} columns with it",
            share=share,
            columns=columns,
        )
    else:
        reason = Words("no delimiter divides the first line, so there is one column")
    reporter.decision("dataset.delimiter", _name(delimiter), reason, file=str(path))
    return delimiter


def _quoting(lines: _Lines, delimiter: str, reporter: Reporter, path: Path) -> Quoting:
    """Tab-separated text often has no quoting at all, and quotes that only mean themselves."""
    if delimiter != "\t":
        return csv.QUOTE_MINIMAL
    sample = lines.ahead(0)
    try:
        quoted = [len(row) for row in csv.reader(sample, delimiter=delimiter, strict=True)]
    except csv.Error:
        quoted = []
    bare = [len(row) for row in csv.reader(sample, delimiter=delimiter, quoting=csv.QUOTE_NONE)]
    if len(set(quoted)) == 1 or len(set(bare)) > 1:
        return csv.QUOTE_MINIMAL
    reason = Words("all rows have the header's columns when quotes are text")
    reporter.decision("dataset.quotes", Words("none"), reason, file=str(path))
    return csv.QUOTE_NONE


def _name(delimiter: str) -> str:
    return _DELIMITERS.get(delimiter, delimiter)


def _guess(sample: list[str], likely: str) -> tuple[str, float, int]:
    """The delimiter under which most rows have as many cells as the header: (delimiter, share, columns)."""
    best = (likely, 0.0, 1)
    for delimiter in sorted(_DELIMITERS, key=lambda candidate: candidate != likely):
        try:
            rows = [row for row in csv.reader(sample, delimiter=delimiter) if row]
        except csv.Error:
            continue
        columns = len(rows[0]) if rows else 0
        if columns < 2:
            continue
        body = rows[1:200] or rows
        share = sum(len(row) == columns for row in body) / len(body)
        if share > best[1]:
            best = (delimiter, share, columns)
    return best
