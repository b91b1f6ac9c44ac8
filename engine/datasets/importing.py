"""The import: read -> map -> check -> split -> store, in this order, once through each file.

The store appears whole under its final name, or nothing does.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.datasets.choosing import choose, sample_rows
from engine.datasets.detect import Detected, detect
from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.options import PROTOCOL, SPLITS, ImportOptions, Source, Split
from engine.datasets.readers import read_rows
from engine.datasets.report import ImportReport, Rejected
from engine.datasets.source import ByteSource
from engine.errors import UsageError, Words, templates
from engine.files import new_folder, write_json
from engine.progress import Reporter, SilentReporter

if TYPE_CHECKING:
    from engine.datasets.writing import Drafts

#: Rejected rows per file of which the reason is kept in a form that can be told in another language.
_TOLD: Final = 200


@dataclass
class _File:
    """What became of one file.

    Attributes:
        first_row: What to add to its row numbers, so that they are unique over all files.
        rows: Rows seen, good or bad.
        warnings: What its reader should know, in sentences.
    """

    source: ByteSource
    split: Split | None
    detected: Detected
    sha256: str
    first_row: int
    form: str = "columns"
    rows: int = 0
    last_row: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": self.source.path.name,
            "sha256": self.sha256,
            "bytes": self.source.size,
            "container": self.detected.container + (".gz" if self.source.gzipped else ""),
            "encoding": self.detected.encoding,
            "form": self.form,
            "split": self.split,
            "rows": self.rows,
            "rejected": len(self.rejected),
            "first_row": self.first_row + 1,
        }


def import_files(
    sources: Sequence[Source | Path | str],
    options: ImportOptions,
    target: Path,
    reporter: Reporter | None = None,
) -> ImportReport:
    """Import files as one dataset into the new folder ``target``.

    Rows of several files are numbered on from file to file.

    Args:
        sources: The files, each with the split of its rows where there is one.
        options: How to understand and split them.
        target: The folder to make; see `engine.datasets.store.DatasetStore` for what is in it.
        reporter: Hears every decision, and may interrupt.

    Raises:
        UsageError: The options cannot be meant.
        DatasetError: A file cannot be used as a whole, or the disk is full. Nothing is left behind.
        FileError: ``target`` exists already.
    """
    from engine.datasets.writing import Drafts, told_when_full

    reporter = reporter or SilentReporter()
    options.validate()
    given = [source if isinstance(source, Source) else Source(Path(source)) for source in sources]
    if not given:
        raise UsageError("dataset.no_file", "There is no file to import.", fix="Name a file.")
    opened = [(ByteSource(source.path), source.split) for source in given]
    wanted, _ = options.container_or_form()
    detected = [detect(source, wanted) for source, _ in opened]
    with told_when_full(target), new_folder(target) as folder:
        files: list[_File] = []
        with Drafts(folder, target) as drafts:
            total = sum(source.size for source, _ in opened)
            for (source, split), what in zip(opened, detected, strict=True):
                first_row = files[-1].last_row if files else 0
                file = _File(source, split, what, source.sha256(), first_row, last_row=first_row)
                done = sum(earlier.source.size for earlier in files)
                files.append(file)
                _tell(file, reporter)
                _read(file, options, drafts, folder, reporter, done, total, several=len(opened) > 1)
            drafts.flush()
        return _finish(drafts, files, options, folder, reporter)


def _tell(file: _File, reporter: Reporter) -> None:
    name, what = str(file.source.path), file.detected
    reporter.decision("dataset.container", what.container, what.container_reason, file=name)
    if what.encoding_reason:
        reporter.decision("dataset.encoding", what.encoding, what.encoding_reason, file=name)


def _read(
    file: _File,
    options: ImportOptions,
    drafts: Drafts,
    folder: Path,
    reporter: Reporter,
    done: int,
    total: int,
    *,
    several: bool,
) -> None:
    """Read one file to its end into ``drafts``."""
    name = str(file.source.path)
    rows = read_rows(file.source, file.detected, folder, reporter)
    sample = sample_rows(rows)
    choice = choose(name, options, [row for _, row in sample if isinstance(row, dict)], reporter)
    if choice is not None:
        file.form, file.warnings = choice.form, choice.warnings
    prefix = f"{file.source.path.name}, row {{row}}: " if several else ""
    good = 0
    for number, raw in itertools.chain(sample, rows):
        file.rows += 1
        row = file.last_row = file.first_row + number
        try:
            if choice is None:
                raise raw if isinstance(raw, RowFaultError) else _not_an_object()
            if choice.lower and isinstance(raw, dict):
                raw = {key.strip().lower(): value for key, value in raw.items()}
            draft = choice.mapper(raw)
            if draft.split is None:
                draft.split = file.split
            written = drafts.add(row, draft)
            good += 1
        except RowFaultError as fault:
            place = prefix.format(row=number) if several else ""
            words = Words("{place}{reason}", place=place, reason=fault.words) if place else fault.words
            told = words if len(file.rejected) < _TOLD else None
            file.rejected.append(Rejected(row, sys.intern(str(words)), fault.code, told))
            written = False
        if written or file.rows % 8192 == 0:
            reporter.check()
            reporter.progress(done + file.source.position, total, "bytes", rows=len(drafts))
    _require_mostly_good(name, good, file)
    if choice is not None and choice.mapper.dropped:
        reporter.decision(
            "dataset.message_keys",
            sorted(choice.mapper.dropped),
            "left out: a message keeps its role, its text, its tool calls, tool_call_id and name",
            file=name,
        )
    if file.rejected:
        shown = [rejected.as_dict() for rejected in file.rejected[:20]]
        reporter.event("dataset.rejected", file=name, rows=len(file.rejected), first=shown)


def _require_mostly_good(name: str, good: int, file: _File) -> None:
    first = file.rejected[0] if file.rejected else None
    if good == 0 and first is None:
        raise DatasetError(
            "dataset.no_rows", "{file} holds no rows.", fix="Choose a file with examples.", file=name
        )
    if good == 0 and first is not None:
        raise DatasetError(
            "dataset.no_good_row",
            "{file} has not one row that can be used (row {row}: {reason}).",
            fix="Check that it is the right file, and name its form with --format or its columns with --map.",
            file=name,
            row=first.row - file.first_row,
            reason=first.reason,
        )
    if first is not None and len(file.rejected) * 2 > file.rows:
        raise DatasetError(
            "dataset.mostly_bad",
            "{bad} of the {rows} rows of {file} cannot be used (the first is row {row}: {reason}).",
            fix="More than half is too many to leave out: correct the file, or check --format and --map.",
            file=name,
            bad=len(file.rejected),
            rows=file.rows,
            row=first.row - file.first_row,
            reason=first.reason,
        )


def _not_an_object() -> RowFaultError:
    return RowFaultError("row.not_an_object", "the row is not an object with columns")


def _finish(
    drafts: Drafts, files: list[_File], options: ImportOptions, folder: Path, reporter: Reporter
) -> ImportReport:
    """Group, split and store what was read."""
    import numpy as np

    from engine.datasets import duplicates, splitting

    reporter.event("dataset.grouping", rows=len(drafts))
    prompts, answers = drafts.prompts, drafts.answers
    groups = duplicates.group(prompts, drafts.texts)
    reporter.check()
    shares = (options.test_share, options.dev_share)
    splits = splitting.assign(groups.of, prompts, drafts.given, shares, options.seed)
    counts: dict[Split, int] = {
        split: int(count)
        for split, count in zip(SPLITS, np.bincount(splits, minlength=len(SPLITS)), strict=True)
    }
    torn = duplicates.conflicting(prompts, answers)
    leak = splitting.leaks(groups.of, prompts, splits)
    rows = drafts.rows
    conflicts = len(np.unique(prompts[torn]))
    warnings = [warning for file in files for warning in file.warnings]
    warnings += _warnings(counts, conflicts, rows[torn[:2]].tolist(), leak, rows)
    if groups.template:
        reporter.decision(
            "dataset.template",
            groups.template,
            "word pairs that so many prompts share do not make them alike",
        )
    content = drafts.store(folder / "examples.parquet", splits, groups.of)
    rejected = [row for file in files for row in file.rejected]
    lines = "".join(json.dumps(row.record(), ensure_ascii=False) + "\n" for row in rejected)
    (folder / "rejected.jsonl").write_text(lines, encoding="utf-8")
    manifest: dict[str, Any] = {
        "protocol": PROTOCOL,
        "name": options.name,
        "sources": [file.as_dict() for file in files],
        "form": _joined(file.form for file in files),
        "container": _joined(str(file.as_dict()["container"]) for file in files),
        "encoding": _joined(file.detected.encoding for file in files),
        "format": options.format,
        "mapping": dict(options.mapping),
        "system": options.system,
        "test_share": options.test_share,
        "dev_share": options.dev_share,
        "seed": options.seed,
        "sealed": options.sealed,
        "examples": len(drafts),
        "counts": counts,
        "rejected": len(rejected),
        "duplicates": duplicates.count_repeats(prompts, answers),
        "near_duplicates": groups.near,
        "conflicts": conflicts,
        "leaking": leak.rows,
        "warnings": warnings,
        "words": templates(warnings),
        "content_sha256": content,
    }
    write_json(folder / "manifest.json", manifest)
    return ImportReport(
        name=options.name,
        counts=counts,
        format=manifest["form"],
        container=manifest["container"],
        encoding=manifest["encoding"],
        rejected=rejected,
        duplicates=manifest["duplicates"],
        near_duplicates=groups.near,
        conflicts=conflicts,
        warnings=warnings,
        content_sha256=content,
        sealed=options.sealed,
        manifest=manifest,
    )


def _joined(names: Iterator[str]) -> str:
    return "+".join(dict.fromkeys(names))


#: What it means that a split has no example.
_EMPTY: Final[dict[Split, str]] = {
    "train": "No example is in train: nothing can be trained on it.",
    "test": "No example is in test: nothing can be ranked on it.",
    "dev": "No example is in dev: parents and recipes cannot be chosen on it.",
}


def _warnings(counts: dict[Split, int], conflicts: int, torn: list[int], leak: Any, rows: Any) -> list[str]:
    """What the reader should know, in sentences."""
    found: list[str] = []
    found += [Words(_EMPTY[split]) for split in ("train", "test", "dev") if not counts[split]]
    if conflicts:
        found.append(
            Words(
                "Prompts with more than one answer: {count} (for example rows {first} and {second}). "
                "No model can get all of them right.",
                count=conflicts,
                first=torn[0],
                second=torn[1],
            )
        )
    if leak.rows:
        pairs = ", ".join(f"{rows[one]} and {rows[other]}" for one, other in leak.examples)
        found.append(
            Words(
                "Leakage: examples of dev or test that also stand in an earlier split: {rows} ({exact} word "
                "for word, the others nearly), for example rows {pairs}. The file's own split was kept.",
                rows=int(leak.rows),
                exact=int(leak.exact),
                pairs=pairs,
            )
        )
    return found
