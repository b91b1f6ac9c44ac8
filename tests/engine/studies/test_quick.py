"""From a few files and a recipe to a whole study, with the bases that there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.resources import resource
from engine.studies.errors import StudyError
from engine.studies.plan import plan_study
from engine.studies.quick import examples_of, quick_recipes, quick_study, sample_examples, sample_titles
from engine.workspace import Workspace
from engine.workspace.tables import Model


def write(file: Path, count: int) -> Path:
    rows = [
        {"prompt": f"Question {number}", "completion": "yes" if number % 2 else "no"}
        for number in range(count)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def add_base(workspace: Workspace, name: str, layers: int) -> None:
    info = {
        "architecture": "LlamaForCausalLM",
        "model_type": "llama",
        "parameters": 1_000_000,
        "vocabulary": 100,
        "layers": layers,
        "hidden": 16,
        "context": 128,
        "dtype": "float32",
        "disk_bytes": 4_000_000,
    }
    with workspace.catalogue.writing() as rows:
        rows.add(
            Model(id=name, name=name, kind="base", folder=name, weights_sha256=name, info=info, recipe={})
        )


def test_every_recipe_makes_a_study_of_every_sample_in_an_empty_workspace(workspace: Workspace) -> None:
    for name, title in sample_titles():
        assert title
        for recipe in quick_recipes():
            assert resource("icons", f"{recipe.icon}.svg").is_file()
            study = quick_study(workspace, recipe, sample_examples(name)).study
            assert study.bases[0].source == "demo"
            assert len(study.bases) == max(1, recipe.variants)
            plan = plan_study(study, workspace)
            assert plan.seconds > 0
            assert plan.usd == 0


def test_files_named_after_splits_keep_them(workspace: Workspace, tmp_path: Path) -> None:
    examples = examples_of(
        workspace, [write(tmp_path / "train.jsonl", 60), write(tmp_path / "test.jsonl", 20)]
    )
    assert examples.count == 80
    task = quick_study(workspace, quick_recipes()[0], examples).study.tasks[0]
    assert task.source is not None
    assert [file.split for file in task.source.files] == ["train", "test"]
    assert task.source.test_share == 0
    assert (task.expected.test, task.expected.dev, task.expected.train) == (20, 6, 54)


def test_a_merging_recipe_takes_bases_that_can_be_merged(workspace: Workspace, tmp_path: Path) -> None:
    for name, layers in (("one", 2), ("other", 4), ("two", 2)):
        add_base(workspace, name, layers)
    examples = examples_of(workspace, [write(tmp_path / "answers.jsonl", 50)])
    one, every, full = (quick_study(workspace, recipe, examples).study for recipe in quick_recipes())
    assert [base.name for base in one.bases] == ["two"]
    assert one.references == ["untuned:two", "fewshot:two"]
    assert [base.name for base in every.bases] == ["one", "other", "two"]
    assert [base.name for base in full.bases] == ["one", "two", "one-answers"]
    assert full.bases[2].sibling is not None
    assert full.merging is not None


def test_too_few_examples_are_refused_in_words(workspace: Workspace, tmp_path: Path) -> None:
    examples = examples_of(workspace, [write(tmp_path / "few.jsonl", 4)])
    with pytest.raises(StudyError, match="'few' has only 4 examples"):
        quick_study(workspace, quick_recipes()[0], examples)
