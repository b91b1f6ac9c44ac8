"""Row faults cost a row and are listed; file faults fail the import and leave nothing."""

from __future__ import annotations

import gzip
import json
import os
import random
import zipfile
from pathlib import Path

import pytest

from engine.errors import Words
from tests.engine.datasets.conftest import Importer, chat, jsonl, plain

GOOD = plain(10)
CALL = {"function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b'{"prompt": "cut", "comple', "row.bad_json"),
        (b"no json", "row.bad_json"),
        (b'{"prompt": "\xff\xfe", "completion": "a"}', "row.bad_utf8"),
        (b'{"prompt": "long", "completion": "' + b"x" * 10_000_000 + b'"}', "row.too_long"),
        (b'{"prompt": "deep", "completion": ' + b"[" * 9000 + b"]" * 9000 + b"}", "row.bad_json"),
        (b'{"prompt": "z\x00", "completion": "a"}', "row.bad_json"),
        (b"[1, 2]", "row.not_an_object"),
        (b"null", "row.not_an_object"),
        ({"prompt": "q", "completion": ""}, "row.answer_empty"),
        ({"prompt": "q", "completion": " \n\t"}, "row.answer_empty"),
        ({"prompt": "q", "completion": None}, "row.answer_empty"),
        ({"prompt": " ", "completion": "a"}, "row.prompt_empty"),
        ({"prompt": "q"}, "row.missing_column"),
        ({"prompt": "q", "completion": "a", "split": "holdout"}, "row.unknown_split"),
        ({"prompt": "q", "completion": "a", "split": 3}, "row.unknown_split"),
        ({"prompt": "q", "completion": "a", "tools": "nonsense"}, "row.bad_json"),
    ],
)
def test_faults_of_plain_rows(importer: Importer, row: object, code: str) -> None:
    imported = importer([*GOOD[:4], row, *GOOD[4:]])
    assert imported.rejected == {5: code}
    assert imported.report.examples == 10
    assert imported.store.rejected() == [entry.as_dict() for entry in imported.report.rejected]
    told = imported.store.rejected_words(10)
    assert told == [(entry.row, entry.reason) for entry in imported.report.rejected]
    assert all(isinstance(reason, Words) for _, reason in told)
    assert imported.report.rejected[0].reason


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (chat(("user", "x")), "row.last_role"),
        (chat(("user", "x"), ("assistant", "y"), ("user", "z")), "row.last_role"),
        (chat(("assistant", "x")), "row.no_prompt"),
        (chat(("system", "s"), ("assistant", "x")), "row.no_prompt"),
        (chat(("human", "x"), ("assistant", "y")), "row.unknown_role"),
        (chat((None, "x"), ("assistant", "y")), "row.no_role"),
        (chat(([], "x"), ("assistant", "y")), "row.unknown_role"),
        (chat(("user", "x"), ("system", "s"), ("assistant", "y")), "row.system_place"),
        (chat(("user", "x"), ("tool", "t"), ("assistant", "y")), "row.tool_place"),
        (chat(("user", "x"), ("assistant", "")), "row.answer_empty"),
        (chat(("user", "x"), ("assistant", None)), "row.answer_empty"),
        (chat(("user", ""), ("assistant", "y")), "row.message_empty"),
        (chat(("user", 5), ("assistant", "y")), "row.bad_content"),
        (chat(("user", [{"type": "image_url"}]), ("assistant", "y")), "row.not_text"),
        (chat(("user", "x"), {"role": "assistant", "tool_calls": [{"function": {}}]}), "row.bad_tool_call"),
        (chat(("user", "x"), {"role": "assistant", "tool_calls": "f()"}), "row.bad_tool_call"),
        (chat({"role": "user", "content": "x", "tool_calls": [CALL]}, ("assistant", "y")), "row.calls_place"),
        (chat(("user", "x"), {"role": "assistant", "function_call": {"name": "f"}}), "row.function_call"),
        (chat(("user", "x"), {"role": "assistant", "content": "y", "weight": 0}), "row.answer_weight"),
        (chat(("user", "x"), ("assistant", "y"), tools={"a": 1}), "row.bad_tools"),
        (chat(("user", "x"), ("assistant", "y"), response_format=[1]), "row.bad_response_format"),
        ({"messages": []}, "row.no_messages"),
        ({"messages": "hello"}, "row.bad_json"),
        ({"messages": ["hello"]}, "row.bad_message"),
        ({"messages": [{"role": "system", "content": ""}]}, "row.no_messages"),
    ],
)
def test_wrong_roles_and_messages(importer: Importer, row: dict, code: str) -> None:
    good = [chat(("user", f"u{n} v{n}"), ("assistant", f"a{n}")) for n in range(4)]
    assert importer([*good, row]).rejected == {5: code}


