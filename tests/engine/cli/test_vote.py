"""``bakeoff vote``: piped answers, resumed, undone, killed, ranked, and compared with another judge."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.datasets.library import open_dataset
from engine.judging.ledger import CatalogueLedger
from engine.workspace import Workspace
from engine.workspace.tables import ApiOutput, Contestant
from tests.conftest import Cli, clean_environment

WORDS = ("vote", "--dataset", "d", "--contestants", "lab:good,lab:bad")
COUNT = 8
#: On these prompts both answer the same.
SAME = 2


@pytest.fixture
def asked(cli_here: Cli, workspace: Workspace, tmp_path: Path) -> Cli:
    """A dataset ``d`` with 8 test prompts that two contestants have answered, one of them rightly."""
    lines = [
        json.dumps({"prompt": f"Is {number} even?", "completion": "yes", "split": "test"})
        for number in range(COUNT)
    ]
    lines += [
        json.dumps({"prompt": f"Was {number} odd?", "completion": "no", "split": "train"})
        for number in range(4)
    ]
    (tmp_path / "d.jsonl").write_text("\n".join(lines))
    assert cli_here("dataset", "import", "d.jsonl").status == 0
    dataset = open_dataset(workspace, "d", "generate")
    with workspace.catalogue.writing() as session:
        for model in ("good", "bad"):
            session.add(
                Contestant(
                    id=model, name=f"lab:{model}", entrant=f"lab:{model}", dataset_id=dataset.id, identity={}
                )
            )
            session.flush()
            for number, example in enumerate(dataset.store.examples("test")):
                session.add(
                    ApiOutput(
                        contestant_id=model,
                        prompt_id=example.prompt_id,
                        text="yes" if model == "good" or number < SAME else "no\x1b[2J",
                        stop="stop",
                        tokens=1,
                        seconds=0.1,
                        cost_usd=0.0,
                        snapshot=model,
                    )
                )
    return cli_here


def test_votes_from_a_pipe_are_counted_and_ranked(asked: Cli) -> None:
    ran = asked(*WORDS, "--json", input="1\n1\nt\ns\n2\nu\nwhat\n2\nq\n")
    assert ran.status == 0, ran.stderr
    assert ran.json == {
        "dataset": "d",
        "split": "test",
        "judge": "human",
        "votes": 4,
        "ties": 1,
        "skipped": 1,
        "identical": ran.json["identical"],
        "known": 0,
        "left": COUNT - ran.json["identical"] - 4,
    }
    assert "'what' is none of these." in ran.stderr
    assert "Is " in ran.stderr
    assert "lab:" not in ran.stderr.replace("lab:good,lab:bad", "")
    assert "\x1b" not in ran.stderr
    # What is left is asked when the same command runs again; the end of the input ends it too.
    again = asked(*WORDS, input="1\n1\n1\n1\n1\n1\n")
    assert again.status == 0, again.stderr
    assert again.stdout.startswith("2 votes, 0 of them ties; 0 pairs are left.")
    assert "bakeoff rank --dataset d --judge human" in again.stdout
    for judge in ((), ("--judge", "human")):
        ranked = asked("rank", "--dataset", "d", *judge, "--json").json
        assert (ranked["comparisons"], ranked["interval"]) == (COUNT, "cluster")
        assert {row["ties"] for row in ranked["contestants"]} == {SAME + 1}


def test_the_names_are_told_where_one_wants_them(asked: Cli) -> None:
    ran = asked(*WORDS, "--reveal", "--max-comparisons", "5", input="1\n" * 9)
    assert ran.stderr.count("lab:good") == ran.stderr.count("lab:bad") == ran.stderr.count("Answer 1 was") > 0


def test_people_and_a_judge_are_compared(asked: Cli) -> None:
    refused = asked(*WORDS, "--compare", "reference", "--json", input="1\n")
    assert (refused.status, refused.json["error"]["code"]) == (1, "vote.no_verdicts")
    assert asked("judge", *WORDS[1:], "--metric", "label").status == 0
    empty = asked("vote", "--dataset", "d", "--compare", "reference")
    assert empty.stdout.strip() == "There is no pair yet that both human and reference have judged."
    # A person who always takes the first answer; which that is, chance has decided.
    ran = asked(*WORDS, "--compare", "reference", "--reveal", "--json", input="1\n" * COUNT)
    found = ran.json["agreement"]
    right = ran.stderr.count("Answer 1 was lab:good") / (COUNT - SAME)
    assert (found["judges"], found["pairs"]) == (["human", "reference"], COUNT - SAME)
    assert found["agreement"] == pytest.approx(right)
    assert found["kappa"] == pytest.approx(2 * right - 1)
    assert found["kappa_lo"] <= found["kappa"] <= found["kappa_hi"]
    told = asked("vote", "--dataset", "d", "--compare", "reference")
    assert f"agree on {right:.0%} of {COUNT - SAME} pairs" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("--contestants", "lab:good"), 2, "usage.value"),
        (("--contestants", "lab:good,lab:new"), 1, "contestant.no_answers"),
        ((), 2, "usage.vote"),
        (("--contestants", "lab:good,lab:bad", "--voter", "a:b"), 1, "name.unusable"),
        (("--contestants", "lab:good,lab:bad", "--goal", "fun"), 1, "judging.goal"),
    ],
)
def test_wrong_words_are_refused_in_one_sentence(
    asked: Cli, arguments: tuple[str, ...], status: int, code: str
) -> None:
    ran = asked("vote", "--dataset", "d", *arguments, "--json", input="1\n")
    assert (ran.status, ran.json["error"]["code"]) == (status, code)


def test_a_judge_called_human_is_nobody_to_ask(asked: Cli) -> None:
    for judge in ("human", "human:Anna"):
        ran = asked("judge", *WORDS[1:], "--judge", judge, "--json", "--budget-usd", "1")
        assert (ran.status, ran.json["error"]["code"]) == (1, "judging.human")
    ran = asked("endpoint", "add", "human", "--base-url", "http://127.0.0.1:9/v1", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "endpoint.reserved")


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_what_was_confirmed_survives_any_end(
    asked: Cli, workspace: Workspace, tmp_path: Path, ending: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli.main", *WORDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=tmp_path,
        env=clean_environment(workspace.root, tmp_path),
        bufsize=1,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    confirmed = 0
    process.stdin.write("1\n")
    for line in process.stderr:
        if "Your vote is kept." in line:
            confirmed += 1
            if confirmed == 3:
                break
            process.stdin.write("2\n")
    time.sleep(0.2)
    process.send_signal(ending)
    rest = process.stderr.read()
    assert process.wait(30) == (130 if ending == signal.SIGINT else -ending)
    process.stdin.close()
    process.stderr.close()
    assert ("nothing is lost" in rest) == (ending == signal.SIGINT)
    dataset = open_dataset(workspace, "d", "judge")
    kept = CatalogueLedger(workspace.catalogue, dataset.id, "test").all("human")
    assert [verdict.winner for verdict in kept if verdict.seconds > 0] == ["a", "b", "b"]
    ran = asked(*WORDS, "--json", input="t\n" * COUNT)
    assert (ran.json["votes"], ran.json["known"], ran.json["left"]) == (COUNT - SAME - 3, 3, 0)
