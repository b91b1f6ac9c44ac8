"""``bakeoff job``: seeing and steering the background work."""

from __future__ import annotations

from pathlib import Path

from engine.jobs.client import JobClient
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.engine.jobs.helpers import submit_import, wait_for, write_rows
from tests.tiny import tiny_model


def test_without_jobs_the_list_is_empty(cli: Cli) -> None:
    assert cli("job", "list", "--json").json == []
    assert cli("job", "list").stdout == "No jobs yet.\n"


def test_a_detached_job_is_seen_through_to_its_end(cli: Cli, tmp_path: Path) -> None:
    tiny_model(tmp_path / "tiny")
    started = cli("model", "add", "tiny", "--detach", "--json").json
    assert started["state"] in ("queued", "running")

    wait_for(lambda: cli("job", "show", started["job"], "--json").json["state"] == "done", every=0.2)
    shown = cli("job", "show", started["job"][-6:], "--json").json
    assert shown["kind"] == "model_add"
    assert shown["spec"]["name"] == "tiny"
    assert shown["summary"]["architecture"] == "LlamaForCausalLM"
    assert [decision["subject"] for decision in shown["decisions"]] == ["copy"]
    text = cli("job", "show", started["job"]).stdout
    assert "state: done" in text
    assert "decided: copy: none" in text

    (listed,) = cli("job", "list", "--json").json
    assert (listed["id"], listed["title"], listed["state"]) == (started["job"], "Add tiny", "done")
    assert "Add tiny" in cli("job", "list").stdout
    assert cli("job", "logs", started["job"], "--json").json["log"] == ""


def test_a_failed_job_shows_its_error_and_its_log(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    client = JobClient(workspace)
    job = submit_import(client, tmp_path / "empty.jsonl", "empty")
    client.ensure_runner()
    wait_for(lambda: job.status().state == "failed")
    shown = cli("job", "show", job.id, "--json").json
    assert shown["error"]["code"] == "dataset.empty_file"
    assert "error: " in cli("job", "show", job.id).stdout
    assert "empty.jsonl" in cli("job", "list").stdout
    assert "DatasetError" in cli("job", "logs", job.id).stdout


def test_pause_resume_and_stop(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    client = JobClient(workspace)
    job = submit_import(client, write_rows(tmp_path / "rows.jsonl", 200_000), "rows")
    client.ensure_runner()
    wait_for(lambda: job.status().progress)
    assert cli("job", "pause", job.id, "--json").json["state"] == "paused"
    again = cli("job", "pause", job.id, "--json")
    assert (again.status, again.json["state"]) == (0, "paused")
    assert cli("job", "resume", job.id, "--json").json["state"] in ("queued", "running")
    stopped = cli("job", "stop", job.id)
    assert stopped.status == 0
    assert "Import rows: stopped." in stopped.stdout
    refused = cli("job", "pause", job.id, "--json")
    assert refused.status == 1
    assert refused.json["error"]["code"] == "job.not_possible"


def test_a_queued_job_is_stopped_without_ever_running(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    client = JobClient(workspace)
    job = submit_import(client, write_rows(tmp_path / "rows.jsonl", 5), "rows")
    job.ask("stop")
    assert cli("job", "stop", job.id, "--json").json["state"] == "stopped"
    assert list(job.reader().new()) == []


def test_an_unknown_job_is_told(cli: Cli) -> None:
    for action in ("show", "pause", "resume", "stop", "logs"):
        ran = cli("job", action, "nothing", "--json")
        assert ran.status == 1
        assert ran.json["error"]["code"] == "job.unknown"


def test_a_job_that_cannot_be_read_is_listed_with_the_reason(
    cli: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    client = JobClient(workspace)
    file = write_rows(tmp_path / "rows.jsonl", 5)
    whole, newer, damaged = (submit_import(client, file, name) for name in "abc")
    (newer.path / "status.json").write_text('{"protocol": 99}', encoding="utf-8")
    (damaged.path / "spec.json").write_text("[]", encoding="utf-8")
    listed = cli("job", "list", "--json")
    assert listed.status == 0, listed.stderr
    states = {row["id"]: row["state"] for row in listed.json}
    assert states == {whole.id: "queued", newer.id: "unreadable", damaged.id: "unreadable"}
    text = cli("job", "list").stdout
    assert "newer Bakeoff" in text
    assert "damaged" in text
    for job in (newer, damaged):
        shown = cli("job", "show", job.id, "--json")
        assert shown.status == 1
        assert shown.json["error"]["code"] in ("job.newer", "job.unreadable")
