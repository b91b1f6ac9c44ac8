"""No file of a bundle says where anything lay on the machine that made it; nothing else in them changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.studies.release.places import change_json, forget_places

HOME = Path("/data/someone")
WORKSPACE = HOME / "bake off"


def after(folder: Path, text: str, name: str = "config.json") -> str:
    """What becomes of a file with this text."""
    (folder / name).write_text(text, encoding="utf-8", newline="")
    forget_places(folder, [WORKSPACE, HOME])
    return (folder / name).read_bytes().decode("utf-8")


@pytest.mark.parametrize("indent", [None, 1, 2, 4, "\t"])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_only_the_places_are_taken_out(
    tmp_path: Path, indent: int | str | None, ascii_only: bool, ending: str
) -> None:
    kept = {"z": 1e-05, "a": [1, {"b": "Käse"}], "eos_token": "</s>", "empty": {}}
    noted = {"z": 1e-05, "_name_or_path": str(WORKSPACE / "models/x"), **kept, "tokenizer_file": "/tmp/t"}

    def written(value: object) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=ascii_only) + ending

    assert after(tmp_path, written(noted)) == written(kept)
    strange = '{"a" :1 }'
    assert after(tmp_path, strange) == strange


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (str(WORKSPACE / "models/x"), "x"),
        (str(HOME), "someone"),
        (f"trained in {WORKSPACE}/models", "trained in ./models"),
        ("/data/someone-else/x", "/data/someone-else/x"),
        ("owner/name", "owner/name"),
        ("{{ messages }} /home", "{{ messages }} /home"),
    ],
)
def test_places_anywhere_in_a_file(tmp_path: Path, value: str, left: str) -> None:
    found = json.loads(after(tmp_path, json.dumps({"one": {"two": [value]}})))
    assert found == {"one": {"two": [left]}}


def test_the_tokenizer_is_left_alone(tmp_path: Path) -> None:
    text = json.dumps({"vocab_file": str(HOME)})
    assert after(tmp_path, text, "tokenizer.json") == text


def test_lists_and_unchanged_files_stay(tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    file.write_text("[1,2]", encoding="utf-8")
    change_json(file, lambda config: {})
    assert file.read_text(encoding="utf-8") == "[1,2]"
