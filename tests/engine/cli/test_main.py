"""The rules of every command: exit status, one JSON document, the shape of errors, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.jobs.client import JobClient
from engine.models.spec import ModelAddSpec
from engine.workspace import Workspace
from tests.conftest import Cli, clean_environment
from tests.engine.jobs.helpers import wait_for, workers, write_rows


def _is_the_error_shape(document: object) -> bool:
    return (
        isinstance(document, dict)
        and list(document) == ["error"]
        and {"code", "title", "message", "fix", "file", "row"} <= set(document["error"])
    )


def test_help_and_version_succeed(cli: Cli) -> None:
    ran = cli("--help")
    assert ran.status == 0
    for command in (
        "dataset",
        "model",
        "train",
        "merge",
        "generate",
        "judge",
        "rank",
        "study",
        "job",
        "doctor",
    ):
        assert f"    {command} " in ran.stdout
    assert cli("--version").stdout.startswith("bakeoff ")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("job",),
        ("job", "show"),
        ("rank",),
        ("rank", "--verdicts", "a.csv", "--dataset", "d"),
        ("rank", "--verdicts", "a.csv", "--interval", "magic"),
        ("dataset", "import"),
        ("dataset", "list", "--surplus"),
        ("--js", "dataset", "list"),
    ],
)
def test_wrong_usage_is_status_2_and_one_sentence(cli: Cli, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments)
    assert ran.status == 2
    assert ran.stdout == ""
    assert len(ran.stderr.strip().splitlines()) == 1
    assert "--help" in ran.stderr


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_json_and_workspace_go_before_and_after(cli: Cli, tmp_path: Path, place: str) -> None:
    common = ("--json", "--workspace", str(tmp_path / "other"))
    words = {
        "before": (*common, "dataset", "list"),
        "between": ("dataset", *common, "list"),
        "after": ("dataset", "list", *common),
    }[place]
    ran = cli(*words)
    assert (ran.status, ran.json) == (0, [])
    assert (tmp_path / "other" / "workspace.json").exists()


def test_a_failure_is_status_1_with_a_sentence_and_no_traceback(cli: Cli) -> None:
    ran = cli("model", "show", "nobody")
    assert ran.status == 1
    assert ran.stdout == ""
    assert ran.stderr.strip() == "There is no model named 'nobody'. There is no model in this workspace yet."


def test_a_failure_in_json_is_one_document_on_stdout(cli: Cli) -> None:
    ran = cli("model", "show", "nobody", "--json")
    assert ran.status == 1
    assert _is_the_error_shape(ran.json)
    assert ran.json["error"]["code"] == "model.unknown"
    assert "Traceback" not in ran.stderr


def test_wrong_usage_in_json_is_one_document_too(cli: Cli) -> None:
    ran = cli("--json", "rank")
    assert ran.status == 2
    assert _is_the_error_shape(ran.json)


def test_debug_shows_the_traceback(cli: Cli) -> None:
    ran = cli("model", "show", "nobody", "--debug")
    assert ran.status == 1
    assert "Traceback" in ran.stderr


def test_a_value_that_a_spec_refuses_is_wrong_usage(cli: Cli, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.jsonl", 5)
    ran = cli("dataset", "import", file, "--test-share", "1.5", "--json")
    assert ran.status == 2
    assert ran.json["error"]["code"] == "usage.value"
    assert "test-share" in ran.json["error"]["message"]


@pytest.mark.parametrize("folder", ["file", "occupied"])
def test_a_folder_that_cannot_be_a_workspace_is_told(cli: Cli, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied" / "mine.txt").write_text("x")
    ran = cli("dataset", "list", "--workspace", tmp_path / folder, "--json")
    assert ran.status == 1
    assert ran.json["error"]["code"].startswith("workspace.")
    assert ran.json["error"]["file"] == str(tmp_path / folder)


def test_a_mistake_of_ours_is_told_without_a_traceback(cli: Cli, workspace: Workspace) -> None:
    job = JobClient(workspace).submit("model_add", ModelAddSpec(source="/x", name="x"), "Add x")
    (job.path / "result.json").write_text("[]")  # nobody writes that
    ran = cli("job", "show", job.id, "--json")
    assert ran.status == 1
    assert ran.json["error"]["code"] == "internal"
    assert "--debug" in ran.json["error"]["fix"]
    assert "Traceback" not in ran.stderr


def test_with_debug_the_place_is_shown_and_the_document_and_status_stay(cli: Cli) -> None:
    missing = cli("dataset", "show", "nothing", "--json", "--debug")
    assert missing.status == 1
    assert missing.json["error"]["file"] is None
    assert "Traceback" in missing.stderr
    wrong = cli("dataset", "dance", "--json", "--debug")
    assert wrong.status == 2
    assert wrong.json["error"]["code"] == "usage"


def test_a_reader_that_has_seen_enough_is_no_failure(workspace: Workspace, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli.main", "dataset", "list", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(workspace.root, tmp_path),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(60) == 0, errors
    assert errors == b""


@pytest.mark.skipif(os.name != "posix", reason="interrupts by signal")
def test_an_interrupted_command_parks_its_job_and_the_same_words_continue(
    cli: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "rows.jsonl", 25_000)
    words = ["dataset", "import", str(file), "--name", "rows", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(workspace.root, tmp_path),
        text=True,
    )
    wait_for(lambda: workers(workspace))
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=90)
    assert process.returncode == 130, errors
    assert json.loads(output)["error"]["code"] == "interrupted"
    assert "nothing is lost" in errors
    (job,) = cli("job", "list", "--json").json
    assert job["state"] == "paused"

    ran = cli(*words)
    assert ran.status == 0, ran.stderr
    assert ran.json["examples"] == 25_000
    (again,) = cli("job", "list", "--json").json
    assert (again["id"], again["state"]) == (job["id"], "done")
