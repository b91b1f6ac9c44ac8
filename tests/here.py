"""Jobs of the kind that workers do, done in this process, which has the libraries already: seconds quicker.

For tests of what a job does. What a job is as a process of its own is tested in ``tests/engine/jobs``.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine.datasets.spec import ImportSpec, SourceSpec
from engine.jobs.client import JobClient
from engine.jobs.context import JobContext
from engine.jobs.directory import JobDirectory
from engine.jobs.events import EventWriter
from engine.jobs.runner import Runner
from engine.jobs.worker import work
from engine.models.spec import ModelAddSpec
from engine.workspace import Workspace


class _Ended:
    """What is left of a job done here."""

    pid = 0

    def exit_code(self) -> int:
        return 0

    def kill(self) -> None:
        """Nothing lives any more."""


class _Here:
    """An executor that does the job before it returns."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def start(self, job: JobDirectory) -> _Ended:
        with closing(EventWriter(job.events)) as writer:
            work(job, JobContext(job, self._workspace, writer))
        return _Ended()


def do(workspace: Workspace, kind: str, spec: BaseModel, **how: Any) -> tuple[JobDirectory, dict[str, Any]]:
    """Do one job through a runner and to its adoption.

    Returns:
        The job, and its summary.

    Raises:
        JobFailedError: It failed.
    """
    client = JobClient(workspace)
    job = client.submit(kind, spec, f"{kind} here", **how)
    runner = Runner(workspace, _Here(workspace))
    while runner.step():
        pass
    return job, client.wait(job)


def add_model(workspace: Workspace, folder: Path, name: str) -> dict[str, Any]:
    """Add the model of ``folder``."""
    return do(workspace, "model_add", ModelAddSpec(source=str(folder), name=name))[1]


def import_rows(workspace: Workspace, rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Import ``rows`` from a JSONL file beside the workspace."""
    file = workspace.root.parent / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return do(workspace, "dataset_import", ImportSpec(sources=[SourceSpec(path=str(file))], name=name))[1]
