"""The whole loop, from files to a report, on tiny models in real processes; killed in the middle."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from engine.jobs.directory import all_jobs
from engine.models.library import find_model
from engine.progress import SilentReporter
from engine.studies.release.evidence import find_evidence
from engine.workspace import Workspace
from tests.conftest import Cli, clean_environment, end_processes_of
from tests.tiny import tiny_model
from tests.tiny_families import exportable_model


def write_study(folder: Path, *, exportable: bool = False, **changes: object) -> Path:
    """A small study with its models and data beside it."""
    chance = random.Random(11)
    for number in range(2):
        make = exportable_model if exportable else tiny_model
        make(folder / f"base{number}", seed=number)
    for name in ("colours", "sealed"):
        rows = [
            {
                "prompt": f"{name} {n}: {chance.random():.6f}",
                "completion": chance.choice(["red", "green", "blue"]),
            }
            for n in range(40)
        ]
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )
    study = {
        "name": "small",
        "bases": [{"name": "one", "source": "base0"}, {"name": "two", "source": "base1"}],
        "tasks": [
            {
                "dataset": "colours",
                "metric": "label",
                "limits": {"train": 16, "dev": 4, "test": 6},
                "source": {"files": [{"path": "colours.jsonl"}]},
                **({"constrain": "choices", "max_new_tokens": 12, "stop": ["."]} if exportable else {}),
            },
            {
                "dataset": "sealed",
                "sealed": True,
                "metric": "label",
                "limits": {"train": 8, "test": 5},
                "source": {"files": [{"path": "sealed.jsonl"}]},
            },
        ],
        "references": ["untuned:one"],
        "training": {"epochs": 1, "lora_rank": 2},
        "merging": {"parents": 2, "recipes": ["slerp"]},
        **changes,
    }
    file = folder / "study.yml"
    file.write_text(yaml.safe_dump(study), encoding="utf-8")
    return file


@pytest.mark.timeout(900)
def test_a_study_killed_in_the_middle_goes_on_and_ends_with_a_report(
    cli: Cli, workspace: Workspace, tmp_path: Path
) -> None:
    file = write_study(tmp_path, exportable=True)
    command = [sys.executable, "-m", "engine.cli.main", "study", "run", str(file)]
    first = subprocess.Popen(
        command,
        env=clean_environment(workspace.root, tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    deadline = time.monotonic() + 300
    while not [job for job in all_jobs(workspace.jobs) if job.request().kind == "train" and job.result()]:
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.2)
    first.kill()
    first.wait()
    end_processes_of(workspace.root)  # runner and workers, at whatever instant this is
    done = {job.id: job.status().ended for job in all_jobs(workspace.jobs) if job.status().state == "done"}
    assert done

    again = cli("study", "run", file, "--json", timeout=600)
    assert again.status == 0, again.stderr
    result = again.json
    after = {job.id: job.status().ended for job in all_jobs(workspace.jobs)}
    assert {job: after[job] for job in done} == done  # nothing that was finished was done again

    entrants = {entrant["name"]: entrant["kind"] for entrant in result["entrants"]}
    assert sorted(entrants.values()) == ["base", "base", "merge", "reference"]
    ranked = result["ranking"]["contestants"]
    assert {row["name"] for row in ranked} == set(entrants)
    assert result["winner"] in {name for name, kind in entrants.items() if kind != "reference"}
    assert result["validation"]["dataset"] == "sealed"
    assert {choice["what"] for choice in result["choices"]} == {"parents", "merge"}
    assert any("training luck" in text or "luck of" in text for text in result["cautions"])
    answered = [
        row
        for job in all_jobs(workspace.jobs)
        if job.request().kind == "generate" and job.request().spec["dataset"] == "colours"
        for row in (job.result() or {})["summary"]["outputs"]
    ]
    assert {row["text"] for row in answered} <= {"red", "green", "blue"}  # held to the choices
    told = {(row["sampling"]["max_new_tokens"], *row["sampling"]["stop"]) for row in answered}
    assert told == {(12, ".")}
    figures = [one for task in result["tasks"] for one in task["figures"]]
    assert {one["contestant"] for one in figures} > {"untuned:one@q8_0", "one-colours@q8_0"}
    assert {one["entrant"] for one in figures} == set(entrants)
    assert not any(path.suffix == ".gguf" for path in workspace.exports.rglob("*"))
    # The files are gone, and it is still known whose answers they were.
    for model in (result["winner"], *(one["contestant"].partition("@")[0] for one in figures)):
        if not model.startswith(("untuned:", "fewshot:")):
            evidence = find_evidence(workspace, find_model(workspace, model), SilentReporter(), study="small")
            assert evidence is not None
            assert evidence.sealed is not None
    tuned_for_it = result["validation"]["task"]["figures"][0]["contestant"].partition("@")[0]
    assert find_evidence(workspace, find_model(workspace, tuned_for_it), SilentReporter(), study="small")
    report = workspace.root / result["report"]
    assert report.read_text(encoding="utf-8").lower().startswith("<!doctype html>")

    shown = cli("study", "run", file)
    assert shown.status == 0
    assert "finished" in shown.stderr
    assert str(report) in shown.stdout

    opened = cli("dataset", "show", "sealed", "--json")
    assert opened.status == 0
    assert opened.json["opened_by"] == "small"

    elsewhere = tmp_path / "elsewhere"
    assert cli("study", "report", "small", "--out", elsewhere).status == 0
    assert (elsewhere / "report.html").exists()


def test_parents_and_merges_are_chosen_on_dev_and_the_table_is_on_test(tmp_path: Path) -> None:
    """The plan says so already: judging for choices is on dev, the ranking on test."""
    from engine.studies.plan import plan_study
    from engine.studies.reading import load_study
    from engine.workspace import open_workspace

    plan = plan_study(load_study(write_study(tmp_path)).study, open_workspace(tmp_path / "ws")).as_dict()
    judged = {job["phase"]: job["title"] for job in plan["jobs"] if job["title"].startswith("Judge")}
    assert judged["choose bases"].endswith("(dev)")
    assert judged["choose merges"].endswith("(dev)")
    assert judged["rank"].endswith("(test)")


def test_the_dry_run_starts_nothing(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    planned = cli("study", "run", write_study(tmp_path), "--dry-run", "--json")
    assert planned.status == 0
    assert planned.json["runs"] == 2 + 1 + 2
    assert planned.json["seconds"] > 0
    assert not list(workspace.jobs.iterdir())


def test_a_study_without_its_datasets_says_which_are_missing(cli: Cli, tmp_path: Path) -> None:
    file = write_study(tmp_path, tasks=[{"dataset": "nowhere"}], merging=None)
    failed = cli("study", "run", file, "--json")
    assert failed.status == 1
    assert failed.json["error"]["code"] == "study.no_datasets"
    assert "nowhere" in failed.json["error"]["message"]


def test_paid_references_need_a_budget(cli: Cli, tmp_path: Path) -> None:
    file = write_study(tmp_path, references=["openai:gpt-4"])
    refused = cli("study", "run", file, "--json", environment={"OPENAI_API_KEY": "sk-test"})
    assert refused.status == 1
    assert refused.json["error"]["code"] == "budget.missing"
