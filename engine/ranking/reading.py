"""Reads verdicts from CSV or JSON Lines: quickly where the file is clean, to the row where it is not."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.errors import reason_of
from engine.ranking.errors import RankingError, VerdictFileError
from engine.ranking.verdicts import (
    OUTCOMES,
    Coded,
    Floats,
    VerdictTable,
    table_from_codes,
    table_from_columns,
)

REQUIRED: Final = ("a", "b", "winner")
OPTIONAL: Final = ("prompt_id", "task", "weight", "entrant_a", "entrant_b", "judge")

#: From this size on, Arrow's reader is worth its import (about 0.2 s).
_LARGE_BYTES: Final = 4 << 20
_JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})


def read_verdicts(path: str | Path) -> VerdictTable:
    """Read a file of verdicts.

    The columns ``a, b, winner`` are required; ``prompt_id, task, weight, entrant_a, entrant_b``
    and ``judge`` are optional, others are left alone and named in the table's notes. Column names
    and winners may be in any letter case. CSV may use commas, semicolons or tabs, or name its
    separator in a first line such as ``sep=;`` (Excel's way); a file whose name does not end in
    .jsonl or .ndjson but whose text starts with ``{`` is read as JSON Lines.

    Args:
        path: The file, UTF-8 with or without byte order mark.

    Raises:
        VerdictFileError: The file is missing, a folder, empty, not text, or lacks a column.
        RankingError: A row cannot be used; ``row`` counts from 1 without the header.
    """
    path = Path(path)
    content = _read_bytes(path)
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if path.suffix.lower() in _JSON_LINES or start.startswith(b"{"):
        return _read_json_lines(content, str(path))
    if start.startswith(b"["):
        raise VerdictFileError(
            "verdicts.json_array",
            "{file} holds a JSON array.",
            fix="Write one object a line (JSON Lines), or a CSV file.",
            file=str(path),
        )
    if len(content) >= _LARGE_BYTES:
        table = _read_large_csv(content, str(path))
        if table is not None:
            return table
    return _read_csv(content, str(path))


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise VerdictFileError(
            "verdicts.folder",
            "{file} is a folder, not a file of verdicts.",
            fix="Name a CSV or JSONL file.",
            file=str(path),
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise VerdictFileError(
            "verdicts.missing", "There is no file {file}.", fix="Check the path.", file=str(path)
        ) from None
    except OSError as error:
        raise VerdictFileError(
            "verdicts.unreadable",
            "{file} cannot be read: {reason}.",
            fix="Check that you may read it.",
            file=str(path),
            reason=reason_of(error),
        ) from error
    # A long run of blanks is left to the readers, which find no rows in it.
    if not content[: 1 << 16].strip(b"\xef\xbb\xbf \t\r\n"):
        raise VerdictFileError(
            "verdicts.empty",
            "{file} is empty.",
            fix="It needs the columns a, b and winner and at least one row.",
            file=str(path),
        )
    if b"\x00" in content[: 1 << 16]:
        raise _not_text(str(path))
    return content


def _not_text(file: str) -> VerdictFileError:
    return VerdictFileError(
        "verdicts.not_text", "{file} is not UTF-8 text.", fix="Save it as CSV in UTF-8.", file=file
    )


def _decode(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _not_text(file) from None


# --- CSV -------------------------------------------------------------------------------------


def _read_csv(content: bytes, file: str) -> VerdictTable:
    """Read row by row, so that every complaint can name its line."""
    text = _decode(content, file)
    delimiter, named = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    columns: dict[str, int] = {}
    width = 0
    try:
        for cells in reader:
            if not any(cells) or not any(cell.strip() for cell in cells):
                continue
            if named:
                named = False
                continue
            if not columns:
                columns, width = _columns(cells, file), len(cells)
                continue
            if len(cells) != width:
                raise _row_error(
                    "verdicts.cells",
                    "{file}: row {row} (line {line}) has {count} cells where the header has {width}.",
                    file,
                    len(rows) + 1,
                    reader.line_num,
                    count=len(cells),
                    width=width,
                )
            rows.append(cells)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise _row_error(
            "verdicts.csv",
            "{file}: row {row} (line {line}) is not CSV: {reason}.",
            file,
            len(rows) + 1,
            reader.line_num,
            reason=str(error),
        ) from error
    if not rows:
        raise _no_rows(file)
    transposed: Sequence[Sequence[str]] = list(zip(*rows, strict=True))
    values: dict[str, Sequence[str] | Sequence[float]] = {
        name: transposed[place] for name, place in columns.items() if name in REQUIRED + OPTIONAL
    }
    if "weight" in values:
        values["weight"] = _weights(values["weight"], file, lines)
    return table_from_columns(values, file=file, lines=lines, notes=_unused(columns))


def _delimiter(text: str) -> tuple[str, bool]:
    """The separator, and whether a line of its own names it; otherwise it is what the header has most of."""
    first = re.split("[\r\n]", text.lstrip(), maxsplit=1)[0]
    if len(first) == len("sep=;") and first.lower().startswith("sep="):
        return first[-1], True
    return max(",;\t", key=first.count), False


def _columns(cells: Sequence[str], file: str) -> dict[str, int]:
    """Where each column stands, by its name in small letters.

    Raises:
        VerdictFileError: A required column is missing, or a used one is there twice.
    """
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise VerdictFileError(
            "verdicts.columns",
            "{file} has no column {missing}; its columns are {found}.",
            fix="Verdicts need the columns a, b and winner; optional are {optional}.",
            file=file,
            missing=", ".join(missing),
            found=", ".join(names)[:200],
            optional=", ".join(OPTIONAL),
        )
    for name in REQUIRED + OPTIONAL:
        if names.count(name) > 1:
            raise VerdictFileError(
                "verdicts.column_twice",
                "{file} has the column {column} twice.",
                fix="Leave one of them out.",
                file=file,
                column=name,
            )
    return {name: place for place, name in enumerate(names)}


def _unused(columns: Iterable[str]) -> tuple[str, ...]:
    """A note about columns that a ranking does not use (one of them may be misspelt)."""
    unused = [name for name in columns if name not in REQUIRED + OPTIONAL and name]
    return (f"Columns that were not used: {', '.join(unused)}.",) if unused else ()


def _weights(cells: Iterable[Any], file: str, lines: Sequence[int]) -> list[float]:
    """Weights as numbers, 1 for a gap."""
    weights: list[float] = []
    for cell in cells:
        text = "" if cell is None else str(cell).strip()
        try:
            weights.append(float(text) if text else 1.0)
        except ValueError:
            raise _row_error(
                "ranking.bad_weight",
                "{file}: row {row} (line {line}) has the weight {value!r}, which is not a number.",
                file,
                len(weights) + 1,
                lines[len(weights)],
                value=text,
            ) from None
    return weights


def _no_rows(file: str) -> VerdictFileError:
    return VerdictFileError(
        "verdicts.no_rows",
        "{file} has a header but no verdicts.",
        fix="Add at least one row.",
        file=file,
    )


def _row_error(code: str, text: str, file: str, row: int, line: int, **params: Any) -> RankingError:
    return RankingError(
        code, text, fix="Correct or remove that row.", file=file, row=row, line=line, **params
    )


def _read_large_csv(content: bytes, file: str) -> VerdictTable | None:
    """Read with Arrow; None for anything unusual, which the row reader then explains or reads."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    try:
        header = _decode(content[:65536].split(b"\n", 1)[0], file)
        delimiter, _ = _delimiter(header)
        names = next(csv.reader([header.strip("\r")], delimiter=delimiter))
        columns = _columns(names, file)
        used = {name: names[place] for name, place in columns.items() if name in REQUIRED + OPTIONAL}
        text = pa.dictionary(pa.int32(), pa.string())
        types = {head: pa.float64() if name == "weight" else text for name, head in used.items()}
        table = arrow_csv.read_csv(
            pa.BufferReader(content),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in content),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types,
                include_columns=list(used.values()),
                null_values=[""],
                strings_can_be_null=False,
            ),
        )
        coded = {name: _coded(table.column(head)) for name, head in used.items() if name != "weight"}
        weight: Floats | None = None
        if "weight" in used:
            weight = np.asarray(table.column(used["weight"]).fill_null(1.0).to_numpy())
        if any(value.strip().lower() not in OUTCOMES for value in coded["winner"].texts):
            return None
        return table_from_codes(coded, weight, file=file, notes=_unused(columns))
    except (pa.ArrowException, csv.Error, RankingError):
        return None


