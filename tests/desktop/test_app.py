"""The window opens on a real workspace and shows what a real import has put there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QThreadPool
from PySide6.QtWidgets import QLabel, QTableWidget, QTabWidget

from desktop.app import MainWindow
from engine.datasets.spec import ImportSpec, SourceSpec
from engine.jobs.client import JobClient
from engine.workspace import Workspace
from tests.conftest import clean_environment
from tests.desktop.conftest import Until


def table(window: MainWindow, title: str) -> QTableWidget:
    (found,) = [one for one in window.findChildren(QTableWidget) if one.accessibleName() == title]
    return found


def words(found: QTableWidget) -> list[list[str]]:
    cells = [
        [found.item(row, column) for column in range(found.columnCount())] for row in range(found.rowCount())
    ]
    return [[cell.text() if cell else "" for cell in row] for row in cells]


def test_a_dataset_and_its_job_appear_while_the_window_is_open(
    workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    window = MainWindow(workspace)
    window.show()
    tabs = window.findChild(QTabWidget)
    assert isinstance(tabs, QTabWidget)
    until(lambda: tabs.count() == 4)
    shown = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
    assert any("bakeoff demo" in text for text in shown)

    rows = [{"prompt": f"What is {n} plus {n * 7}?", "completion": f"The sum is {n * 8}."} for n in range(40)]
    file = tmp_path / "sums.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    client = JobClient(workspace)
    spec = ImportSpec(sources=[SourceSpec(path=str(file))], name="sums")
    job = client.submit("dataset_import", spec, "Import sums.jsonl")
    client.ensure_runner()
    summary = client.wait(job)

    until(lambda: words(table(window, "Datasets")) != [])
    until(lambda: words(table(window, "Jobs"))[0][1] == "done")
    name, examples, seal = words(table(window, "Datasets"))[0]
    assert (name, seal) == ("sums", "open")
    assert f"{summary['train']:,} train" in examples
    assert f"{summary['test']:,} test" in examples
    assert words(table(window, "Jobs"))[0][0] == "Import sums.jsonl"
    tabs.setCurrentIndex(1)
    assert table(window, "Datasets").isVisible()
    assert tabs.tabText(1) == "Datasets (1)"

    window.close()
    assert window.findChildren(QThreadPool)[0].activeThreadCount() == 0


def test_a_folder_that_is_no_workspace_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/mum.txt").write_text("Dear mum", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "desktop.app", "--workspace", str(tmp_path / "letters")],
        env=clean_environment(tmp_path, tmp_path) | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=os.fspath(tmp_path),
    )
    assert done.returncode == 1
    assert "is not a workspace and is not empty (it holds mum.txt)" in done.stderr
    assert "Traceback" not in done.stderr
