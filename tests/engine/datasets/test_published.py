"""Public datasets import exactly as they were published."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.datasets import Source
from tests.engine.datasets.conftest import Importer


def test_banking77(importer: Importer, shared: Path) -> None:
    folder = shared / "data" / "banking77"
    mapping = {"prompt": "text", "completion": "category"}
    imported = importer.several(
        [Source(folder / "train.csv"), Source(folder / "test.csv", "test")], mapping=mapping, test_share=0
    )
    assert (imported.report.examples, imported.report.counts["test"] >= 3080) == (13_083, True)
    assert not imported.report.rejected
    with (folder / "train.csv").open(encoding="utf-8", newline="") as stream:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(stream)]
    assert imported.pairs[: len(rows)] == rows


def test_scitldr(importer: Importer, shared: Path) -> None:
    folder = shared / "data" / "scitldr"
    imported = importer(folder / "train.jsonl", mapping={"prompt": "source", "completion": "target"})
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert imported.pairs == [(" ".join(row["source"]), " ".join(row["target"])) for row in rows]
    first = importer(folder / "dev.jsonl", mapping={"prompt": "source", "completion": "first(target)"})
    assert first.report.examples == 619


def test_snips(importer: Importer, shared: Path) -> None:
    files = sorted((shared / "data" / "snips").glob("*.json"))
    sources = [Source(file, "test" if file.name.startswith("validate") else None) for file in files]
    imported = importer.several(sources, test_share=0)
    assert (imported.report.format, imported.report.examples) == ("snips", 2800)
    assert imported.report.counts["test"] >= 700
    mapping = {"prompt": "join(data.text)", "completion": "pairs(data.entity, data.text)"}
    assert importer.several(sources, mapping=mapping).pairs == imported.pairs


@pytest.mark.parametrize("mapping", [{}, {"prompt": "text", "completion": "json(intents, slots.*.text)"}])
def test_nlupp(importer: Importer, shared: Path, mapping: dict[str, str]) -> None:
    files = sorted((shared / "data" / "nlupp").glob("hotels-fold*.json"))
    imported = importer.several(files, mapping=mapping, sealed=True)
    rows = [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]
    assert imported.report.examples == len(rows) == 197
    for (prompt, answer), row in zip(imported.pairs, rows, strict=True):
        fields = json.loads(answer or "")
        assert prompt == row["text"]
        assert (fields["intents"] or []) == row.get("intents", [])
        assert (fields["slots"] or {}) == {name: slot["text"] for name, slot in row.get("slots", {}).items()}
