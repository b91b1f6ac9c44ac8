"""What a file's rows are taken for: their form and their columns, told from the options and the first rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from engine.datasets.errors import RowFaultError
from engine.datasets.forms import Form, Mapper, detect_form, named
from engine.datasets.options import ImportOptions, split_named
from engine.datasets.readers import RawRow
from engine.datasets.values import as_json, text_of
from engine.errors import UsageError, Words
from engine.progress import Reporter

_SAMPLE_ROWS: Final = 100
_SAMPLE_BYTES: Final = 16 << 20
#: Columns that stay with messages also where a map names the messages' column.
_BESIDE_MESSAGES: Final = frozenset({"tools", "response_format"})


@dataclass(frozen=True)
class Choice:
    """How the rows of one file are read.

    Attributes:
        form: Name of their form.
        mapper: Makes drafts of them.
        lower: Whether column names are lowered first.
        warnings: What the reader of the report should know, in sentences.
    """

    form: str
    mapper: Mapper
    lower: bool
    warnings: tuple[str, ...] = ()


def sample_rows(rows: Iterator[RawRow]) -> list[RawRow]:
    """Take the first rows, enough to tell their form."""
    sample: list[RawRow] = []
    found = size = 0
    for number, row in rows:
        sample.append((number, row))
        if isinstance(row, dict):
            found += 1
            try:
                size += len(as_json(row))
            except RowFaultError:
                size += 1000
        if found >= _SAMPLE_ROWS or size >= _SAMPLE_BYTES or len(sample) >= 100 * _SAMPLE_ROWS:
            break
    return sample


def choose(
    name: str, options: ImportOptions, sample: list[dict[str, Any]], reporter: Reporter
) -> Choice | None:
    """Choose the form of a file's rows; None where the sample holds no row at all.

    Args:
        name: The file, named in events and errors.
        options: What was asked for.
        sample: The first rows.
        reporter: Hears what was chosen, and why.

    Raises:
        UsageError: Format and map contradict each other, or the map cannot be followed.
        DatasetError: The rows have no known form, or lack a mapped column.
    """
    if not sample:
        return None
    columns = list(dict.fromkeys(str(column) for row in sample for column in row))
    mapping = dict(options.mapping)
    _, wanted = options.container_or_form()
    form: Form | None = None
    lower = False
    if options.maps_answer():
        if wanted not in (None, "columns"):
            raise UsageError(
                "dataset.form_and_map",
                "The format '{format}' says where prompt and answer are, and so does the map.",
                fix="Leave out --format, or map only system and split.",
                format=wanted,
            )
        reason = Words("the map names prompt and answer")
    elif wanted not in (None, "columns"):
        form, reason = named(str(wanted)), Words("asked for")
    elif wanted is None:
        form, fitting = detect_form(sample)
        if form is None:
            form, fitting = detect_form(
                [{str(key).strip().lower(): value for key, value in row.items()} for row in sample]
            )
            lower = form is not None
        reason = (
            Words(
                "{count} of the first {rows} rows have it in other capitals", count=fitting, rows=len(sample)
            )
            if lower
            else Words("{count} of the first {rows} rows have it", count=fitting, rows=len(sample))
        )
    else:
        reason = Words("asked for")
    if lower:
        columns = list(dict.fromkeys(column.strip().lower() for column in columns))
    warnings = _settle_split(name, columns, form, mapping, sample, reporter)
    mapper = Mapper(form, mapping, columns, options.system, name)
    chosen = form.name if form is not None else "columns"
    reporter.decision("dataset.form", chosen, reason, file=name)
    unused = _unused(columns, form, mapping)
    if unused:
        reporter.decision(
            "dataset.unused_columns", unused, "neither the form nor the map speaks of them", file=name
        )
    return Choice(chosen, mapper, lower, warnings)


def _settle_split(
    name: str,
    columns: list[str],
    form: Form | None,
    mapping: dict[str, str],
    sample: list[dict[str, Any]],
    reporter: Reporter,
) -> tuple[str, ...]:
    """Map the file's own column of splits, where nobody did; the warning where there is one of other words.

    One word that names a split is enough: rows with other words are rejected and listed, which can be looked
    into, while a split that is drawn anew would pass unseen.
    """
    column = next((column for column in columns if column.strip().lower() == "split"), None)
    if column is None or "split" in mapping or (form is not None and column in form.known):
        return ()
    words = [row[column] for row in sample if row.get(column) not in (None, "")]
    if not words or any(isinstance(word, str) and split_named(word) for word in words):
        mapping["split"] = column
        reporter.decision("dataset.split_column", column, "its words are names of splits", file=name)
        return ()
    return (
        Words(
            "The column '{column}' was not used: its words (for example '{word}') name no split. "
            "The examples were split anew.",
            column=column,
            word=text_of(words[0])[:40],
        ),
    )


def _unused(columns: list[str], form: Form | None, mapping: dict[str, str]) -> list[str]:
    named_somewhere = " ".join(mapping.values())
    known = form.known if form is not None else frozenset[str]()
    if "messages" in mapping:
        known |= _BESIDE_MESSAGES
    return [column for column in columns if column not in known and column not in named_somewhere]
