"""``bakeoff judge``: free and paid, planned, budgeted, and refused before anything starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.datasets.library import open_dataset
from engine.workspace import Workspace
from engine.workspace.tables import ApiOutput, Contestant
from tests.conftest import Cli
from tests.fake_openai import FakeOpenAI, Truth

_KEY = "sk-test-0123456789abcdef"
_LAB = {"LAB_API_KEY": _KEY}


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    """Judges "yes" the better answer, always."""
    with FakeOpenAI(Truth(key=_KEY, certain=True, strengths={"yes": 1.0})) as fake:
        yield fake


@pytest.fixture
def asked(cli_here: Cli, workspace: Workspace, tmp_path: Path, server: FakeOpenAI) -> Cli:
    """A dataset ``d`` and the endpoint ``lab``; two of its models have answered 8 test prompts."""
    lines = [
        json.dumps(
            {"prompt": f"Is {number} even?", "completion": "yes" if number % 2 else "no", "split": "test"}
        )
        for number in range(12)
    ]
    lines += [line.replace("Is", "Was").replace('"test"', '"train"') for line in lines]
    (tmp_path / "d.jsonl").write_text("\n".join(lines))
    assert cli_here("dataset", "import", "d.jsonl").status == 0
    assert cli_here("endpoint", "add", "lab", "--base-url", server.base_url).status == 0
    dataset = open_dataset(workspace, "d", "generate")
    with workspace.catalogue.writing() as session:
        for model in ("gpt-4o", "gpt-4"):
            session.add(
                Contestant(
                    id=model, name=f"lab:{model}", entrant=f"lab:{model}", dataset_id=dataset.id, identity={}
                )
            )
            session.flush()
            for number, example in enumerate(dataset.store.examples("test", limit=8)):
                session.add(
                    ApiOutput(
                        contestant_id=model,
                        prompt_id=example.prompt_id,
                        text="yes" if model == "gpt-4o" or number % 3 else "no",
                        stop="stop",
                        tokens=1,
                        seconds=0.1,
                        cost_usd=0.0,
                        snapshot=model,
                    )
                )
    return cli_here


def test_the_reference_judge_is_free_and_its_verdicts_can_be_ranked(asked: Cli) -> None:
    words = ("judge", "--dataset", "d", "--contestants", "lab:gpt-4o,lab:gpt-4", "--json")
    planned = asked(*words, "--dry-run").json
    assert (planned["comparisons"], planned["most_usd"]) == (8, 0.0)
    assert asked("rank", "--dataset", "d").status == 1
    ran = asked(*words)
    assert ran.status == 0, ran.stderr
    assert {
        "comparisons",
        "calls",
        "cached",
        "ties",
        "failed",
        "swap_consistency",
        "cost_usd",
        "stopped",
    } <= set(ran.json)
    assert (ran.json["comparisons"], ran.json["cost_usd"], ran.json["stopped"]) == (8, 0.0, "done")
    assert "bakeoff rank --dataset d --judge reference" in asked(*words[:-1]).stdout
    ranked = asked("rank", "--dataset", "d", "--json").json
    assert (ranked["comparisons"], ranked["prompts"]) == (8, 8)
    # Their answers differ on prompts 0, 3 and 6, where "no" is right for the even ones.
    results = {row["name"]: (row["wins"], row["ties"], row["losses"]) for row in ranked["contestants"]}
    assert results == {"lab:gpt-4": (2, 5, 1), "lab:gpt-4o": (1, 5, 2)}


def test_a_paid_judge_needs_a_budget_and_keeps_it(
    asked: Cli, server: FakeOpenAI, workspace: Workspace
) -> None:
    words = (
        "judge",
        "--dataset",
        "d",
        "--contestants",
        "lab:gpt-4o,lab:gpt-4",
        "--judge",
        "lab:gpt-4o",
        "--json",
    )
    before = len(list(workspace.jobs.iterdir()))
    refused = asked(*words, environment=_LAB)
    assert (refused.status, refused.json["error"]["code"]) == (1, "budget.missing")
    assert len(list(workspace.jobs.iterdir())) == before

    plan = asked(*words, "--dry-run").json  # needs no key
    assert (plan["comparisons"], plan["identical"], plan["calls"]) == (8, 5, 6)
    assert 0 < plan["expected_usd"] <= plan["most_usd"]

    ran = asked(*words, "--budget-usd", "1", environment=_LAB)
    assert ran.status == 0, ran.stderr
    assert (ran.json["comparisons"], ran.json["failed"]) == (8, 0)
    assert (ran.json["calls"], ran.json["ties"], ran.json["swap_consistency"]) == (6, 5, 1.0)
    ranked = asked("rank", "--dataset", "d", "--judge", "lab:gpt-4o", "--json").json
    assert (ranked["contestants"][0]["name"], ranked["contestants"][0]["wins"]) == ("lab:gpt-4o", 3)
    assert 0 < ran.json["cost_usd"] <= plan["most_usd"]
    again = asked(*words, "--budget-usd", "1", environment=_LAB)
    assert (again.json["calls"], again.json["cached"], again.json["cost_usd"]) == (0, plan["calls"], 0.0)
    # The job's folder and the catalogue know the endpoint, never the key.
    content = b"".join(path.read_bytes() for path in workspace.root.rglob("*") if path.is_file())
    assert _KEY.encode() not in content


def test_a_wrong_request_is_told_before_a_job_begins(asked: Cli, workspace: Workspace) -> None:
    both = "lab:gpt-4o,lab:gpt-4"
    jobs = len(list(workspace.jobs.iterdir()))
    for arguments, status, code in (
        (("--contestants", "lab:gpt-4o,nobody"), 1, "contestant.no_answers"),
        (("--contestants", both, "--judge", "nonsense"), 1, "judging.judge"),
        (("--contestants", both, "--judge", "elsewhere:m"), 1, "endpoint.unknown"),
        (("--contestants", both, "--judge", "lab:mystery"), 1, "price.unknown"),
        (("--contestants", "lab:gpt-4o"), 2, "usage.value"),
        (("--contestants", both, "--max-comparisons", "0"), 2, "usage.value"),
    ):
        ran = asked("judge", "--dataset", "d", *arguments, "--budget-usd", "1", "--json")
        assert (ran.status, ran.json["error"]["code"]) == (status, code)
    assert len(list(workspace.jobs.iterdir())) == jobs


def test_a_wrong_key_and_no_network_leave_the_workspace_as_it_was(asked: Cli, workspace: Workspace) -> None:
    wrong = {"LAB_API_KEY": "sk-wrong-0123456789abcdef"}
    before = sorted(path.name for path in workspace.jobs.iterdir())
    for words in (
        ("judge", "--contestants", "lab:gpt-4o,lab:gpt-4", "--judge", "lab:gpt-4o"),
        ("generate", "--model", "lab:gpt-4-turbo"),
    ):
        refused = asked(*words, "--dataset", "d", "--budget-usd", "1", "--json", environment=wrong)
        assert refused.status != 0
        assert "key" in refused.json["error"]["message"]
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_DISABLE_XET": "1"}
    refused = asked("model", "add", "owner/model", "--json", environment=offline, timeout=120)
    assert (refused.status, refused.json["error"]["code"]) == (1, "hub.unreachable")
    assert sorted(path.name for path in workspace.jobs.iterdir()) == before
