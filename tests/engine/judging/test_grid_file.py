"""A grid of answers as CSV and as JSONL: what is shown, in that order, and whole or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.judging.errors import JudgingError
from engine.judging.grid import Grid, read_grid
from engine.judging.grid_file import write_grid
from engine.workspace import Workspace
from tests.answered import fill, judge, prompts


@pytest.fixture
def grid(workspace: Workspace, tmp_path: Path) -> Grid:
    fill(workspace, tmp_path)
    first = prompts(workspace)[0]
    judge(workspace, first, "Good", "Bad", "a")
    judge(workspace, first, "Bad", "Good", "b")
    return read_grid(workspace, "things", "test")


def test_a_csv_file_has_a_line_for_every_answer_that_is_shown(grid: Grid, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    shown = [one for one in grid.answerers if one.name in ("Good", "Bad")]
    assert write_grid(grid, file, [2, 0], shown) == 4
    with file.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["row"], line["contestant"]) for line in lines] == [
        (str(grid.numbers[2]), "Good"),
        (str(grid.numbers[2]), "Bad"),
        (str(grid.numbers[0]), "Good"),
        (str(grid.numbers[0]), "Bad"),
    ]
    last = lines[3]
    assert last["prompt"] == "Name thing number 0 of them."
    assert last["expected"] == "it is good 0"
    assert last["answer"] == "it is bad 0"
    assert (last["wins"], last["ties"], last["losses"]) == ("0", "0", "1")
    assert last["judge"] == "lab:judge"
    assert float(last["score"]) < float(lines[2]["score"]) == 1.0


def test_a_jsonl_file_has_a_line_for_every_prompt(grid: Grid, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    assert write_grid(grid, file, range(len(grid.prompts)), grid.answerers) == 3 * len(grid.prompts)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["prompt_id"] for line in lines] == [prompt.id for prompt in grid.prompts]
    assert lines[0]["messages"] == [{"role": "user", "content": "Name thing number 0 of them."}]
    assert [answer["contestant"] for answer in lines[0]["answers"]] == [one.name for one in grid.answerers]
    assert lines[-1]["answers"][1]["stop"] == "length"


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left(grid: Grid, tmp_path: Path) -> None:
    with pytest.raises(JudgingError, match=r"not written in the form of"):
        write_grid(grid, tmp_path / "answers.xls", [0], grid.answerers)
    with pytest.raises(JudgingError, match="cannot be written"):
        write_grid(grid, tmp_path / "nowhere" / "answers.csv", [0], grid.answerers)
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(JudgingError, match="cannot be written"):
        write_grid(grid, tmp_path / "taken.csv", [0], grid.answerers)
    assert not list(tmp_path.glob(".*.partial"))