def test_a_zero_byte_costs_one_row_of_a_table(importer: Importer) -> None:
    lines = ["prompt,completion", *(f"{row['prompt']},{row['completion']}" for row in GOOD)]
    lines[3] = lines[3].replace("beta", "be\0ta")
    assert importer("\n".join(lines), "a.csv").rejected == {3: "row.zero_byte"}


def test_rows_are_counted_as_an_editor_counts_lines(importer: Importer) -> None:
    content = b"\n\n" + jsonl(GOOD[:2]) + b"\n" + b"broken\n" + jsonl(GOOD[2:4])
    imported = importer(content)
    assert imported.rejected == {6: "row.bad_json"}
    assert [example.row for example in imported.store.examples()] == [3, 4, 7, 8]
    assert imported.store.example(7).prompt[0].content == GOOD[2]["prompt"]


def test_half_bad_is_imported_and_more_is_not(importer: Importer) -> None:
    assert len(importer([*GOOD[:3], b"x", b"x", b"x"]).rejected) == 3
    error = importer.refused([*GOOD[:3], b"x", b"x", b"x", b"x"])
    assert error.code == "dataset.mostly_bad"
    assert "4 of the 7 rows" in error.message
    assert "row 4" in error.message


def _noise() -> bytes:
    return random.Random(3).randbytes(5000)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.jsonl", b"", "dataset.empty_file"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "dataset.empty_file"),
        ("a.csv", b" \n\r\n\t\n", "dataset.blank_file"),
        ("a.jsonl", b"\xef\xbb\xbf\n", "dataset.blank_file"),
        ("a.jsonl", jsonl(GOOD) + b"\0" * 100, "dataset.binary"),
        ("a.csv", _noise(), "dataset.binary"),
        ("a.jsonl", b"\x89PNG\r\n\x1a\n1234", "dataset.binary"),
        ("a.csv", b"\x01\x02\x03\x04" * 100, "dataset.binary"),
        ("a.jsonl.gz", gzip.compress(jsonl(plain(5000)), mtime=0)[:-2000], "dataset.cut_archive"),
        ("a.jsonl.gz", b"\x1f\x8bnonsense", "dataset.cut_archive"),
        ("a.parquet", b"PAR1 and nothing more", "dataset.bad_parquet"),
        ("a.json", "[]", "dataset.no_rows"),
        ("a.json", '{"data": []}', "dataset.no_list"),
        ("a.json", "42", "dataset.no_list"),
        ("a.json", '"text"', "dataset.no_list"),
        ("a.json", '["a", "b"]', "dataset.no_good_row"),
        ("a.json", json.dumps({"a": GOOD, "b": GOOD}), "dataset.several_lists"),
        ("a.json", json.dumps(GOOD) + "x", "dataset.json_trailing"),
        ("a.json", json.dumps(GOOD)[:-1] + ",]", "dataset.json_broken"),
        ("a.json", json.dumps(GOOD).replace("}, {", "} {", 1), "dataset.json_broken"),
        ("a.json", json.dumps(GOOD).replace('"answer 4"', "answer"), "dataset.json_broken"),
        ("a.json", "[" * 100_000, "dataset.json_cut"),
        ("a.csv", "prompt,completion\n", "dataset.no_rows"),
        ("a.csv", "prompt,prompt\na,b\n", "dataset.double_column"),
        ("a.csv", "text\nabc\n", "dataset.unknown_form"),
        ("a.txt", "Once upon a time\nthere was a queen.\n", "dataset.unknown_form"),
        ("a.jsonl", '{"x": 1}\n{"x": 2}\n', "dataset.unknown_form"),
        ("a.jsonl", '{"prompt": "q", "completion": ""}\n', "dataset.no_good_row"),
        ("a.jsonl", "{broken}\n{broken}\n", "dataset.no_good_row"),
    ],
)
def test_file_faults(importer: Importer, name: str, content: bytes | str, code: str) -> None:
    assert importer.refused(content, name).code == code


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_is_known_to_be_cut_wherever_that_happened(importer: Importer, indent: int | None) -> None:
    whole = json.dumps(GOOD[:3], indent=indent)
    for end in range(2, len(whole)):
        error = importer.refused(whole[:end], "a.json", format="json")
        assert error.code == "dataset.json_cut", whole[:end]


def test_a_workbook_is_named_as_such(importer: Importer, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    assert "Excel" in importer.refused_file(tmp_path / "a.xlsx").message


def test_files_that_are_none(importer: Importer, tmp_path: Path) -> None:
    assert importer.refused_file(tmp_path / "nowhere.jsonl").code == "dataset.missing_file"
    assert importer.refused_file(tmp_path).code == "dataset.is_directory"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert importer.refused_file(tmp_path / "pipe").code == "dataset.not_a_file"


def test_one_bad_file_of_several_fails_all(importer: Importer, tmp_path: Path) -> None:
    good, bad = importer.write(GOOD, "good.jsonl"), importer.write("", "bad.jsonl")
    with pytest.raises(Exception, match="is empty"):
        importer.several([good, bad])
    assert not list(tmp_path.glob("workspace/*"))
