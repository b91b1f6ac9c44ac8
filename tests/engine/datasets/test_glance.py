"""A look at a file before its import: what it holds, and why it cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.datasets.errors import DatasetError
from engine.datasets.glance import glance, import_preview
from engine.datasets.options import ImportOptions


def test_it_tells_form_count_length_and_the_first_example(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    rows = [{"prompt": f"Say {number}", "completion": "yes"} for number in range(150)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    seen = glance(file, ImportOptions(system="Be short."))
    assert (seen.rows, seen.more, seen.form, seen.split) == (150, False, "prompt-completion", "train")
    assert (seen.question, seen.answer) == ("Say 0", "yes")
    assert seen.answer_characters == 3
    assert 6 <= seen.prompt_characters <= 20


def test_rows_that_are_no_examples_are_told(tmp_path: Path) -> None:
    file = tmp_path / "empty answers.jsonl"
    file.write_text('{"prompt": "a", "completion": ""}\n' * 5, encoding="utf-8")
    with pytest.raises(DatasetError, match="holds no example") as caught:
        glance(file, ImportOptions())
    assert "completion" in caught.value.fix


def test_what_is_no_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    for name in ("picture.png", "missing.csv", "."):
        with pytest.raises(DatasetError):
            glance(tmp_path / name, ImportOptions())


def test_the_first_rows_as_an_import_would_read_them(tmp_path: Path) -> None:
    file = tmp_path / "test.csv"
    file.write_text("prompt,completion,note\nWho?,Me,x\n,You,y\nWhere?,Here,z\n", encoding="utf-8")
    found = import_preview(file, ImportOptions(system="Be brief."))
    assert (found.container, found.form, found.columns) == (
        "csv",
        "prompt-completion",
        ("prompt", "completion", "note"),
    )
    assert (found.split, found.examples, found.looked_at) == ("test", 2, 3)
    first, second, third = found.rows
    assert (first.system, first.prompt, first.answer, first.reason) == ("Be brief.", "Who?", "Me", "")
    assert second.reason
    assert third.answer == "Here"


def test_columns_that_nobody_knows_are_told_and_can_be_mapped(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("words,label\nhello,greeting\nbye,farewell\n", encoding="utf-8")
    found = import_preview(file, ImportOptions())
    assert found.error is not None
    assert found.columns == ("words", "label")
    mapped = import_preview(file, ImportOptions(mapping={"prompt": "words", "completion": "label"}))
    assert mapped.error is None
    assert [row.answer for row in mapped.rows] == ["greeting", "farewell"]
