"""Fine-tuning for real, on a tiny model; in real workers where they are paused or killed."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from engine.files import read_json
from engine.jobs.client import JobClient, JobFailedError
from engine.jobs.directory import JobError
from engine.models.library import find_model
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace import Workspace
from tests.here import add_model, do, import_rows
from tests.tiny import tiny_model


def prepare(workspace: Workspace, tmp_path: Path, rows: list[dict[str, Any]] | None = None) -> JobClient:
    """A workspace with a tiny base and a small dataset."""
    rows = rows or [{"prompt": f"colour {n}?", "completion": ["red", "blue"][n % 2]} for n in range(40)]
    add_model(workspace, tiny_model(tmp_path / "base"), "base")
    import_rows(workspace, rows, "data")
    return JobClient(workspace)


def losses(client: JobClient, job_id: str) -> list[float]:
    """The loss of each step as the events tell it."""
    events = client.job(job_id).reader().new()
    steps = {event.data["step"]: event.data["loss"] for event in events if event.type == "train.step"}
    return [steps[number] for number in sorted(steps)]


def wanted(name: str, **settings: Any) -> TrainSpec:
    """The base on the data."""
    recipe = TrainRecipe(
        **{"epochs": 3, "learning_rate": 0.01, "lora_rank": 4, "lora_dropout": 0.1, **settings}
    )
    return TrainSpec(base="base", dataset="data", name=name, recipe=recipe)


def train(workspace: Workspace, name: str, **settings: Any) -> tuple[str, dict[str, Any]]:
    """Train; returns the job's id and its summary."""
    job, summary = do(workspace, "train", wanted(name, **settings))
    return job.id, summary


