"""A prompt that one task trains on and another asks is told before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

from engine.studies.leaks import study_leaks
from engine.workspace import Workspace
from tests.conftest import Cli


def test_a_leak_between_tasks_is_named(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    shared = "Where is the nearest bakery that sells rye bread on Sundays?"
    for name, split in (("one", "train"), ("two", "test")):
        rows = [
            {"input": f"{name} asks about subject number {n}, {n * 7919}", "output": "x", "split": "train"}
            for n in range(8)
        ]
        rows.append({"input": shared, "output": "y", "split": split})
        file = tmp_path / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        assert cli("dataset", "import", file, "--name", name).status == 0
    (sentence,) = study_leaks(workspace, ["one", "two"])
    assert "one" in sentence
    assert "two" in sentence
    assert study_leaks(workspace, ["one"]) == []
