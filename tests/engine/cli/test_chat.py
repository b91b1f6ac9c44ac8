"""``bakeoff chat`` as a person and as a script use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.conftest import Cli, clean_environment
from tests.fake_openai.server import FakeOpenAI
from tests.here import add_model
from tests.tiny_families import exportable_model


@pytest.fixture
def two(workspace: Workspace, tmp_path: Path) -> Workspace:
    for seed, name in enumerate(("one", "two")):
        add_model(workspace, exportable_model(tmp_path / name, seed=seed), name)
    return workspace


def chat(
    workspace: Workspace, folder: Path, lines: str, *words: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine.cli.main", "chat", *map(str, words)],
        input=lines,
        env={**clean_environment(workspace.root, folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_two_models_side_by_side_and_what_becomes_of_it(cli: Cli, two: Workspace, tmp_path: Path) -> None:
    lines = "/system Be brief.\nWhat is\\\nthis?\n/vote 2\n/set temperature 0\n/regenerate 1\n/vote tie\n"
    lines += "/vote 1\n/export /nowhere/x.jsonl\n/vote \u00b2\n/trim \u00b2\n"
    lines += "/nonsense\n/vote 7\n/set colour 3\n/set top_p 9\n/trim 5\n"
    lines += "/export won.jsonl\n/quit\nnever asked\n"
    done = chat(two, tmp_path, lines, "one", "two@q4_0", "--max-new-tokens", "8", "--json")
    assert done.returncode == 0, done.stderr
    talk = json.loads(done.stdout)
    assert [pane["quantisation"] for pane in talk["panes"]] == ["q8_0", "q4_0"]
    assert all(Path(pane["file"]).is_file() and pane["sha256"] for pane in talk["panes"])
    (turn,) = talk["turns"]
    assert turn["prompt"] == "What is\nthis?"
    assert set(turn["answers"]) == {"0", "1"}
    assert turn["answers"]["0"]["sampling"]["temperature"] == 0
    assert turn["vote"] == 0
    for said in (
        "no folder /nowhere",
        "'\u00b2' is no pane",
        "/nonsense",
        "no answer 7",
        "no setting 'colour'",
        "cannot be set",
        "5 turns cannot be left out",
    ):
        assert said in done.stderr
    imported = cli("dataset", "import", tmp_path / "won.jsonl", "--name", "won", "--json")
    assert imported.json["examples"] == 1

    again = chat(two, tmp_path, "And that?\n", "--continue", talk["id"], "--json")
    assert len(json.loads(again.stdout)["turns"]) == 2
    listed = cli("chat", "--list", "--json")
    assert [(row["id"], row["turns"]) for row in listed.json] == [(talk["id"], 2)]
    assert cli("chat", "--continue", talk["id"], "--dataset-export", "won.jsonl").status == 1
    assert cli("chat", "--verdicts", tmp_path / "votes.csv", "--json").json["verdicts"] == 1
    ranked = cli("rank", "--verdicts", tmp_path / "votes.csv", "--json")
    assert {row["name"] for row in ranked.json["contestants"]} == {"one", "two@q4_0"}
    assert cli("chat", "--verdicts", tmp_path / "votes.csv").status == 1  # it exists
    smaller = cli("export", "one", tmp_path / "other.gguf", "--as", "gguf", "--quant", "q4_0")
    assert smaller.status == 0, smaller.stderr
    gone_on = chat(two, tmp_path, "And now?\n", "--continue", talk["id"], "--json")
    assert [pane["sha256"] for pane in json.loads(gone_on.stdout)["panes"]] == [
        pane["sha256"] for pane in talk["panes"]
    ]
    other = chat(two, tmp_path, "x\n", "two", "--continue", talk["id"])
    assert other.returncode == 1
    assert "was held with one, two@q4_0" in other.stderr


def test_models_behind_endpoints_need_a_budget(two: Workspace, tmp_path: Path) -> None:
    with FakeOpenAI() as fake:
        access = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": fake.base_url}
        refused = chat(two, tmp_path, "Hello\n", "openai:gpt-4o", **access)
        assert refused.returncode == 1
        assert "--budget-usd" in refused.stderr
        assert not fake.usage.requests
        done = chat(two, tmp_path, "Hello\n", "openai:gpt-4o", "--budget-usd", "1", **access)
        assert done.returncode == 0, done.stderr
        assert "USD" in done.stdout
        assert fake.usage.requests == 1


def test_who_cannot_be_talked_with_is_refused(cli: Cli, two: Workspace) -> None:
    for words, status, said in (
        ((), 2, "Nobody is named"),
        (("three",), 1, "no model named 'three'"),
        (("dataset",), 1, "no model to talk with"),
        (("untuned:one",), 1, "no model to talk with"),
        (("one@q9",), 1, "q9"),
        (("--continue", "x"), 1, "no conversation 'x'"),
        (("one", "--dataset-export", "f"), 2, "needs --continue"),
        (("one", "--temperature", "9"), 2, "temperature"),
        (("one", "--max-new-tokens", "0"), 2, "1 or more"),
    ):
        failed = cli("chat", *words)
        assert (failed.status, said in failed.stderr) == (status, True), failed.stderr
        assert "Traceback" not in failed.stderr
