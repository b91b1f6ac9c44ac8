"""How long inputs wait on pages that hold much: `python -m tests.bench.bench_pages [jobs|models|merge|ranking]`.

A workspace with 1,500 jobs that are over, 400 models in families, and a training that tells 100 events a second from
a process at nice 10 (`tests.bench.fake_engine`). Measured in the real event loop, without a screen (Qt's software
rendering): how late an input that comes every 4 ms is heard while a page is on the screen, while its list is scrolled
by the wheel 60 times a second, and while one types into its search.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtWidgets import QAbstractScrollArea, QTableView

from desktop.collecting import Collector
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.jobs.directory import JobDirectory, Request, create, new_job_id
from engine.training.spec import TrainSpec
from engine.workspace import Workspace, open_workspace
from engine.workspace.adoption import Adoption, NewModel, NewParent, adopt
from tests.bench.at_the_window import MODEL, scrolled, tell, the_application, training
from tests.bench.event_loop import Waits, until, work

JOBS: Final = 1_500
FAMILIES: Final = 20
#: Fine-tunes and merges of each family.
MODELS: Final = 19
SECONDS: Final = 10.0
#: Pixels of a row.
_ROW: Final = 30


def fill_models(workspace: Workspace) -> None:
    """Bases, each with fine-tunes, and merges of these."""
    models = []
    for family in range(FAMILIES):
        base = f"base-{family:02}"
        models.append(_model(workspace, base, "base"))
        tuned = [f"{base}-task-{number:02}" for number in range(MODELS - 4)]
        models += [_model(workspace, name, "merge", [base]) for name in tuned]
        pairs = [(f"{base}-slerp-{at}", tuned[at : at + 2]) for at in range(4)]
        models += [_model(workspace, name, "merge", parents) for name, parents in pairs]
    adopt(
        workspace.catalogue, job_id="models", kind="model_add", title="", study=None, summary={},
        what=Adoption(models=models),
    )  # fmt: skip


def _model(workspace: Workspace, name: str, kind: Any, parents: list[str] | None = None) -> NewModel:
    (workspace.models / name).mkdir()
    made_of = [NewParent(name=one, sha256=f"{one:0<64}", id=one) for one in parents or []]
    return NewModel(
        id=name, name=name, kind=kind, folder=f"models/{name}", weights_sha256=f"{name:0<64}", info=MODEL,
        parents=made_of,
    )  # fmt: skip


def fill_jobs(workspace: Workspace) -> JobDirectory:
    """Jobs that are over, and a training to be."""
    began = time.time() - JOBS * 60
    for number in range(JOBS):
        spec = TrainSpec(base="base-00", dataset="data", name=f"run-{number:04}").model_dump(mode="json")
        at = began + number * 60
        job = create(
            workspace.jobs,
            Request(new_job_id("train"), "train", f"Train base-00, run {number}", spec, at, "compute"),
        )
        job.change(state="done", started=at, ended=at + 50)
    spec = TrainSpec(base="base-00", dataset="data", name="now").model_dump(mode="json")
    return create(
        workspace.jobs,
        Request(new_job_id("train"), "train", "Train base-00 on data", spec, time.time(), "compute"),
    )


def measure(window: MainWindow, key: str) -> None:
    """One page: left alone, and with its longest list scrolled."""
    window.go(key)
    page: Any = window.page
    until(lambda: page.model.loaded)
    if key == "jobs":
        page.model.show_part("done")
        until(lambda: len(page.model.state.jobs) == JOBS)
        for _ in range(3):
            page._show_more()
    work(2000)
    waits = Waits()
    waits.restart()
    work(round(SECONDS * 1000))
    tell(f"{key}: an input waits", waits.taken, "< 16 ms (p95)")
    waits.close()
    area = longest(window)
    if area is not None:
        tell("  scrolled, a frame", scrolled(area, lambda: None, SECONDS), "< 16 ms (p95)")


def longest(window: MainWindow) -> QAbstractScrollArea | None:
    """What is scrolled furthest on the page."""

    def pixels(area: QAbstractScrollArea) -> int:
        by_row = isinstance(area, QTableView) and area.verticalScrollMode() == area.ScrollMode.ScrollPerItem
        return area.verticalScrollBar().maximum() * (_ROW if by_row else 1)

    areas = [one for one in window.findChildren(QAbstractScrollArea) if one.isVisible() and pixels(one)]
    return max(areas, key=pixels, default=None)


def main() -> None:
    """Measure what is named, or everything."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "full")
        fill_models(workspace)
        job = fill_jobs(workspace)
        look = Look(the_application(), "light")
        collector = Collector(look.hands)
        window = MainWindow(workspace, look)
        window.first_paint.over.connect(collector.start)
        window.resize(1360, 860)
        window.show()
        print(f"{'ms':44}{'p50':>10}{'p95':>10}{'max':>10}{'goal':>16}")
        with training(job):
            until(lambda: any(one.state == "running" for one in window.services.feed.jobs))
            for key in sys.argv[1:] or ("home", "jobs", "models", "merge", "train", "chat"):
                measure(window, key)
        window.close()
        collector.close()


if __name__ == "__main__":
    main()
