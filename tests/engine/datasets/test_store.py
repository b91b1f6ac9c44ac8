"""The store: pages, rows, identities; export and import again; the seal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.datasets import DatasetStore, SealedError, StoreError, prompt_id, require_open
from engine.datasets.export import export_dataset
from engine.errors import BakeoffError, UsageError
from engine.files import sha256_file
from tests.engine.datasets.conftest import Importer, chat, plain

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"n": 2**70}}}
RICH = [
    chat(("system", "S"), ("user", "u\r\n\t x"), ("assistant", " a "), split="train"),
    chat(
        ("user", "v"),
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "t", "tool_call_id": "1"},
        ("assistant", "done 😀"),
        tools=[{"type": "function", "function": {"name": "f"}}],
        response_format={"type": "text"},
        split="test",
    ),
]
FLAT = [
    {"prompt": 'line\r\nend, "quoted"; ', "completion": "  kept\n", "split": "train"},
    {"prompt": "=1+1", "completion": "é😀", "split": "dev"},
    {"prompt": "-", "completion": "0", "split": "test"},
]


def test_pages_and_limits(importer: Importer) -> None:
    store = importer(plain(1000)).store
    every = list(store.examples())
    assert len(store) == len(every) == 1000
    for split in ("train", "dev", "test"):
        of_split = [example for example in every if example.split == split]
        assert len(of_split) == store.counts[split]
        assert list(store.examples(split)) == of_split
        assert store.page(split, offset=3, limit=5) == of_split[3:8]
        assert store.prompt_ids(split) == [example.prompt_id for example in of_split]
    assert store.page(offset=998, limit=10) == every[998:]
    assert store.page(offset=1000) == []
    assert store.page(limit=0) == []


def test_pages_across_batches_of_the_file(importer: Importer) -> None:
    store = importer(plain(20_000)).store
    assert [example.row for example in store.page(offset=8190, limit=5)] == [8191, 8192, 8193, 8194, 8195]
    assert store.example(16_385).answer.content == "answer 16384"


def test_a_row_that_is_not_there_says_why(importer: Importer) -> None:
    store = importer([*plain(2), b"broken", *plain(2, 5)]).store
    with pytest.raises(StoreError, match="rejected"):
        store.example(3)
    with pytest.raises(StoreError, match="no example from row 9"):
        store.example(9)


def test_prompt_ids_are_the_same_in_every_import(importer: Importer) -> None:
    row = chat(("system", "S"), ("user", "é"), ("assistant", "one"))
    other = {"completion": "two", "prompt": "é", "system": "S"}
    first, second = importer([row]).store.page()[0], importer([other]).store.page()[0]
    assert first.prompt_id == second.prompt_id == prompt_id(row["messages"][:-1])
    assert importer([row]).store.prompt_ids() == [first.prompt_id]
    assert len(first.prompt_id) == 16
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert prompt_id(row["messages"][:-1], tools) != first.prompt_id


def test_the_manifest_tells_where_examples_come_from(importer: Importer) -> None:
    imported = importer(plain(10), system="S", seed=3, name="mine")
    manifest = imported.store.manifest
    assert manifest["sources"][0]["sha256"] == sha256_file(importer.folder / "data.jsonl")
    assert (manifest["system"], manifest["seed"], manifest["name"]) == ("S", 3, "mine")
    assert manifest["content_sha256"] == imported.report.content_sha256 == imported.store.content_sha256
    assert json.loads(json.dumps(imported.report.as_dict()))["examples"] == 10


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("rows", [RICH, FLAT], ids=["rich", "flat"])
def test_export_and_import_give_the_same_examples(
    importer: Importer, tmp_path: Path, suffix: str, rows: list[dict]
) -> None:
    first = importer(rows)
    path = tmp_path / f"out{suffix}"
    assert export_dataset(first.store, path) == len(rows)
    second = importer(path)
    assert [example.as_dict() for example in second.store.examples()] == [
        example.as_dict() for example in first.store.examples()
    ]
    assert second.report.content_sha256 == first.report.content_sha256


def test_export_of_one_split_and_of_no_known_form(importer: Importer, tmp_path: Path) -> None:
    store = importer(FLAT).store
    assert export_dataset(store, tmp_path / "test.jsonl", "test") == 1
    with pytest.raises(UsageError, match="cannot be exported"):
        export_dataset(store, tmp_path / "out.docx")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        export_dataset(store, tmp_path / "file" / "out.jsonl")


def test_a_store_is_never_overwritten(importer: Importer, tmp_path: Path) -> None:
    from engine.datasets import ImportOptions, import_files

    target = importer(FLAT).store.folder
    before = sha256_file(target / "manifest.json")
    with pytest.raises(BakeoffError, match="already exists"):
        import_files([tmp_path / "data.jsonl"], ImportOptions(), target)
    assert sha256_file(target / "manifest.json") == before


def test_damaged_and_newer_stores_are_refused_in_words(importer: Importer, tmp_path: Path) -> None:
    store = importer(FLAT).store
    with pytest.raises(StoreError, match="no dataset"):
        DatasetStore(tmp_path / "nothing")
    (store.folder / "examples.parquet").write_bytes(b"nonsense")
    with pytest.raises(StoreError, match="damaged"):
        store.page()
    (store.folder / "manifest.json").write_text(json.dumps({**store.manifest, "protocol": 99}))
    with pytest.raises(StoreError, match="newer"):
        DatasetStore(store.folder)


def test_a_sealed_dataset_is_refused_until_it_is_opened(importer: Importer) -> None:
    store = importer(FLAT, sealed=True).store
    assert store.sealed
    with pytest.raises(SealedError, match="preview may not use it yet"):
        require_open("secret", sealed=store.sealed, purpose="preview")
    require_open("secret", sealed=True, opened=True, purpose="preview")
    require_open("open", sealed=False, purpose="preview")
