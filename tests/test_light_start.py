"""Starting is light: what opens a window or prints a list loads none of the heavy libraries.

Each case runs in a fresh Python, calls the real entry point there, and reads ``sys.modules`` afterwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.workspace import open_workspace
from tests.conftest import clean_environment

HEAVY = {"torch", "transformers", "peft", "pandas", "bitsandbytes", "llama_cpp", "accelerate"}
#: What only the window may load.
QT = {"PySide6", "shiboken6"}

_PROGRAM = """
import json, sys
sys.argv = ["bakeoff"]
status = None
{body}
loaded = sorted({{name.partition(".")[0] for name in sys.modules}})
print("\\nLOADED " + json.dumps([status, loaded]))
"""
_COMMAND = """
from engine.cli.main import main
try:
    main({arguments!r})
except SystemExit as ending:
    status = ending.code
"""

VERDICTS = "a,b,winner,prompt_id\nfirst,second,a,1\nfirst,second,b,2\nfirst,second,a,3\nsecond,first,tie,4\n"


def loaded_by(body: str, folder: Path) -> tuple[int | None, set[str], str]:
    """Exit status, top-level modules and output of ``body`` in a fresh Python."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(body=body)],
        cwd=folder,
        env=clean_environment(folder / "workspace", folder) | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert "LOADED " in done.stdout, done.stderr
    text, _, answer = done.stdout.rpartition("LOADED ")
    status, modules = json.loads(answer)
    return status, set(modules), text + done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--help"], "COMMAND"),
        (["rank", "--help"], "--verdicts"),
        (["rank", "--verdicts", "verdicts.csv"], "first"),
        (["job", "list"], "No jobs yet"),
        (["job", "list", "--json"], "[]"),
        (["model", "list"], ""),
        (["dataset", "list"], ""),
        (["train", "--help"], "--base"),
        (["judge", "--help"], "--contestants"),
    ],
    ids=" ".join,
)
def test_a_command_that_computes_nothing_loads_nothing_heavy(
    arguments: list[str], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "verdicts.csv").write_text(VERDICTS, encoding="utf-8")
    status, modules, output = loaded_by(_COMMAND.format(arguments=arguments), tmp_path)
    assert status in (0, None), output
    assert expected in output
    assert "engine" in modules
    assert modules & (HEAVY | QT) == set()


def test_the_window_loads_nothing_heavy(tmp_path: Path) -> None:
    _, modules, output = loaded_by("import desktop.app", tmp_path)
    assert {"PySide6", "desktop", "engine"} <= modules, output
    assert modules & HEAVY == set()


def test_what_is_slow_to_load_is_loaded_after_the_window_has_been_painted(tmp_path: Path) -> None:
    """Its own program on a workspace that is there, as it is when it is opened again."""
    open_workspace(tmp_path / "workspace")
    body = """
import desktop.app
from PySide6.QtWidgets import QApplication
from desktop.shell.first_paint import FirstPaint

tell = FirstPaint._tell
def told(self):
    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    print("\\nLOADED " + json.dumps([0, loaded]), flush=True)
    QApplication.quit()
FirstPaint._tell = told
try:
    desktop.app.main(["--workspace", "workspace"])
except SystemExit:
    pass
sys.exit(0)
"""
    _, modules, output = loaded_by(body, tmp_path)
    assert {"PySide6", "desktop", "engine"} <= modules, output
    assert modules & (HEAVY | {"alembic", "matplotlib", "pyarrow", "pyqtgraph", "scipy"}) == set()


def test_a_view_model_loads_no_widgets(tmp_path: Path) -> None:
    body = (
        "import desktop.pages.home.view_model\n"
        "assert 'PySide6.QtCore' in sys.modules\n"
        "assert not {'PySide6.QtWidgets', 'PySide6.QtGui'} & set(sys.modules)"
    )
    _, modules, _ = loaded_by(body, tmp_path)
    assert "desktop" in modules


def test_submitting_a_job_loads_nothing_heavy(tmp_path: Path) -> None:
    """A spec and the client are all that it takes; the worker loads the rest."""
    body = """
from engine.datasets.spec import ImportSpec
from engine.inference.spec import GenerateSpec
from engine.jobs.client import JobClient
from engine.judging.spec import JudgeSpec
from engine.merging.spec import MergeSpec
from engine.studies.spec import StudySpec
from engine.training.spec import TrainSpec
from engine.workspace import open_workspace

spec = ImportSpec(sources=[{"path": "rows.jsonl"}], name="rows")
status = JobClient(open_workspace()).submit("dataset_import", spec, "Import rows").status().state
"""
    status, modules, output = loaded_by(body, tmp_path)
    assert status == "queued", output
    assert modules & (HEAVY | QT) == set()