def _coded(column: Any) -> Coded:
    """An Arrow dictionary column as codes; texts that differ only in outer spaces become one."""
    whole = column.unify_dictionaries().combine_chunks()
    codes = whole.indices.to_numpy().astype(np.int64)
    texts = [value.strip() for value in whole.dictionary.to_pylist()]
    if len(set(texts)) == len(texts):
        return Coded(codes, tuple(texts))
    again = Coded.of(texts)
    return Coded(again.codes[codes], again.texts)


# --- JSON Lines ------------------------------------------------------------------------------


def _read_json_lines(content: bytes, file: str) -> VerdictTable:
    values: dict[str, list[Any]] = {}
    lines: list[int] = []
    unused: dict[str, None] = {}
    for number, line in enumerate(_decode(content, file).split("\n"), start=1):
        if not line.strip():
            continue
        row = _json_row(line, file, len(lines) + 1, number)
        found = {key.strip().lower(): value for key, value in row.items()}
        missing = [name for name in REQUIRED if name not in found]
        if missing:
            raise _row_error(
                "verdicts.columns",
                "{file}: row {row} (line {line}) has no {missing}.",
                file,
                len(lines) + 1,
                number,
                missing=", ".join(missing),
            )
        for name, value in found.items():
            if name not in REQUIRED + OPTIONAL:
                unused[name] = None
                continue
            if name not in values:
                # A column that starts late was a gap until here.
                values[name] = [""] * len(lines)
            values[name].append(_json_cell(name, value, file, len(lines) + 1, number))
        lines.append(number)
        for column in values.values():
            if len(column) < len(lines):
                column.append("")
    if "weight" in values:
        values["weight"] = _weights(values["weight"], file, lines)
    columns: dict[str, Sequence[str] | Sequence[float]] = dict(values)
    return table_from_columns(columns, file=file, lines=lines, notes=_unused(unused))


def _json_row(line: str, file: str, row: int, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _row_error(
            "verdicts.json",
            "{file}: row {row} (line {line}) is not a JSON object: {reason}.",
            file,
            row,
            number,
            reason=str(error),
        ) from error
    if not isinstance(value, dict):
        raise _row_error(
            "verdicts.json", "{file}: row {row} (line {line}) is not a JSON object.", file, row, number
        )
    return value


def _json_cell(name: str, value: Any, file: str, row: int, number: int) -> str:
    """A value as text; null is a gap."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _row_error(
            "verdicts.value",
            "{file}: row {row} (line {line}) has a {column} that is neither text nor a number.",
            file,
            row,
            number,
            column=name,
        )
    return str(value)
