"""Importing small files: bytes in, report and store out, with everything the import said on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.datasets import DatasetError, DatasetStore, ImportOptions, ImportReport, Source, import_files
from engine.errors import BakeoffError


@dataclass
class Heard:
    """A reporter that remembers."""

    decisions: dict[str, Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    def event(self, type: str, /, **data: Any) -> None:
        self.events.append(type)

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        assert reason
        self.decisions[subject] = choice

    def progress(self, done: float, total: float | None, unit: str, /, **data: Any) -> None:
        assert total is not None
        assert 0 <= done <= total

    def check(self) -> None:
        pass


@dataclass
class Imported:
    """What an import made."""

    report: ImportReport
    store: DatasetStore
    heard: Heard

    @property
    def rejected(self) -> dict[int, str]:
        return {rejected.row: rejected.code for rejected in self.report.rejected}

    @property
    def pairs(self) -> list[tuple[str | None, str | None]]:
        """The last prompt message and the answer of each example."""
        return [(example.prompt[-1].content, example.answer.content) for example in self.store.examples()]


class Importer:
    """Writes a file and imports it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def target(self) -> Path:
        self._count += 1
        return self.folder / "workspace" / f"dataset-{self._count}"

    def __call__(
        self, content: bytes | str | Sequence[Any] | Path, file: str = "data.jsonl", **options: Any
    ) -> Imported:
        return self.several([content if isinstance(content, Path) else self.write(content, file)], **options)

    def several(self, sources: Sequence[Path | Source], **options: Any) -> Imported:
        target, heard = self.target(), Heard()
        report = import_files(sources, ImportOptions(**options), target, heard)
        return Imported(report, DatasetStore(target), heard)

    def write(self, content: bytes | str | Sequence[Any], name: str) -> Path:
        path = self.folder / name
        if isinstance(content, str):
            content = content.encode("utf-8")
        elif not isinstance(content, bytes):
            content = jsonl(content)
        path.write_bytes(content)
        return path

    def refused(
        self, content: bytes | str | Sequence[Any], name: str = "data.jsonl", **options: Any
    ) -> BakeoffError:
        """Import what must fail; check that the failure is told properly and leaves nothing."""
        return self.refused_file(self.write(content, name), **options)

    def refused_file(self, path: Path, **options: Any) -> BakeoffError:
        target = self.target()
        before = sorted(self.folder.rglob("*"))
        with pytest.raises(BakeoffError) as caught:
            import_files([path], ImportOptions(**options), target)
        error = caught.value
        assert error.message.endswith((".", ")"))
        assert "{" not in error.message
        assert error.fix
        if isinstance(error, DatasetError):
            assert error.file == str(path)
        after = sorted(self.folder.rglob("*"))
        assert [entry for entry in after if entry != target.parent] == [
            entry for entry in before if entry != target.parent
        ]
        return error


@pytest.fixture
def importer(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def jsonl(rows: Sequence[Any]) -> bytes:
    """Rows as JSONL; a row given as bytes is a line as it is."""
    lines = [row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows]
    return b"\n".join(lines) + b"\n"


def plain(count: int, start: int = 0) -> list[dict[str, str]]:
    """Rows of prompt and completion that have little in common."""
    return [
        {"prompt": f"alpha{n} beta{n} gamma{n}?", "completion": f"answer {n}"}
        for n in range(start, start + count)
    ]


def chat(*messages: Mapping[str, Any] | tuple[str, Any], **more: Any) -> dict[str, Any]:
    """A row in OpenAI's form."""
    listed = [
        {"role": message[0], "content": message[1]} if isinstance(message, tuple) else dict(message)
        for message in messages
    ]
    return {"messages": listed, **more}
