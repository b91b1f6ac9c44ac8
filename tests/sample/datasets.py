"""The datasets of the sample workspace: the tasks that ship with Bakeoff."""

from __future__ import annotations

from typing import Any

import yaml

from engine.datasets import DatasetStore, ImportOptions, import_files
from engine.resources import resource
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewDataset, adopt
from engine.workspace.tables import Dataset
from tests.sample.names import SEALED, STUDY, TASKS
from tests.sample.times import row_time


def import_everything(workspace: Workspace) -> dict[str, DatasetStore]:
    """Import the tasks; returns the store of each."""
    found = {}
    # The newest is shown first, the oldest is offered for training.
    for place, name in enumerate((TASKS[1], TASKS[2], SEALED, TASKS[0])):
        folder = workspace.datasets / f"{name}-1"
        task: dict[str, Any] = yaml.safe_load(resource("tasks", name, "task.yml").read_text(encoding="utf-8"))
        options = ImportOptions(
            name=name, mapping=task["map"], system=task["system"], test_share=0.1, sealed=name == SEALED
        )
        report = import_files([resource("tasks", name, "examples.jsonl")], options, folder)
        new = NewDataset(
            id=f"{name}-1",
            name=name,
            folder=workspace.relative(folder),
            manifest=dict(report.manifest),
            sealed=name == SEALED,
        )
        adopt(
            workspace.catalogue,
            job_id=f"import-{name}",
            kind="dataset_import",
            title=f"Import {name}",
            study=None,
            summary={},
            what=Adoption(datasets=[new]),
        )
        with workspace.catalogue.writing() as rows:
            row = rows.get_one(Dataset, new.id)
            row.created_at = row_time(420 - place)
            if row.sealed:
                row.opened_at, row.opened_by = row_time(70), STUDY
        found[name] = DatasetStore(folder)
    return found
