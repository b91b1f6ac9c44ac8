"""A quick study with a dataset that is in the workspace."""

from __future__ import annotations

import pytest

from engine.datasets.errors import SealedError
from engine.studies.plan import plan_study
from engine.studies.quick import quick_recipes, quick_study, stored_examples, usable_datasets
from engine.workspace import Workspace
from engine.workspace.naming import NameUnknownError
from tests.engine.studies.test_extending import add_dataset
from tests.here import import_rows


def test_a_dataset_that_is_there_is_used_as_it_is(workspace: Workspace) -> None:
    import_rows(
        workspace,
        [{"prompt": f"Question {n}", "completion": "yes" if n % 2 else "no"} for n in range(60)],
        "q",
    )
    assert usable_datasets(workspace) == ("q",)
    examples = stored_examples(workspace, "q")
    assert (examples.count, examples.more) == (60, False)
    assert examples.first[0].startswith("Question ")
    for recipe in quick_recipes():
        study = quick_study(workspace, recipe, examples).study
        assert [(task.dataset, task.source) for task in study.tasks] == [("q", None)]
        assert not [job for job in plan_study(study, workspace).jobs if job.key == "import q"]


def test_a_sealed_dataset_and_one_without_a_test_start_no_study(workspace: Workspace) -> None:
    add_dataset(workspace, "closed", sealed=True)
    add_dataset(workspace, "untested", test=0)
    assert usable_datasets(workspace) == ()
    with pytest.raises(SealedError):
        stored_examples(workspace, "closed")
    with pytest.raises(NameUnknownError):
        stored_examples(workspace, "nobody")
