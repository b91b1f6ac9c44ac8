"""A study with a paid judge: refused before it trains in vain, and never past its budget, whatever that is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.studies.paid import spent_usd
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.engine.studies.test_loop import write_study
from tests.fake_openai import FakeOpenAI

JUDGE = {"judge": "openai:gpt-4o"}


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    running = FakeOpenAI().start()
    yield running
    running.stop()


def test_without_a_key_nothing_is_started(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    file = write_study(tmp_path, judging=JUDGE, budget_usd=1.0)
    refused = cli("study", "run", file, "--json")
    assert refused.status == 1
    assert "key" in refused.json["error"]["message"].lower()
    assert not list(workspace.jobs.iterdir())


def test_a_reference_that_is_no_model_is_refused_before_anything_is_trained(
    cli: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    refused = cli("study", "run", write_study(tmp_path, references=["untuned:nosuch"]), "--json")
    assert refused.json["error"]["code"] == "study.no_model"
    assert not list(workspace.jobs.iterdir())


@pytest.mark.timeout(900)
def test_where_the_budget_ends_the_report_says_so_and_more_money_goes_on(
    cli_here: Cli, workspace: Workspace, tmp_path: Path, server: FakeOpenAI
) -> None:
    key = {"OPENAI_API_KEY": "sk-test-0123456789", "OPENAI_BASE_URL": server.base_url}
    file = write_study(tmp_path, judging=JUDGE, budget_usd=0.001, merging=None)
    poor = cli_here("study", "run", file, "--json", environment=key, timeout=600)
    assert poor.status == 0, poor.stderr
    assert any("budget ended" in sentence for sentence in poor.json["cautions"])
    assert spent_usd(workspace, "small") == poor.json["cost_usd"] <= 0.001
    assert (workspace.root / poor.json["report"]).exists()

    trained = [job.name for job in workspace.jobs.iterdir() if ".train-" in job.name]
    rich = cli_here("study", "run", file, "--budget-usd", "1", "--json", environment=key, timeout=600)
    assert rich.status == 0, rich.stderr
    assert poor.json["cost_usd"] < rich.json["cost_usd"] <= 1
    assert rich.json["winner"] is not None
    assert rich.json["validation"]["verdict"] != "not judged"
    assert not any("budget ended" in sentence for sentence in rich.json["cautions"])
    assert set(trained) <= {job.name for job in workspace.jobs.iterdir()}


@pytest.mark.timeout(900)
def test_references_answer_even_where_the_budget_is_below_the_forecast(
    cli_here: Cli, workspace: Workspace, tmp_path: Path, server: FakeOpenAI
) -> None:
    """What a call can cost at most is many times the usual; a reference without answers could not be judged."""
    key = {"OPENAI_API_KEY": "sk-test-0123456789", "OPENAI_BASE_URL": server.base_url}
    task = {
        "dataset": "colours",
        "metric": "label",
        "limits": {"train": 8, "dev": 2, "test": 6},
        "source": {"files": [{"path": "colours.jsonl"}]},
    }
    changes = {"bases": [{"name": "one", "source": "base0"}], "tasks": [task], "references": ["openai:gpt-4"]}
    file = write_study(tmp_path, judging=JUDGE, budget_usd=0.06, merging=None, **changes)
    done = cli_here("study", "run", file, "--json", environment=key, timeout=600)
    assert done.status == 0, done.stderr
    rows = {row["name"]: row for row in done.json["ranking"]["contestants"]}
    assert rows["openai:gpt-4"]["rating"] is not None
    assert not any("answers" in sentence for sentence in done.json["cautions"] if "budget ended" in sentence)
    assert done.json["cost_usd"] <= 0.06
