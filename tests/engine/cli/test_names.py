"""Two who want one name: the second is refused while the first is at work, and each is told its own name."""

from __future__ import annotations

from pathlib import Path

from engine.jobs.client import JobClient
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.engine.jobs.helpers import submit_import, wait_for, write_rows
from tests.tiny import tiny_model


def test_a_name_that_a_job_at_work_will_give_is_refused(
    cli: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    client = JobClient(workspace)
    job = submit_import(client, write_rows(tmp_path / "long.jsonl", 900_000), "same")
    client.ensure_runner()
    wait_for(lambda: job.status().progress)
    write_rows(tmp_path / "other.jsonl", 40)
    refused = cli("dataset", "import", "other.jsonl", "--name", "same", "--json")
    assert refused.status == 1
    assert refused.json["error"]["code"] == "name.claimed"
    assert job.id in refused.json["error"]["fix"]
    tiny_model(tmp_path / "tiny")
    added = cli("model", "add", "tiny", "--name", "same", "--detach")  # a model is no dataset
    assert added.status == 0, added.stderr
    client.ask(job, "stop")
    wait_for(lambda: job.status().state == "stopped")
    assert cli("dataset", "import", "other.jsonl", "--name", "same").status == 0


def test_whoever_was_slower_is_told_the_name_that_was_free(workspace: Workspace, tmp_path: Path) -> None:
    client = JobClient(workspace)
    first, second = (
        submit_import(client, write_rows(tmp_path / f"{seed}.jsonl", 5, seed), "same") for seed in (1, 2)
    )
    client.ensure_runner()
    names = [client.wait(job)["name"] for job in (first, second)]
    assert names == ["same", "same-2"]


def test_words_that_are_no_assignment_are_wrong_usage(cli_here: Cli, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 5)
    wrong = cli_here("dataset", "import", "rows.jsonl", "--map", "prompt", "--json")
    assert wrong.status == 2
    assert "ROLE=COLUMN" in wrong.json["error"]["fix"]
