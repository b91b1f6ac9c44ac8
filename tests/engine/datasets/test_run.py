"""The import as a job: the dataset enters the catalogue, a failure leaves the workspace as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.datasets import DatasetError, DatasetStore
from engine.datasets.run import run
from engine.datasets.spec import ImportSpec, SourceSpec
from engine.jobs.context import JobContext
from engine.jobs.directory import Request, create
from engine.jobs.events import EventReader, EventWriter
from engine.workspace import Workspace
from tests.engine.datasets.conftest import jsonl, plain


def context_of(workspace: Workspace, spec: ImportSpec) -> JobContext:
    request = Request("job-1", "dataset_import", "Import", spec.model_dump(mode="json"), 0.0, lane="compute")
    directory = create(workspace.jobs, request)
    return JobContext(directory, workspace, EventWriter(directory.events))


def test_a_job_makes_a_dataset_to_adopt(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(jsonl([*plain(20), b"broken"]))
    spec = ImportSpec(sources=[SourceSpec(path=str(path))], name="mine", sealed=True)
    context = context_of(workspace, spec)
    result = run(context)
    assert result.summary["examples"] == 20
    assert result.summary["rejected"][0]["row"] == 21
    dataset = result.adoption.datasets[0]
    assert (dataset.name, dataset.sealed, dataset.manifest["examples"]) == ("mine", True, 20)
    assert len(list(DatasetStore(workspace.absolute(dataset.folder)).examples())) == 20
    subjects = [
        event.data["subject"]
        for event in EventReader(context.directory.events).new()
        if event.type == "decision"
    ]
    assert subjects == ["dataset.container", "dataset.form"]
    # A second attempt replaces what a killed one may have left.
    assert run(context).summary == result.summary


def test_a_failed_job_leaves_no_dataset(workspace: Workspace, tmp_path: Path) -> None:
    spec = ImportSpec(sources=[SourceSpec(path=str(tmp_path / "nowhere.csv"))], name="mine")
    with pytest.raises(DatasetError, match="no file"):
        run(context_of(workspace, spec))
    assert not list(workspace.datasets.iterdir())
