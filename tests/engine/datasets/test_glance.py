"""A look at a file before its import: what it holds, and why it cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.datasets.errors import DatasetError
from engine.datasets.glance import glance
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
