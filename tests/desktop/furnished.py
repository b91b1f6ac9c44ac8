"""A workspace that holds something of everything: what every page of the window has to show."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from engine.datasets import ImportOptions, import_files
from engine.inference.chat import store
from engine.inference.chat.conversation import Answer, Pane, Turn
from engine.inference.sampling import Sampling
from engine.jobs.client import JobClient
from engine.jobs.events import EventWriter
from engine.models.inspect import inspect_folder, weights_sha256
from engine.training.spec import TrainSpec
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewDataset, NewModel, NewParent, adopt
from tests import answered
from tests.desktop.pages.test_study import finish
from tests.engine.jobs.helpers import submit_import, write_rows
from tests.tiny import tiny_model


def furnish(workspace: Workspace, folder: Path) -> None:
    """Datasets, models, answers with verdicts, a finished study, jobs in each state, and a conversation."""
    answered.fill(workspace, folder)
    for place, prompt in enumerate(answered.prompts(workspace)):
        for one, other in (("Good", "Bad"), ("Good", "Copy"), ("Copy", "Bad")):
            for first, second in ((one, other), (other, one)):
                better = "a" if first == one else "b"
                upset = {"a": "b", "b": "a"}[better] if place % 6 == 0 else better
                answered.judge(workspace, prompt, first, second, upset, explanation="So it is.")  # type: ignore[arg-type]
        answered.judge(workspace, prompt, "Good", "Bad", "a", judge="human")
    _import(workspace, folder)
    _add_models(workspace, folder)
    finish(workspace)
    _train(workspace)
    _queue(workspace, folder)
    _talk(workspace)


def _import(workspace: Workspace, folder: Path) -> None:
    """A dataset with rows that were rejected and a duplicate."""
    rows = [
        {"prompt": f"What is {n}?", "completion": f"It is {n}.", "split": "test" if n % 4 == 0 else "train"}
        for n in range(60)
    ]
    rows += [rows[1], {"prompt": "", "completion": "Nothing.", "split": "train"}]
    file = folder / "numbers.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    report = import_files([file], ImportOptions(name="numbers"), workspace.datasets / "d2")
    dataset = NewDataset(id="d2", name="numbers", folder="datasets/d2", manifest=dict(report.manifest))
    _adopt(workspace, "import-numbers", Adoption(datasets=[dataset]))


def _add_models(workspace: Workspace, folder: Path) -> None:
    """Two bases and their merge, which are folders that can be loaded; without the job that would try it."""
    models: list[NewModel] = []
    for seed, name in enumerate(("birch", "alder", "birch and alder")):
        place = tiny_model(folder / name, seed=seed)
        models.append(
            NewModel(
                id=f"m{seed}",
                name=name,
                kind="merge" if seed == 2 else "base",
                folder=str(place),
                weights_sha256=weights_sha256(place),
                info=inspect_folder(place).model_dump(),
                recipe={"recipe": {"merge_method": "slerp"}} if seed == 2 else {},
                parents=[NewParent(name=one.name, sha256=one.weights_sha256, id=one.id) for one in models]
                if seed == 2
                else [],
            )
        )
    _adopt(workspace, "add-models", Adoption(models=models))


def _adopt(workspace: Workspace, job: str, what: Adoption) -> None:
    adopt(workspace.catalogue, job_id=job, kind="test", title=job, study=None, summary={}, what=what)


def _train(workspace: Workspace) -> None:
    """A training that has told of its course, and was paused."""
    spec = TrainSpec(base="birch", dataset="numbers", name="birch-numbers")
    job = JobClient(workspace).submit("train", spec, "Train birch-numbers")
    with closing(EventWriter(job.events)) as told:
        for step in range(1, 41):
            told.write(
                "train.step",
                {"step": step, "loss": 3.0 / step + 0.4, "learning_rate": 2e-4, "tokens_per_second": 200.0},
            )
        told.write("train.evaluation", {"step": 40, "loss": 0.6})
    job.change(state="paused", progress={"done": 40, "total": 100, "unit": "steps"})


def _queue(workspace: Workspace, folder: Path) -> None:
    """Jobs that wait, and one that failed."""
    client = JobClient(workspace)
    file = write_rows(folder / "rows.jsonl", 20)
    for name in ("first", "second"):
        submit_import(client, file, name)
    failed = submit_import(client, file, "third")
    failed.log.write_text("It was not to be.\n", encoding="utf-8")
    failed.change(
        state="failed",
        error={
            "code": "dataset.gone",
            "title": "No file",
            "message": "The file is gone.",
            "fix": "Bring it back.",
        },
    )


def _talk(workspace: Workspace) -> None:
    """A conversation with a vote."""
    answers = {
        pane: Answer(
            text=text,
            stop="stop",
            prompt_tokens=9,
            tokens=3,
            first_seconds=0.5,
            seconds=1.5,
            sampling=Sampling(),
        )
        for pane, text in enumerate(("A tree.", "A kind of tree."))
    }
    conversation = store.begin([Pane(name="birch", kind="local"), Pane(name="alder", kind="local")])
    conversation.turns = [Turn(prompt="What is a birch?", answers=answers, vote=1)]
    store.save(workspace, conversation)
