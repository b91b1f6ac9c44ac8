"""A quick look at a file before it is imported: how many examples it has, and how long they are."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.datasets.choosing import choose, sample_rows
from engine.datasets.detect import detect
from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.options import ImportOptions, Split, split_named
from engine.datasets.readers import read_rows
from engine.datasets.source import ByteSource
from engine.progress import SilentReporter

#: Rows that are counted; a file that has more is said to have at least so many.
_COUNTED: Final = 50_000


@dataclass(frozen=True)
class Glance:
    """What a look at a file's first rows has shown.

    Attributes:
        split: Told by the file's name, for example ``test.csv``.
        form: Name of the form of its rows.
        rows: At least so many; all of them unless ``more``.
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


def glance(path: Path, options: ImportOptions) -> Glance:
    """Look at a file.

    Raises:
        DatasetError: It cannot be imported, or none of its first rows is an example.
        UsageError: The options do not fit it.
    """
    reporter = SilentReporter()
    source = ByteSource(path)
    wanted, _ = options.container_or_form()
    detected = detect(source, wanted)
    with tempfile.TemporaryDirectory() as scratch:
        rows = read_rows(source, detected, Path(scratch), reporter)
        sample = sample_rows(rows)
        choice = choose(str(path), options, [row for _, row in sample if isinstance(row, dict)], reporter)
        found: list[tuple[str, str, str]] = []
        reason = "it has no row"
        for _, raw in sample:
            try:
                if choice is None or isinstance(raw, RowFaultError):
                    raise (
                        raw if isinstance(raw, RowFaultError) else RowFaultError("row.none", "it has no row")
                    )
                row = {key.strip().lower(): value for key, value in raw.items()} if choice.lower else raw
                found.append(_texts(choice.mapper(row).messages))
            except RowFaultError as fault:
                reason = fault.reason
        count = len(sample) + sum(1 for _ in itertools.islice(rows, _COUNTED))
        more = count >= _COUNTED
    if not found:
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
        split_named(path.name.removesuffix(".gz").partition(".")[0]),
        choice.form if choice is not None else "",
        count,
        more,
        sum(len(prompt) for prompt, _, _ in found) / len(found),
        sum(len(answer) for _, answer, _ in found) / len(found),
        found[0][2],
        found[0][1],
    )


def _texts(messages: list[Any]) -> tuple[str, str, str]:
    """Everything before the answer, the answer, and what it answers."""
    texts = [str(message.get("content") or "") for message in messages]
    return "\n".join(texts[:-1]), texts[-1] if texts else "", texts[-2] if len(texts) > 1 else ""
