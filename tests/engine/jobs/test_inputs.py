"""What a job that is not over reads is neither removed nor renamed; what nothing reads any more is."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from engine.datasets.managing import remove_dataset, rename_dataset
from engine.inference.spec import GenerateSpec
from engine.jobs.client import JobClient
from engine.jobs.inputs import READS, InUseError, names_read
from engine.jobs.kinds import KINDS
from engine.merging.spec import MergeSpec
from engine.models.managing import remove_model, rename_model
from engine.studies.spec import Base, Study, StudySpec, Task
from engine.training.spec import TrainSpec
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewModel, adopt
from tests.conftest import Cli
from tests.here import import_rows

ROWS = [{"prompt": f"q {n}", "completion": "a"} for n in range(20)]


def register(workspace: Workspace, name: str, job_id: str | None = None) -> None:
    """A model of which only the catalogue knows."""
    model = NewModel(id=job_id or f"m-{name}", name=name, kind="base", folder="", weights_sha256="", info={})
    adopt(
        workspace.catalogue,
        job_id=model.id,
        kind="model_add",
        title=name,
        study=None,
        summary={},
        what=Adoption(models=[model]),
    )


def field_at(model: Any, path: list[str]) -> bool:
    """Whether a spec has what a path names."""
    if not path:
        return True
    if path[0] == "*":
        return any(field_at(item, path[1:]) for item in get_args(model))
    classes = [
        one for one in (model, *get_args(model)) if isinstance(one, type) and issubclass(one, BaseModel)
    ]
    return any(
        path[0] in one.model_fields and field_at(one.model_fields[path[0]].annotation, path[1:])
        for one in classes
    )


def test_it_is_known_of_every_kind_what_it_reads_and_its_spec_has_these_places() -> None:
    assert READS.keys() == KINDS.keys()
    for kind, reads in READS.items():
        module = importlib.import_module(f"{KINDS[kind].package}.spec")
        specs = [
            one
            for name, one in vars(module).items()
            if name.endswith("Spec") and one.__module__ == module.__name__
        ]
        for path in (*reads.models, *reads.datasets, *([reads.recipe] if reads.recipe else [])):
            assert any(field_at(spec, path.split(".")) for spec in specs), f"{kind}: {path}"


@pytest.mark.parametrize(
    ("kind", "spec", "read"),
    [
        ("generate", {"models": ["untuned:b@q8_0", "lab:m", "dataset"]}, {"b", "b@q8_0", "lab:m", "dataset"}),
        ("judge", {"contestants": ["x", "fewshot:y"], "judge": "local:z"}, {"x", "y", "z"}),
        (
            "merge",
            {"recipe": "models: [{model: a+tuned}, {model: b}]\nbase_model: c"},
            {"a", "tuned", "b", "c"},
        ),
        (
            "merge",
            {
                "recipe": {
                    "slices": [{"sources": [{"model": "a", "layer_range": [0, 2]}]}],
                    "tokenizer_source": "base",
                }
            },
            {"a"},
        ),
        ("merge", {"recipe": "models: ["}, set()),
        ("export", {"model": "a", "others": ["b"], "dataset": None}, {"a", "b"}),
        (
            "study",
            {
                "study": {
                    "bases": [{"name": "p"}],
                    "references": ["untuned:p", "lab:gpt"],
                    "judging": {"judge": "local:j"},
                }
            },
            {"p", "lab:gpt", "j"},
        ),
    ],
)
def test_models_are_found_wherever_a_spec_names_them(kind: str, spec: dict[str, Any], read: set[str]) -> None:
    assert names_read(kind, spec, "model") == read


def test_a_dataset_that_a_job_waits_to_read_stays_until_the_job_is_stopped(
    workspace: Workspace, cli_here: Cli
) -> None:
    import_rows(workspace, ROWS, "rows")
    job = JobClient(workspace).submit("train", TrainSpec(base="b", dataset="rows", name="t"), "Train t")
    for state in ("queued", "running", "paused"):
        job.change(state=state)
        with pytest.raises(InUseError, match=r"'rows' cannot be removed: 1 unfinished job\(s\).*'Train t'"):
            remove_dataset(workspace, "rows")
    with pytest.raises(InUseError, match="cannot be renamed"):
        rename_dataset(workspace, "rows", "others")
    refused = cli_here("dataset", "remove", "rows", "--json")
    assert refused.status == 1
    assert refused.json["error"]["code"] == "dataset.read_by_job"
    assert "stop it" in refused.json["error"]["fix"]
    job.change(state="stopped")
    removed = cli_here("dataset", "remove", "rows", "--json")
    assert removed.status == 0, removed.stderr


def test_a_model_that_jobs_read_stays_and_another_one_goes(workspace: Workspace, cli_here: Cli) -> None:
    for name in ("b", "other"):
        register(workspace, name)
    client = JobClient(workspace)
    client.submit("generate", GenerateSpec(models=["untuned:b@q8_0"], dataset="rows"), "Answer with b")
    client.submit("merge", MergeSpec(recipe="models: [{model: b}]", name="m"), "Merge m")
    with pytest.raises(InUseError, match=r"2 unfinished job\(s\).*'Answer with b'"):
        remove_model(workspace, "b")
    with pytest.raises(InUseError):
        rename_model(workspace, "b", "c")
    refused = cli_here("model", "remove", "b", "--json")
    assert refused.status == 1
    assert refused.json["error"]["code"] == "model.read_by_job"
    assert cli_here("model", "remove", "other", "--json").status == 0


def test_what_an_unfinished_study_names_or_has_made_stays_until_it_is_done(
    workspace: Workspace, tmp_path: Path
) -> None:
    client = JobClient(workspace)
    study = Study(name="s", bases=[Base(name="b")], tasks=[Task(dataset="rows")])
    job = client.submit("study", StudySpec(study=study, folder=str(tmp_path)), "Study s", study="s")
    step = client.submit("train", TrainSpec(base="b", dataset="rows", name="t"), "Train t", study="s")
    step.change(state="done")
    register(workspace, "b")
    register(workspace, "t", step.id)
    job.change(state="paused")
    for name in ("b", "t"):
        with pytest.raises(InUseError, match="'Study s'"):
            remove_model(workspace, name)
    job.change(state="done")
    for name in ("b", "t"):
        remove_model(workspace, name)
