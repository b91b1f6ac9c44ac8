"""``bakeoff workspace copy``: a copy works by itself, and nothing that was going on goes on twice."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.jobs.client import JobClient
from engine.jobs.directory import all_jobs
from engine.workspace import Workspace, open_workspace
from tests.conftest import Cli, end_processes_of
from tests.engine.jobs.helpers import submit_import, wait_for, write_rows
from tests.here import add_model, import_rows
from tests.tiny import tiny_model


def test_a_copy_works_when_the_original_is_gone(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    import_rows(workspace, [{"prompt": f"q {n}", "completion": "a"} for n in range(40)], "rows")
    add_model(workspace, tiny_model(tmp_path / "tiny"), "tiny")
    copied = cli("workspace", "copy", tmp_path / "a copy", "--json")
    assert copied.status == 0, copied.stderr
    assert copied.json["outside"] == ["tiny"]
    end_processes_of(workspace.root)
    shutil.rmtree(workspace.root)

    there = ("--workspace", tmp_path / "a copy")
    assert [row["name"] for row in cli("dataset", "list", "--json", *there).json] == ["rows"]
    shown = cli("dataset", "preview", "rows", "--model", "tiny", "--json", *there)
    assert shown.status == 0, shown.stderr
    assert shown.json["tokens"]
    assert [job["state"] for job in cli("job", "list", "--json", *there).json] == ["done", "done"]


def test_what_is_running_is_paused_in_the_copy_and_goes_on_in_the_original(
    cli: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    client = JobClient(workspace)
    job = submit_import(client, write_rows(tmp_path / "rows.jsonl", 400_000), "rows")
    client.ensure_runner()
    wait_for(lambda: job.status().progress)
    assert cli("workspace", "copy", tmp_path / "copy").status == 0
    assert job.status().state == "running"
    copy = open_workspace(tmp_path / "copy")
    (copied,) = all_jobs(copy.jobs)
    assert copied.status().state == "paused"
    assert not list(copy.root.rglob("*.partial"))
    assert not (copy.root / "runner.lock").exists()
    job.ask("stop")


def test_a_target_that_is_in_use_or_inside_is_refused(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/letter.txt").write_text("Dear mum", encoding="utf-8")
    for target, code in (
        (tmp_path / "taken", "file.exists"),
        (workspace.root / "inside", "workspace.copy_inside"),
    ):
        refused = cli("workspace", "copy", target, "--json")
        assert refused.status == 1
        assert refused.json["error"]["code"] == code
    assert (tmp_path / "taken/letter.txt").exists()
    assert not (workspace.root / "inside").exists()
