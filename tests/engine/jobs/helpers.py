"""Real jobs that are cheap, and waiting for what they do."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select

from engine.datasets.spec import ImportSpec, SourceSpec
from engine.jobs.client import JobClient
from engine.jobs.directory import JobDirectory
from engine.jobs.events import Event
from engine.workspace import Workspace
from engine.workspace.tables import Dataset, Job
from tests.conftest import processes_of


def wait_for(what: Callable[[], object], seconds: float = 60.0, every: float = 0.01) -> None:
    """Wait until ``what`` says something true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(every)


def submit_import(client: JobClient, file: Path, name: str, **how: Any) -> JobDirectory:
    """Queue a job that takes as long as its file is long, and about a second besides."""
    spec = ImportSpec(sources=[SourceSpec(path=str(file))], name=name)
    return client.submit("dataset_import", spec, f"Import {name}", **how)


def write_rows(file: Path, count: int, seed: int = 0) -> Path:
    """A file of examples that share little."""
    random_ = random.Random(seed)
    with file.open("w", encoding="utf-8") as stream:
        for number in range(count):
            words = " ".join(f"{random_.getrandbits(40):x}" for _ in range(12))
            stream.write(json.dumps({"prompt": f"{number} {words}", "completion": str(number % 7)}) + "\n")
    return file


def events(job: JobDirectory) -> list[Event]:
    """All events so far."""
    return list(job.reader().new())


def event_types(job: JobDirectory) -> list[str]:
    """The types of all events so far."""
    return [event.type for event in events(job)]


def workers(workspace: Workspace) -> list[psutil.Process]:
    """The living workers of a workspace."""
    return [one for one in processes_of(workspace.root) if "engine.jobs.worker" in one.info["cmdline"]]


def runners(workspace: Workspace) -> list[psutil.Process]:
    """The living runners of a workspace."""
    return [one for one in processes_of(workspace.root) if "engine.jobs.runner" in one.info["cmdline"]]


def kill(processes: list[psutil.Process]) -> int:
    """SIGKILL; returns how many were still there."""
    killed = 0
    for process in processes:
        try:
            process.kill()
            process.wait(10.0)
            killed += 1
        except psutil.NoSuchProcess:
            continue
    return killed


def rows_of(workspace: Workspace, name: str) -> tuple[int, int]:
    """How many datasets of this name (numbered ones too) and how many jobs the catalogue has."""
    named = select(func.count()).select_from(Dataset).where(Dataset.name.startswith(name))
    with workspace.catalogue.reading() as session:
        datasets = session.scalar(named)
        jobs = session.scalar(select(func.count()).select_from(Job))
    return int(datasets or 0), int(jobs or 0)


def require_consistent_events(job: JobDirectory) -> None:
    """Every event has its number, whatever was killed in between."""
    assert [event.seq for event in events(job)] == list(range(1, len(events(job)) + 1))
