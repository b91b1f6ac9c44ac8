"""`bakeoff train` before anything is trained: the plan, and what is refused."""

from __future__ import annotations

from pathlib import Path

from engine.workspace import Workspace
from tests.conftest import Cli
from tests.engine.training.test_run import prepare, train
from tests.here import import_rows

TRAIN = ("train", "--base", "base", "--dataset", "data", "--json")


def test_the_plan_tells_what_is_chosen(cli_here: Cli, workspace: Workspace, tmp_path: Path) -> None:
    rows = [
        {"prompt": "word " * (200 if n == 3 else 1), "completion": "yes", "split": "train"} for n in range(40)
    ]
    prepare(workspace, tmp_path, rows)
    plan = cli_here(*TRAIN, "--dry-run").json
    chosen = {decision["subject"]: decision for decision in plan["decisions"]}
    assert chosen["max_length"]["choice"] == 512  # the tiny model's context
    assert chosen["too_long"]["rows"] == [4]
    assert {"epochs", "evaluation_slice", "device"} <= set(chosen)
    shown = cli_here(*TRAIN[:-1], "--dry-run").stdout
    assert "max_length: 512" in shown


def test_an_adapter_is_refused_before_there_is_a_job(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    prepare(workspace, tmp_path)
    train(workspace, "tuned", epochs=1)
    before = sorted(path.name for path in workspace.jobs.iterdir())
    for dry in ((), ("--dry-run",)):
        refused = cli_here("train", "--base", "tuned", "--dataset", "data", "--json", *dry)
        assert refused.json["error"]["code"] == "training.base_is_adapter"
    assert sorted(path.name for path in workspace.jobs.iterdir()) == before


def test_a_training_that_its_examples_do_not_allow_leaves_no_job(
    cli_here: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    prepare(workspace, tmp_path)
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Look {number}"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
            ]
        }
        for number in range(20)
    ]
    import_rows(workspace, rows, "calls")
    before = sorted(path.name for path in workspace.jobs.iterdir())
    refused = cli_here("train", "--base", "base", "--dataset", "calls", "--json")
    assert refused.status != 0
    assert "tool calls" in refused.json["error"]["message"]
    assert sorted(path.name for path in workspace.jobs.iterdir()) == before