def test_training_lowers_the_loss_and_makes_a_standard_adapter(workspace: Workspace, tmp_path: Path) -> None:
    client = prepare(workspace, tmp_path)
    job, summary = train(workspace, "tuned", epochs=8)
    curve = losses(client, job)
    assert summary["steps"] == len(curve)
    assert curve[-1] < 0.7 * curve[0]
    files = find_model(workspace, "tuned")
    assert files.kind == "adapter"
    assert files.base_name == "base"

    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(files.base_folder)
    assert PeftModel.from_pretrained(base, files.folder).peft_config["default"].r == 4
    assert not (files.folder / "README.md").exists()  # of PEFT, with a path of this machine
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (files.folder / name).read_bytes() == (files.base_folder / name).read_bytes()
    adapter = json.loads((files.folder / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == str(files.base_folder)
    record = json.loads((files.folder / "bakeoff.json").read_text())
    assert record["recipe"]["lora_rank"] == 4
    assert record["base"]["sha256"] == files.base_sha256


def test_a_killed_run_ends_with_exactly_the_losses_of_an_undisturbed_one(
    workspace: Workspace, tmp_path: Path
) -> None:
    client = prepare(workspace, tmp_path)
    settings = {"epochs": 20, "checkpoint_seconds": 0.0}
    undisturbed, first = train(workspace, "undisturbed", **settings)
    job = client.submit("train", wanted("killed", **settings), "killed")
    client.ensure_runner()
    killed = False
    deadline = time.monotonic() + 120
    for _, event in client.follow([job]):
        if not killed and event is not None and event.type == "train.step" and event.data["step"] >= 11:
            os.kill(client.job(job.id).status().pid or 0, signal.SIGKILL)
            killed = True
        assert time.monotonic() < deadline
    second = client.finished(job)
    assert job.status().attempt == 2
    assert losses(client, job.id) == losses(client, undisturbed)
    assert second["train_loss"] == first["train_loss"]
    one, other = (find_model(workspace, name).folder for name in ("undisturbed", "killed"))
    assert (one / "adapter_model.safetensors").read_bytes() == (
        other / "adapter_model.safetensors"
    ).read_bytes()


@pytest.mark.thorough
def test_pausing_and_resuming_changes_nothing_either(workspace: Workspace, tmp_path: Path) -> None:
    client = prepare(workspace, tmp_path)
    undisturbed, _ = train(workspace, "undisturbed", epochs=20)
    job = client.submit("train", wanted("paused", epochs=20), "paused")
    client.ensure_runner()
    asked = False
    for _, event in client.follow([job]):
        if not asked and event is not None and event.type == "train.step" and event.data["step"] >= 5:
            job.ask("pause")
            asked = True
    assert job.status().state == "paused"
    client.ask(job, "resume")
    client.wait(job)
    assert losses(client, job.id) == losses(client, undisturbed)


def test_a_run_that_is_asked_to_end_keeps_what_it_has_learned(workspace: Workspace, tmp_path: Path) -> None:
    client = prepare(workspace, tmp_path)
    job = client.submit("train", wanted("early", epochs=100), "early")
    client.ensure_runner()
    for _, event in client.follow([job]):
        if event is not None and event.type == "train.step" and event.data["step"] == 5:
            client.ask(job, "finish")
    summary = client.finished(job)
    steps, planned = summary["steps"], job.status().progress["total"]
    assert 5 <= steps < planned
    assert len(losses(client, job.id)) == steps
    files = find_model(workspace, "early")
    assert read_json(files.folder / "bakeoff.json")["ended_early"] == {"step": steps, "of": planned}
    with pytest.raises(JobError, match="nothing yet that could be kept"):
        client.ask(job, "finish")


def test_a_paused_run_is_saved_as_it_stands(workspace: Workspace, tmp_path: Path) -> None:
    client = prepare(workspace, tmp_path)
    job = client.submit("train", wanted("early", epochs=100), "early")
    with pytest.raises(JobError, match="nothing yet that could be kept"):
        client.ask(job, "finish")  # it has not begun
    client.ensure_runner()
    for _, event in client.follow([job]):
        if event is not None and event.type == "train.step" and event.data["step"] == 5:
            job.ask("pause")
    learned = len(losses(client, job.id))
    client.ask(job, "finish")
    client.wait(job)
    assert client.finished(job)["steps"] == learned


def test_qlora_trains_with_the_base_in_four_bits(workspace: Workspace, tmp_path: Path) -> None:
    client = prepare(workspace, tmp_path)
    job, _ = train(workspace, "four-bits", method="qlora", epochs=8)
    curve = losses(client, job)
    assert curve[-1] < 0.8 * curve[0]


def test_tool_calls_that_the_template_cannot_show_are_refused_naming_the_rows(
    workspace: Workspace, tmp_path: Path
) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    rows: list[dict[str, Any]] = [
        {
            "messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": "a"}],
            "split": "train",
        }
        for n in range(9)
    ]
    rows[4] = {
        "messages": [
            {"role": "user", "content": "call it"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ],
        "split": "train",
    }
    prepare(workspace, tmp_path, rows)
    with pytest.raises(JobFailedError) as caught:
        train(workspace, "tools")
    assert caught.value.code == "training.tools"
    assert "(rows 5)" in caught.value.message


def test_a_loss_that_is_no_number_ends_the_run_in_words(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.numpy import load_file, save_file

    from engine.training import run as module

    prepare(workspace, tmp_path)
    monkeypatch.setattr(module, "require_unchanged", lambda *_: None)  # as if it had been added like this
    file = find_model(workspace, "base").folder / "model.safetensors"
    tensors = load_file(file)
    tensors["model.norm.weight"][:] = float("nan")
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(JobFailedError) as caught:
        train(workspace, "wild")
    assert caught.value.code == "training.diverged"
    assert "learning rate" in caught.value.fix


def test_float16_learns_the_same_from_gradients_that_are_computed_larger(
    workspace: Workspace, tmp_path: Path
) -> None:
    client = prepare(workspace, tmp_path)
    settings = {"epochs": 8, "lora_dropout": 0.0, "checkpoint_seconds": 0.0}
    whole, _ = train(workspace, "whole", dtype="float32", **settings)
    half, _ = train(workspace, "half", dtype="float16", **settings)
    assert losses(client, half) == pytest.approx(losses(client, whole), rel=0.05)
    scales = [read_json(file)["loss_scale"] for file in scaled(client, whole, half)]
    assert scales[0] == {}
    assert scales[1]["scale"] > 1


def scaled(client: JobClient, *jobs: str) -> list[Path]:
    """Where each job's last checkpoint keeps its position."""
    return [next(client.job(job).path.glob("checkpoints/step-*/position.json")) for job in jobs]
