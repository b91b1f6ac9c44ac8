"""A look at a file before it is imported: what it is taken for, how many examples it has, how its first rows read."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.datasets.choosing import Choice, choose, sample_rows
from engine.datasets.detect import Detected, detect
from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.messages import asked_text
from engine.datasets.options import ImportOptions, Split, split_named
from engine.datasets.readers import read_rows
from engine.datasets.source import ByteSource
from engine.errors import BakeoffError, UsageError, Words
from engine.progress import Reporter, SilentReporter

#: Rows that are counted; a file that has more is said to have at least so many.
_COUNTED: Final = 50_000
#: What the choices of an import are about.
_SUBJECTS: Final = {
    "dataset.container": Words("Container"),
    "dataset.delimiter": Words("Delimiter"),
    "dataset.encoding": Words("Encoding"),
    "dataset.form": Words("Form"),
    "dataset.message_keys": Words("Message keys"),
    "dataset.quotes": Words("Quotes"),
    "dataset.split_column": Words("Split column"),
    "dataset.template": Words("Template"),
    "dataset.unused_columns": Words("Unused columns"),
}


@dataclass(frozen=True)
class Glance:
    """What a look at a file's first rows has shown.

    Attributes:
        split: Told by the file's name, for example ``test.csv``.
        form: Name of the form of its rows.
        rows: At least so many, without those among the first that are no examples; all of them unless ``more``.
        left_out: So many of the first ``looked_at`` rows are no examples.
        reason: Why the first of these is none.
        prompt_characters: Mean length of a prompt; ``answer_characters`` of an answer.
        question: The first example's last message before its answer, ``answer`` its answer.
    """

    path: Path
    split: Split | None
    form: str
    rows: int
    more: bool
    prompt_characters: float
    answer_characters: float
    question: str
    answer: str
    left_out: int = 0
    looked_at: int = 0
    reason: str = ""


@dataclass(frozen=True)
class PreviewRow:
    """A row of a file as an import would read it.

    Attributes:
        row: Its number, from 1.
        system: Its instruction; ``prompt`` what is asked; ``answer`` the answer.
        reason: Why it would be left out; empty for an example.
        raw: What it holds, column by column, where it cannot be told what it is.
    """

    row: int
    system: str = ""
    prompt: str = ""
    answer: str = ""
    reason: str = ""
    raw: str = ""


@dataclass(frozen=True)
class ImportPreview:
    """What an import takes a file for, on its first rows.

    Attributes:
        container: For example ``csv``; ``encoding`` of its text; ``form`` of its rows.
        columns: Names that a mapping can speak of.
        split: Told by the file's name.
        rows: The first ones.
        examples: How many of the rows that were looked at are examples; ``looked_at`` of so many.
        notes: What was chosen, in sentences.
        error: Why its rows cannot be read as asked for.
    """

    path: Path
    container: str
    encoding: str
    form: str
    columns: tuple[str, ...]
    split: Split | None
    rows: tuple[PreviewRow, ...]
    examples: int
    looked_at: int
    notes: tuple[str, ...]
    error: BakeoffError | None = None


def glance(path: Path, options: ImportOptions) -> Glance:
    """Look at a file.

    Raises:
        DatasetError: It cannot be imported, or none of its first rows is an example.
        UsageError: The options do not fit it.
    """
    found = _looked_at(path, options, SilentReporter(), count=True)
    if found.error is not None:
        raise found.error
    texts = [_texts(messages) for messages in found.examples.values()]
    if not texts:
        reason = next(reversed(found.faults.values()), "it has no row")
        raise DatasetError(
            "dataset.no_example",
            "{name} holds no example that can be read: {reason}.",
            fix="Each row needs a prompt and an answer, such as the columns prompt and completion of a CSV file.",
            name=path.name,
            reason=reason,
            file=str(path),
        )
    return Glance(
        path,
        _split_of(path),
        found.choice.form if found.choice is not None else "",
        found.count - len(found.faults),
        found.count >= _COUNTED,
        sum(len(prompt) for prompt, _, _ in texts) / len(texts),
        sum(len(answer) for _, answer, _ in texts) / len(texts),
        texts[0][2],
        texts[0][1],
        len(found.faults),
        len(found.examples) + len(found.faults),
        next(iter(found.faults.values()), ""),
    )


def import_preview(path: Path, options: ImportOptions, *, shown: int = 20) -> ImportPreview:
    """Read the first rows of a file as an import with these options would.

    Rows whose form cannot be told, or that the options do not fit, come with ``error`` and their columns, so that
    the options can be corrected.

    Raises:
        DatasetError: The file cannot be read.
        UsageError: The options contradict each other.
    """
    options.validate()
    notes = _Notes()
    found = _looked_at(path, options, notes)
    rows = []
    for number in sorted([*found.examples, *found.faults, *found.untold])[:shown]:
        if number in found.untold:
            raw = ", ".join(f"{column}: {value}" for column, value in found.untold[number].items())
            rows.append(PreviewRow(number, raw=raw[:1000]))
            continue
        if number in found.faults:
            rows.append(PreviewRow(number, reason=found.faults[number]))
            continue
        messages = found.examples[number]
        system = str(messages[0].get("content") or "") if messages[0]["role"] == "system" else ""
        rows.append(PreviewRow(number, system, asked_text(messages[:-1]), _texts(messages)[1]))
    return ImportPreview(
        path,
        found.detected.container,
        found.detected.encoding,
        found.choice.form if found.choice is not None else "",
        found.columns,
        _split_of(path),
        tuple(rows),
        len(found.examples),
        len(found.examples) + len(found.faults),
        tuple(notes.sentences),
        found.error,
    )


@dataclass(frozen=True)
class _Looked:
    """The first rows of a file by number: messages of examples, reasons of faults, rows that nobody can read yet."""

    detected: Detected
    choice: Choice | None
    columns: tuple[str, ...]
    examples: dict[int, list[Any]]
    faults: dict[int, str]
    untold: dict[int, dict[str, Any]]
    count: int
    error: BakeoffError | None


def _looked_at(path: Path, options: ImportOptions, reporter: Reporter, *, count: bool = False) -> _Looked:
    source = ByteSource(path)
    wanted, _ = options.container_or_form()
    detected = detect(source, wanted)
    examples: dict[int, list[Any]] = {}
    faults: dict[int, str] = {}
    untold: dict[int, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        rows = read_rows(source, detected, Path(scratch), reporter)
        sample = sample_rows(rows)
        plain = [row for _, row in sample if isinstance(row, dict)]
        choice, error = None, None
        try:
            choice = choose(str(path), options, plain, reporter)
        except (DatasetError, UsageError) as wrong:
            error = wrong
        for number, raw in sample:
            if isinstance(raw, RowFaultError):
                faults[number] = raw.reason
            elif choice is None:
                untold[number] = raw
            else:
                row = {key.strip().lower(): value for key, value in raw.items()} if choice.lower else raw
                try:
                    examples[number] = list(choice.mapper(row).messages)
                except RowFaultError as fault:
                    faults[number] = fault.reason
        more = sum(1 for _ in itertools.islice(rows, _COUNTED)) if count else 0
    columns = tuple(dict.fromkeys(str(column) for row in plain for column in row))
    return _Looked(detected, choice, columns, examples, faults, untold, len(sample) + more, error)


def _split_of(path: Path) -> Split | None:
    return split_named(path.name.removesuffix(".gz").partition(".")[0])


class _Notes(SilentReporter):
    """Keeps what was chosen as sentences."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        """Keep it."""
        if isinstance(choice, list | tuple):
            choice = ", ".join(map(str, choice))
        self.sentences.append(
            Words(
                "{subject}: {choice} ({reason}).",
                subject=_SUBJECTS.get(subject) or Words(subject.rpartition(".")[2].capitalize()),
                choice=choice if isinstance(choice, Words) else str(choice),
                reason=reason if isinstance(reason, Words) else Words(reason),
            )
        )


def _texts(messages: list[Any]) -> tuple[str, str, str]:
    """Everything before the answer, the answer, and what it answers."""
    texts = [str(message.get("content") or "") for message in messages]
    return "\n".join(texts[:-1]), texts[-1] if texts else "", texts[-2] if len(texts) > 1 else ""
