"""The command opens the window on a workspace, or draws its pages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import clean_environment


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
