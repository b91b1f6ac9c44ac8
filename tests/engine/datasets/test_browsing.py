"""Looking through the rows of a dataset: searched, filtered, sorted, a page at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.datasets import DatasetStore, ImportOptions, import_files
from engine.datasets.browsing import Browser, View


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    rows = [
        {
            "prompt": f"Question {n} about {'apples' if n % 3 else 'PEARS'}",
            "completion": "x" * (40 - n),
            "split": split,
        }
        for n, split in enumerate(["train", "test", "train", "dev"] * 5)
    ]
    rows.append({"prompt": "Größe und Maß?", "completion": "ÄRMEL", "split": "train"})
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_files([file], ImportOptions(name="rows"), tmp_path / "store")
    return Browser(DatasetStore(tmp_path / "store"))


def numbers(browser: Browser, view: View) -> list[int]:
    count = browser.use(view)
    found = [row["row"] for row in browser.page(0, count)]
    assert len(found) == count
    return found


def test_all_rows_in_the_order_of_the_file(browser: Browser) -> None:
    assert numbers(browser, View()) == list(range(1, 22))
    assert browser.page(0, 1) == [
        {"row": 1, "split": "train", "prompt": "Question 0 about PEARS", "answer": "x" * 40, "length": 62}
    ]
    assert [row["row"] for row in browser.page(19, 100)] == [20, 21]
    assert browser.page(500, 10) == []


def test_words_are_found_whatever_their_case_and_language(browser: Browser) -> None:
    assert numbers(browser, View(search="pears")) == [1, 4, 7, 10, 13, 16, 19]
    assert numbers(browser, View(search="ärmel")) == [21]
    assert numbers(browser, View(search="maß")) == [21]
    assert numbers(browser, View(search=".*")) == []


def test_words_are_found_at_the_end_of_a_long_text(tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    rows = [{"prompt": "first " + "x" * 50_000 + " needle", "completion": "short"}] + [
        {"prompt": f"row {n}", "completion": "y" * 3000} for n in range(5)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_files([file], ImportOptions(name="long"), tmp_path / "store")
    long = Browser(DatasetStore(tmp_path / "store"))
    assert numbers(long, View(search="NEEDLE")) == [1]
    shown = long.page(0, 1)[0]
    assert (len(shown["prompt"]), shown["answer"], shown["length"]) == (2000, "short", 50_018)
    assert numbers(long, View(sort="answer"))[0] == 1


def test_examples_spread_evenly(tmp_path: Path, browser: Browser) -> None:
    store = DatasetStore(tmp_path / "store")
    assert [one.row for one in store.some(3)] == [1, 11, 21]
    assert [one.row for one in store.some(100)] == list(range(1, 22))


def test_splits_and_words_together(browser: Browser) -> None:
    assert numbers(browser, View(split="dev")) == [4, 8, 12, 16, 20]
    assert numbers(browser, View(split="dev", search="pears")) == [4, 16]


def test_sorted_by_any_column_and_backwards(browser: Browser) -> None:
    assert numbers(browser, View(split="dev", sort="length")) == [20, 16, 12, 8, 4]
    assert numbers(browser, View(split="dev", sort="length", descending=True)) == [4, 8, 12, 16, 20]
    assert numbers(browser, View(sort="row", descending=True))[:2] == [21, 20]
    assert numbers(browser, View(sort="prompt"))[0] == 21
    splits = [row["split"] for row in browser.page(0, browser.use(View(sort="split")))]
    assert splits == sorted(splits, key=["train", "dev", "test"].index)


def test_where_a_row_stands_in_the_view(browser: Browser) -> None:
    browser.use(View(split="dev"))
    assert browser.place_of(12) == 2
    assert browser.place_of(1) == -1
