"""With the real model and the shipped task: fine-tuning beats the untuned base clearly, and batches cost nothing."""

from __future__ import annotations

from itertools import islice
from statistics import fmean
from typing import NamedTuple

import pytest

from engine.datasets.library import open_dataset
from engine.exporting.spec import ExportSpec
from engine.inference.llama.generate import answers
from engine.inference.prompts import Prompt
from engine.judging.prepare import expected_answer
from engine.metrics import metric_named
from engine.models.library import find_model
from engine.models.template import load_template
from engine.progress import SilentReporter
from engine.resources import resource
from engine.studies.demo import DemoWish, demo_study
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.here import do


class Tuned(NamedTuple):
    """The tuned base of a workspace, and what is expected of it: prompt -> label."""

    workspace: Workspace
    dataset: str
    expected: dict[str, str]


@pytest.fixture
def tuned(cli_here: Cli, workspace: Workspace) -> Tuned:
    """The embedded model, tuned on intents as the demo does it."""
    study = demo_study(DemoWish()).study
    task = study.tasks[0]
    recipe = study.recipe(task, seed=study.seed)
    file = resource("tasks", task.dataset, "examples.jsonl")
    source = task.source
    assert source is not None
    assert source.system is not None
    assert cli_here("model", "demo", timeout=300).status == 0
    words = [word for role, column in source.map.items() for word in ("--map", f"{role}={column}")]
    imported = cli_here("dataset", "import", file, "--name", task.dataset, "--system", source.system, *words)
    assert imported.status == 0, imported.stderr
    settings = [f"{key}={value}" for key, value in recipe.model_dump(exclude_none=True).items()]
    changes = [word for setting in settings for word in ("--set", setting)]
    trained = cli_here(
        "train", "--base", "smollm2-135m", "--dataset", task.dataset, "--name", "tuned", *changes, timeout=600
    )
    assert trained.status == 0, trained.stderr
    examples = open_dataset(workspace, task.dataset, "judge").store.examples("test")
    return Tuned(workspace, task.dataset, {one.prompt_id: expected_answer(one) for one in examples})


@pytest.mark.timeout(900)
def test_a_tuned_base_beats_the_untuned_one_clearly_on_intents(cli_here: Cli, tuned: Tuned) -> None:
    answered = cli_here(
        *("generate", "--model", "tuned", "--model", "untuned:smollm2-135m", "--dataset", tuned.dataset),
        *("--limit", "30", "--batch-size", "30", "--json"),
        timeout=300,
    )
    assert answered.status == 0, answered.stderr
    metric = metric_named("label")
    scores: dict[str, list[float]] = {}
    for row in answered.json["outputs"]:
        score = metric.score(tuned.expected[row["prompt_id"]], row["text"])
        scores.setdefault(row["model"], []).append(score)
    after, before = fmean(scores["tuned"]), fmean(scores["untuned:smollm2-135m"])
    print(f"exact match on {len(scores['tuned'])} prompts: tuned {after:.2f}, untuned {before:.2f}")
    assert after > before + 0.3
    judged = cli_here(
        *("judge", "--dataset", tuned.dataset, "--contestants", "tuned,untuned:smollm2-135m", "--json"),
        timeout=120,
    )
    assert judged.json["comparisons"] == 30
    ranked = cli_here("rank", "--dataset", tuned.dataset, "--json")
    assert ranked.json["contestants"][0]["name"] == "tuned"


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_as_a_quantised_file_it_answers_many_at_once_as_well_as_one_by_one(tuned: Tuned) -> None:
    workspace, expected = tuned.workspace, tuned.expected
    files = find_model(workspace, "tuned")
    file = workspace.root.parent / "tuned.gguf"
    do(workspace, "export", ExportSpec(model="tuned", quantisation="q8_0", out=str(file)))
    template = load_template(files.folder, SilentReporter(), fallback=files.base_folder)
    examples = list(islice(open_dataset(workspace, tuned.dataset, "judge").store.examples("test"), 30))
    asked = [
        Prompt(one.prompt_id, template.prompt_ids([message.as_dict() for message in one.prompt]))
        for one in examples
    ]
    metric = metric_named("label")

    def share(batch: int) -> float:
        reporter = SilentReporter()
        found = answers(file, asked, template, max_new_tokens=16, batch_size=batch, reporter=reporter)
        return fmean(metric.score(expected[one.prompt_id], one.text) for one in found)

    assert share(1) == share(8) == share(30) > 0.5
