"""``bakeoff dataset``: from a file and back, refusals that leave the workspace as it was, exact tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.conftest import Cli
from tests.here import add_model
from tests.tiny import tiny_model


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "questions.csv"
    rows = [f"What is {number} plus {number * 3}?,{number * 4}" for number in range(50)]
    file.write_text("question,answer\n" + "\n".join(rows) + "\n")
    return file


def _untouched(workspace: Workspace, cli: Cli) -> None:
    assert list(workspace.datasets.iterdir()) == []
    assert list(workspace.jobs.iterdir()) == []
    assert cli("dataset", "list", "--json").json == []


def test_import_show_check_export_remove(cli: Cli, workspace: Workspace, questions: Path) -> None:
    mapping = ("--map", "prompt=question", "--map", "completion=answer")
    ran = cli("dataset", "import", questions, *mapping, "--system", "Add.", "--test-share", "0.4", "--json")
    assert ran.status == 0, ran.stderr
    summary = ran.json
    assert {"name", "examples", "train", "test", "format", "rejected", "duplicates", "warnings"} <= set(
        summary
    )
    assert (summary["name"], summary["examples"], summary["rejected"]) == ("questions", 50, [])
    assert summary["train"] + summary["dev"] + summary["test"] == 50
    assert "decision" not in ran.stdout
    assert "dataset.container" in ran.stderr

    (listed,) = cli("dataset", "list", "--json").json
    assert (listed["name"], listed["test"], listed["sealed"]) == ("questions", summary["test"], False)
    assert "questions" in cli("dataset", "list").stdout
    shown = cli("dataset", "show", "questions", "--json").json
    assert shown["content_sha256"] == summary["content_sha256"]
    assert shown["mapping"] == {"prompt": "question", "completion": "answer"}
    assert "from questions.csv: 50 rows" in cli("dataset", "show", "questions").stdout
    checked = cli("dataset", "check", "questions", "--json").json
    assert (checked["examples"], checked["system"]) == (50, 50)
    assert "questions: 50 examples" in cli("dataset", "check", "questions").stdout

    out = questions.with_name("out.jsonl")
    exported = cli("dataset", "export", "questions", out, "--json")
    assert exported.json["examples"] == 50
    whole = out.read_bytes()
    refused = cli("dataset", "export", "questions", out, "--split", "test", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "dataset.export_exists")
    assert out.read_bytes() == whole
    assert cli("dataset", "export", "questions", out, "--force", "--json").json["examples"] == 50
    first = json.loads(out.read_text().splitlines()[0])
    assert [message["role"] for message in first["messages"]] == ["system", "user", "assistant"]
    again = cli("dataset", "import", out, "--name", "again", "--json").json
    assert again["content_sha256"] == summary["content_sha256"]

    removed = cli("dataset", "remove", "questions", "--json")
    assert removed.json["freed_bytes"] > 0
    assert [row["name"] for row in cli("dataset", "list", "--json").json] == ["again"]
    assert len(list(workspace.datasets.iterdir())) == 1


def test_files_can_be_splits(cli_here: Cli, tmp_path: Path) -> None:
    for name, count in (("a", 12), ("b", 5)):
        lines = [json.dumps({"prompt": f"{name} {number}", "completion": "x"}) for number in range(count)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    ran = cli_here("dataset", "import", "train=a.jsonl", "test=b.jsonl", "--name", "two", "--json")
    assert ran.status == 0, ran.stderr
    assert (ran.json["train"], ran.json["dev"], ran.json["test"]) == (12, 0, 5)


def test_rejected_rows_are_listed_with_number_and_reason(cli_here: Cli, tmp_path: Path) -> None:
    lines = [json.dumps({"prompt": f"p{number}", "completion": "x"}) for number in range(10)]
    lines[3] = '{"prompt": "cut'
    lines[6] = json.dumps({"prompt": "p", "completion": ""})
    (tmp_path / "d.jsonl").write_text("\n".join(lines))
    ran = cli_here("dataset", "import", "d.jsonl", "--json")
    assert ran.status == 0, ran.stderr
    assert [row["row"] for row in ran.json["rejected"]] == [4, 7]
    assert all(row["reason"] for row in ran.json["rejected"])
    text = cli_here("dataset", "import", "d.jsonl", "--name", "again").stdout
    assert "2 rows were left out:" in text
    assert "  row 4: " in text


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        (None, ()),
        (b"", ()),
        (bytes(range(256)) * 20, ()),
        (b'[{"prompt": "a", "completion": "b"}, {"prompt": "c", "comp', ()),
        (b"colour,shape\nred,round\n", ()),
        (b'{"prompt": "a", "completion": "b"}\n', ("--format", "telepathy")),
        (b'{"prompt": "a", "completion": "b"}\n', ("--map", "promt=prompt")),
        (b'{"prompt": "a", "completion": "b"}\n', ("--map", "prompt")),
        (b'{"prompt": "a", "completion": "b"}\n', ("--name", "a/b")),
    ],
    ids=["missing", "empty", "binary", "cut", "no-form", "format", "role", "no-equals", "name"],
)
def test_what_cannot_be_imported_is_one_sentence_and_leaves_the_workspace_as_it_was(
    cli: Cli, workspace: Workspace, tmp_path: Path, content: bytes | None, arguments: tuple[str, ...]
) -> None:
    if content is not None:
        (tmp_path / "d.jsonl").write_bytes(content)
    ran = cli("dataset", "import", "d.jsonl", *arguments)
    assert ran.status in (1, 2)
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    assert ran.stderr.strip().splitlines()[-1].endswith((".", "COLUMN"))
    _untouched(workspace, cli)


def test_a_folder_is_no_file_of_examples(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    ran = cli("dataset", "import", tmp_path, "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "dataset.is_directory")
    _untouched(workspace, cli)


def test_a_taken_name_is_refused_before_anything_starts(
    cli_here: Cli, workspace: Workspace, questions: Path
) -> None:
    mapping = ("--map", "prompt=question", "--map", "completion=answer")
    cli_here("dataset", "import", questions, *mapping)
    jobs = list(workspace.jobs.iterdir())
    ran = cli_here("dataset", "import", questions, *mapping, "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "name.taken")
    assert list(workspace.jobs.iterdir()) == jobs


def test_a_sealed_dataset_is_counted_but_not_shown(cli_here: Cli, questions: Path) -> None:
    mapping = ("--map", "prompt=question", "--map", "completion=answer")
    sealed = cli_here("dataset", "import", questions, *mapping, "--sealed", "--json").json
    assert sealed["sealed"] is True
    assert cli_here("dataset", "list", "--json").json[0]["sealed"] is True
    assert ", sealed" in cli_here("dataset", "show", "questions").stdout
    for words in (("preview", "questions"), ("check", "questions"), ("export", "questions", "x.jsonl")):
        ran = cli_here("dataset", *words, "--json")
        assert (ran.status, ran.json["error"]["code"]) == (1, "dataset.sealed")


def test_preview_shows_the_exact_tokens_and_which_are_trained(
    cli_here: Cli, workspace: Workspace, questions: Path, tmp_path: Path
) -> None:
    mapping = ("--map", "prompt=question", "--map", "completion=answer")
    cli_here("dataset", "import", questions, *mapping, "--system", "Add.")
    nobody = cli_here("dataset", "preview", "questions", "--json")
    assert (nobody.status, nobody.json["error"]["code"]) == (1, "preview.model")
    add_model(workspace, tiny_model(tmp_path / "tiny", context=40), "tiny")

    ran = cli_here("dataset", "preview", "questions", "--row", "3", "--json")
    assert ran.status == 0, ran.stderr
    tokens = ran.json["tokens"]
    assert all(set(token) == {"id", "text", "trained"} for token in tokens)
    text = "".join(token["text"] for token in tokens)
    assert text == (
        "<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\nWhat is 2 plus 6?<|im_end|>\n"
        "<|im_start|>assistant\n8<|im_end|>"
    )
    assert [token["text"] for token in tokens if token["trained"]] == ["8", "<|im_end|>"]
    assert any("made for 40" in warning for warning in ran.json["warnings"])
    assert (
        cli_here("dataset", "preview", "questions", "--row", "999", "--json").json["error"]["code"]
        == "dataset.no_row"
    )

    add_model(workspace, tiny_model(tmp_path / "second", seed=1), "second")
    several = cli_here("dataset", "preview", "questions", "--json")
    assert several.json["error"]["code"] == "preview.model"
    assert "second, tiny" in several.json["error"]["message"]
    shown = cli_here("dataset", "preview", "questions", "--row", "3", "--model", "second").stdout
    assert "⟶8<|im_end|>⟵" in shown


def test_unknown_datasets_are_told(cli_here: Cli) -> None:
    for words in (("show", "x"), ("check", "x"), ("remove", "x"), ("preview", "x"), ("export", "x", "y.csv")):
        ran = cli_here("dataset", *words, "--json")
        assert (ran.status, ran.json["error"]["code"]) == (1, "dataset.unknown")
