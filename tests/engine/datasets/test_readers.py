"""Every container and encoding gives the same rows, whatever the file is called."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine.datasets.conftest import Importer, chat, jsonl, plain

ROWS = plain(10)
PAIRS = [(row["prompt"], row["completion"]) for row in ROWS]
LINES = jsonl(ROWS)


def table(delimiter: str = ",", rows: list[dict[str, str]] = ROWS, newline: str = "\n") -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter, lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def parquet(path: Path, rows: list[dict]) -> bytes:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "container", "encoding"),
    [
        ("a.jsonl", LINES, "jsonl", "utf-8"),
        ("a.json", LINES, "jsonl", "utf-8"),
        ("a", LINES.replace(b"\n", b"\r\n"), "jsonl", "utf-8"),
        ("a.jsonl", b"\xef\xbb\xbf" + LINES.rstrip(), "jsonl", "utf-8"),
        ("a.jsonl", LINES.decode().encode("utf-16"), "jsonl", "utf-16"),
        ("a.jsonl", LINES.decode().encode("utf-16-le"), "jsonl", "utf-16-le"),
        ("a.csv", table().encode("utf-16-be"), "csv", "utf-16-be"),
        ("a.jsonl.gz", gzip.compress(LINES), "jsonl.gz", "utf-8"),
        ("a.jsonl", gzip.compress(LINES), "jsonl.gz", "utf-8"),
        ("a.json", json.dumps(ROWS), "json", "utf-8"),
        ("a.jsonl", json.dumps(ROWS), "json", "utf-8"),
        ("a.txt", json.dumps(ROWS, indent=2), "json", "utf-8"),
        ("a.json", b"\xef\xbb\xbf" + json.dumps(ROWS).encode(), "json", "utf-8"),
        ("a.json", json.dumps(ROWS).encode("utf-16"), "json", "utf-16"),
        ("a.json.gz", gzip.compress(json.dumps(ROWS).encode()), "json.gz", "utf-8"),
        (
            "a.json",
            json.dumps({"version": 1, "tags": ["x"], "data": ROWS, "end": {"z": [{}]}}),
            "json",
            "utf-8",
        ),
        ("a.json", json.dumps({"data": ROWS}, indent=1), "json", "utf-8"),
        ("a.csv", table(), "csv", "utf-8"),
        ("a.csv", table(newline="\r\n"), "csv", "utf-8"),
        ("a.csv", table(newline="\r"), "csv", "utf-8"),
        ("a.csv", b"\xef\xbb\xbf" + table(";", newline="\r\n").encode(), "csv", "utf-8"),
        ("a.csv", "sep=;\r\n" + table(";"), "csv", "utf-8"),
        ("a.csv", table("|"), "csv", "utf-8"),
        ("a.csv", table("\t"), "tsv", "utf-8"),
        ("a.tsv", table("\t"), "tsv", "utf-8"),
        ("a.csv", table("\t").encode("utf-16"), "tsv", "utf-16"),
        ("a.csv", b"\xfe\xff" + table(";").encode("utf-16-be"), "csv", "utf-16"),
        ("a.csv.gz", gzip.compress(table().encode()), "csv.gz", "utf-8"),
        ("a", table(), "csv", "utf-8"),
    ],
)
def test_containers(
    importer: Importer, name: str, content: bytes | str, container: str, encoding: str
) -> None:
    imported = importer(content, name)
    assert imported.pairs == PAIRS
    assert (imported.report.container, imported.report.encoding) == (container, encoding)
    assert imported.heard.decisions["dataset.container"] == container.removesuffix(".gz")
    if encoding != "utf-8":
        assert imported.heard.decisions["dataset.encoding"] == encoding


@pytest.mark.parametrize("name", ["a.parquet", "a.parquet.gz", "a.bin"])
def test_parquet(importer: Importer, tmp_path: Path, name: str) -> None:
    content = parquet(tmp_path / "plain", ROWS)
    imported = importer(gzip.compress(content) if name.endswith("gz") else content, name)
    assert imported.pairs == PAIRS
    assert sorted(path.name for path in imported.store.folder.iterdir()) == [
        "examples.parquet", "manifest.json", "rejected.jsonl"
    ]  # fmt: skip


def test_parquet_with_nested_messages(importer: Importer, tmp_path: Path) -> None:
    rows = [
        chat(("user", "u"), ("assistant", "a"), split="test"),
        chat(("system", "s"), ("user", "v"), ("assistant", "b"), split="train"),
    ]
    imported = importer(parquet(tmp_path / "plain", rows), "a.parquet")
    assert [example.as_dict() for example in imported.store.examples()] == rows


def test_parquet_text_that_is_not_utf8_is_one_fault(importer: Importer, tmp_path: Path) -> None:
    raw = pa.array([b"good", b"\xff\xfe", b"fine"], pa.binary())
    columns = {"prompt": raw.view(pa.string()), "completion": pa.array(["a", "b", "c"])}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    imported = importer(tmp_path / "a.parquet")
    assert imported.rejected == {2: "row.bad_utf8"}


def test_lists_named_after_splits(importer: Importer) -> None:
    document = {"train": ROWS[:6], "validation": ROWS[6:8], "test": ROWS[8:]}
    assert importer(json.dumps(document), "a.json").report.counts == {"train": 6, "dev": 2, "test": 2}


def test_windows_1252_is_guessed_and_told(importer: Importer) -> None:
    rows = [{**row, "completion": f"réponse – “{index}” €"} for index, row in enumerate(ROWS)]
    imported = importer(table(";", rows).encode("cp1252"), "a.csv")
    assert imported.pairs[3][1] == "réponse – “3” €"
    assert imported.heard.decisions == {
        "dataset.container": "csv",
        "dataset.encoding": "cp1252",
        "dataset.delimiter": "semicolon",
        "dataset.form": "prompt-completion",
    }


def test_utf8_with_one_broken_row_stays_utf8(importer: Importer) -> None:
    rows = [{**row, "completion": f"réponse {index}"} for index, row in enumerate(ROWS)]
    imported = importer(table(",", rows).encode().replace("réponse 3".encode(), b"r\xe9ponse 3"), "a.csv")
    assert imported.report.encoding == "utf-8"
    assert imported.rejected == {4: "row.bad_utf8"}


def test_cells_with_line_ends_quotes_and_delimiters(importer: Importer) -> None:
    rows = [{"prompt": 'a\nb, "c";\r\nd\t', "completion": "  x\n\ny "}, *ROWS]
    assert importer(table(",", rows), "a.csv").pairs[0] == (rows[0]["prompt"], rows[0]["completion"])


def test_ragged_rows_are_rejected_and_empty_cells_behind_are_not(importer: Importer) -> None:
    imported = importer(table() + "a,b,c\nonly\nx,y,,\n\n  \n", "a.csv")
    assert imported.rejected == {11: "row.columns", 12: "row.columns"}
    assert imported.pairs[-1] == ("x", "y")
    assert "line 12" in imported.report.rejected[0].reason


def test_a_stray_quote_costs_its_own_line_only(importer: Importer) -> None:
    text = 'prompt,completion\n"never closed,a\n' + table().split("\n", 1)[1] + '"a"b,c\nlast,row\n'
    imported = importer(text, "a.csv")
    assert imported.rejected == {1: "row.bad_quotes", 12: "row.bad_quotes"}
    assert imported.pairs == [*PAIRS, ("last", "row")]


def test_json_beyond_the_standard(importer: Importer) -> None:
    """Python writes NaN; half a character cannot be stored; a line separator is no line end."""
    lines = [
        b'{"prompt": "p", "completion": "c", "score": NaN}',
        b'{"prompt": "half \\ud83d", "completion": "c"}',
        b'{"prompt": "whole \\ud83d\\ude00", "completion": "c"}',
        {"prompt": "a\u2028b", "completion": "c"},
    ]
    imported = importer(lines)
    assert imported.rejected == {2: "row.bad_json"}
    assert [prompt for prompt, _ in imported.pairs] == ["p", "whole 😀", "a\u2028b"]


def test_elements_of_a_document_fail_alone(importer: Importer) -> None:
    deep = '{"prompt":"d","completion":' + "[" * 5000 + "]" * 5000 + "}"
    long = json.dumps({"prompt": '\\"]}' * 3_000_000, "completion": "y"})
    document = json.dumps([ROWS[0], "DEEP", 7, "LONG", *ROWS[1:]])
    content = document.replace('"DEEP"', deep).replace('"LONG"', long).encode()
    imported = importer(content.replace(b"answer 5", b"answer \xff"), "a.json")
    assert imported.rejected == {
        2: "row.bad_json",
        3: "row.not_an_object",
        4: "row.too_long",
        9: "row.bad_utf8",
    }
    assert len(imported.pairs) == 9


def test_a_document_longer_than_any_window(importer: Importer) -> None:
    """Elements, strings, escapes and numbers fall on the borders of what is read at a time."""
    rows = [
        {"id": 10**n, "prompt": f"p{n} " + 'é😀\\"\n' * (n * 7000 % 30_001), "completion": f"c{n}"}
        for n in range(40)
    ]
    imported = importer(json.dumps(rows, ensure_ascii=False), "a.json")
    assert imported.pairs == [(row["prompt"], row["completion"]) for row in rows]
    assert importer(json.dumps(rows), "b.json").pairs == imported.pairs


def test_format_overrides_the_container(importer: Importer) -> None:
    assert importer(table(), "a.dat", format="csv").pairs == PAIRS
    assert importer.refused(table(), "a.csv", format="jsonl").code == "dataset.no_good_row"
    assert importer.refused(table(), "a.csv", format="parquet").code == "dataset.bad_parquet"


def test_tabs_without_quoting_keep_their_quotes(importer: Importer) -> None:
    rows = ['"Hello" she said\tgreeting', 'an 8" pipe\tpart', '"open\tother', "plain\tother"]
    imported = importer("prompt\tcompletion\n" + "\n".join(rows), "a.tsv")
    assert imported.pairs == [tuple(row.split("\t")) for row in rows]
    assert imported.heard.decisions["dataset.quotes"] == "none"
    quoted = importer('prompt\tcompletion\n"a\tb\nc"\td\n"e"\tf\n', "b.tsv")
    assert quoted.pairs == [("a\tb\nc", "d"), ("e", "f")]


def test_utf16_without_byte_order_mark_in_a_script_that_is_not_latin(importer: Importer) -> None:
    rows = [
        {"prompt": f"問題{chr(0x4E00 + n)}は何ですか", "completion": f"答{chr(0x5000 + n)}"} for n in range(9)
    ]
    imported = importer(table(rows=rows).encode("utf-16-le"), "a.csv")
    assert imported.heard.decisions["dataset.encoding"] == "utf-16-le"
    assert imported.pairs == [(row["prompt"], row["completion"]) for row in rows]


def test_integers_of_any_length_stay_what_they_are(importer: Importer) -> None:
    """A number that changes silently is a wrong answer that gets trained."""
    number = 123456789012345678901234567890
    imported = importer([{"prompt": "How many?", "completion": number}, *plain(3)])
    assert imported.pairs[0] == ("How many?", str(number))


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_may_be_one_row(importer: Importer, indent: int | None) -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    row = {"tools": tools, **chat(("user", "Hi"), ("assistant", "Yo"), split="train")}
    imported = importer(json.dumps(row, indent=indent), "a.json")
    assert [example.as_dict() for example in imported.store.examples()] == [row]
    assert importer(json.dumps(ROWS[0], indent=indent), "b.json").pairs == PAIRS[:1]


def test_a_list_of_rows_may_be_called_messages(importer: Importer) -> None:
    assert importer(json.dumps({"messages": ROWS}, indent=1), "a.json").pairs == PAIRS
