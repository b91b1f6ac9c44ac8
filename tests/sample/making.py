"""Making the sample workspace, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.inference.endpoints import add_endpoint
from engine.inference.own_prices import set_price
from engine.jobs.directory import JobDirectory
from engine.workspace import Workspace, open_workspace
from tests.sample.answers import answer_everything
from tests.sample.datasets import import_everything
from tests.sample.jobs import ask_for_jobs
from tests.sample.models import add_models
from tests.sample.names import JUDGE, LARGE
from tests.sample.studies import save_studies
from tests.sample.talk import keep_a_talk
from tests.sample.verdicts import judge_everything


@dataclass(frozen=True)
class Sample:
    """The workspace that was made.

    Attributes:
        running: Jobs that run, as long as somebody holds their locks.
    """

    workspace: Workspace
    running: tuple[JobDirectory, ...]


def make(root: Path) -> Sample:
    """Make the workspace in a folder that is not there yet."""
    workspace = open_workspace(root)
    _know_the_lab(workspace)
    datasets = import_everything(workspace)
    models = add_models(workspace)
    answers = answer_everything(workspace, datasets)
    judge_everything(workspace, datasets, answers)
    save_studies(workspace, datasets, answers, models)
    running = ask_for_jobs(workspace)
    keep_a_talk(workspace, models)
    workspace.catalogue.close()  # so that its file is whole, and of one size
    return Sample(workspace, running)


def _know_the_lab(workspace: Workspace) -> None:
    """An endpoint, and what its models cost."""
    add_endpoint(workspace, "lab", "https://lab.example.org/v1", "LAB_API_KEY")
    set_price(workspace, LARGE.partition(":")[2], 2.0, 8.0)
    set_price(workspace, JUDGE.partition(":")[2], 2.0, 6.0)
