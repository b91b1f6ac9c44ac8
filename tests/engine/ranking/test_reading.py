"""Files of verdicts: the forms that are read, and what is said about those that are not."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from engine.ranking import RankingError, VerdictFileError, VerdictTable, rank, read_verdicts, reading

GOOD = "a,b,winner,prompt_id,weight\nA,B,a,p1,1\nB,C,tie,p1,2\nC,A,b,p2,\n"


def write(folder: Path, text: str | bytes, name: str = "verdicts.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        "sep=;\n" + GOOD.replace(",", ";"),
        "\ufeffSEP=|\r\n" + GOOD.replace(",", "|").replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        "\n\n" + GOOD,
        GOOD.replace("a,b,winner", "A,B,Winner").replace("tie", " TIE "),
        GOOD.replace("A,B,a", '"A","B","a"') + "\n\n",
        "weight,winner,b,a,prompt_id\n1,a,B,A,p1\n2,tie,C,B,p1\n,b,A,C,p2\n",
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_csv_as_people_write_it(
    tmp_path: Path, text: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(reading, "_LARGE_BYTES", 0)
    table = read_verdicts(write(tmp_path, text))
    assert table.contestants == ("A", "B", "C") or set(table.contestants) == {"A", "B", "C"}
    names = [(table.contestants[a], table.contestants[b]) for a, b in zip(table.a, table.b, strict=True)]
    assert names == [("A", "B"), ("B", "C"), ("C", "A")]
    assert table.outcome.tolist() == [1, 0, -1]
    assert table.weight.tolist() == [1, 2, 1]


def test_json_lines_are_the_same_verdicts(tmp_path: Path) -> None:
    rows = [
        {"a": "A", "b": "B", "winner": "a", "prompt_id": 1},
        {"a": "B", "b": "C", "winner": "tie", "prompt_id": 1, "weight": 2},
        {"a": "C", "b": "A", "winner": "b", "prompt_id": "2", "weight": None},
        {"a": "C", "b": "A", "winner": None, "prompt_id": "2"},
    ]
    text = "\n".join(json.dumps(row) for row in rows)
    for name in ("verdicts.jsonl", "verdicts.txt"):
        table = read_verdicts(write(tmp_path, text, name))
        assert table.outcome.tolist() == [1, 0, -1, 2]
        assert table.weight.tolist() == [1, 2, 1, 1]
        assert table.prompt is not None
        assert table.prompt.tolist() == [0, 0, 1, 1]


def test_blank_winners_are_counted_and_other_columns_named(tmp_path: Path) -> None:
    ranking = rank(read_verdicts(write(tmp_path, "a,b,winner,prompt\nA,B,,1\nA,B,a,1\nA,B,b,2\n")))
    assert ranking.comparisons == 2
    assert any("1 verdict without a winner" in text for text in ranking.warnings)
    assert any("not used: prompt" in text for text in ranking.warnings)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("A,B,left,p,1", "left"),
        ("A,A,a,p,1", "itself"),
        ("A,B,a,p,-1", "weight"),
        ("A,B,a,p,nan", "weight"),
        ("A,B,a,p,many", "many"),
        (",B,a,p,1", "no contestant"),
        ("A,B,a,p", "cells"),
        ("A,B,a,p,1,2", "cells"),
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_a_bad_row_is_named(
    tmp_path: Path, row: str, says: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(reading, "_LARGE_BYTES", 0)
    path = write(tmp_path, GOOD + row + "\n" + "A,B,a,p9,1\n")
    with pytest.raises(RankingError, match=says) as caught:
        read_verdicts(path)
    assert caught.value.row == 4
    assert caught.value.file == str(path)
    assert "row 4 (line 5)" in caught.value.message
    assert caught.value.fix


def test_rows_keep_their_lines_below_the_line_that_names_the_separator(tmp_path: Path) -> None:
    with pytest.raises(RankingError, match=r"row 2 \(line 4\)"):
        read_verdicts(write(tmp_path, "sep=;\na;b;winner\nA;B;a\nA;A;a\n"))


def test_json_lines_take_time_in_proportion_to_their_number(tmp_path: Path) -> None:
    line = '{"a": "A", "b": "B", "winner": "a", "prompt_id": "p"}\n'
    seconds = []
    for count in (10_000, 40_000):
        path = write(tmp_path, line * count, "v.jsonl")
        runs = []
        for _ in range(2):
            started = time.process_time()
            read_verdicts(path)
            runs.append(time.process_time() - started)
        seconds.append(min(runs))
    assert seconds[1] < 9 * seconds[0]  # 4 where it is linear, 16 where it is quadratic


def test_a_json_column_may_start_late_and_have_gaps(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"a": "A", "b": "B", "winner": "a"} for _ in range(4)]
    rows[1]["weight"], rows[3]["weight"] = 2, 3
    table = read_verdicts(write(tmp_path, "\n".join(map(json.dumps, rows)), "v.jsonl"))
    assert table.weight.tolist() == [1, 2, 1, 3]


@pytest.mark.parametrize("row", ["{", "[1]", '{"a": "A", "b": "B"}', '{"a": ["A"], "b": "B", "winner": "a"}'])
def test_a_bad_json_line_is_named(tmp_path: Path, row: str) -> None:
    good = '{"a": "A", "b": "B", "winner": "a"}\n'
    with pytest.raises(RankingError, match=r"row 2 \(line 3\)") as caught:
        read_verdicts(write(tmp_path, good + "\n" + row + "\n" + good, "v.jsonl"))
    assert caught.value.row == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n\n", "empty"),
        (b"a,b,winner\n", "no verdicts"),
        (b"left,right,winner\nA,B,a\n", "no column a, b"),
        (b"a,b,winner,winner\nA,B,a,a\n", "twice"),
        (bytes(range(256)) * 10, "not UTF-8 text"),
        ("a,b,winner\nMüller,B,a\n".encode("cp1252"), "not UTF-8 text"),
        (b'[{"a": "A", "b": "B", "winner": "a"}]', "JSON array"),
    ],
)
def test_a_file_that_holds_no_verdicts(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(VerdictFileError, match=says) as caught:
        read_verdicts(write(tmp_path, content))
    assert caught.value.fix
    assert caught.value.file is not None


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(VerdictFileError, match="no file"):
        read_verdicts(tmp_path / "nothing.csv")
    with pytest.raises(VerdictFileError, match="folder"):
        read_verdicts(tmp_path)


def test_large_files_read_the_same_as_small_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    lines = ["a,b,winner,prompt_id,task,weight,entrant_a,entrant_b,judge,other"]
    for i in range(3000):
        a, b = generator.choice(6, 2, replace=False)
        winner = generator.choice(["a", "B", "tie", ""])
        lines.append(f' c{a},"c{b}",{winner},p{i % 40},t{i % 2},{i % 3 + 0.5},e{a},e{b},j{i % 2},x')
    path = write(tmp_path, "\n".join(lines) + "\n")
    small = read_verdicts(path)
    monkeypatch.setattr(reading, "_LARGE_BYTES", 0)
    large = read_verdicts(path)
    assert small.lines is not None
    assert large.lines is None  # proof that the other reader was used
    assert isinstance(large, VerdictTable)
    for name in ("contestants", "tasks", "entrants", "notes"):
        assert getattr(small, name) == getattr(large, name)
    for name in ("a", "b", "outcome", "weight", "prompt", "task", "entrant_a", "entrant_b", "judge"):
        assert np.array_equal(getattr(small, name), getattr(large, name)), name
    assert rank(small).as_dict() == rank(large).as_dict()
