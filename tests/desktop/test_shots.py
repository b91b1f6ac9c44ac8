"""``bakeoff-desktop --shots`` as a program of its own: every page in a picture of the size that is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from desktop.shell.pages import PAGES
from engine.workspace import Workspace
from tests.conftest import clean_environment


def shots(workspace: Workspace, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "desktop.app", "--workspace", str(workspace.root), "--shots", *options],
        env=clean_environment(workspace.root, home) | {"QT_QPA_PLATFORM": "offscreen"},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize(("theme", "scale", "dark"), [("light", 1, False), ("dark", 2, True)])
def test_every_page_is_drawn(
    workspace: Workspace, tmp_path: Path, theme: str, scale: int, dark: bool
) -> None:
    out = tmp_path / "pictures"
    done = shots(workspace, tmp_path, str(out), "--theme", theme, "--scale", str(scale), "--size", "1000x700")
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in out.iterdir()) == sorted(f"{page.key}.png" for page in PAGES)
    for file in out.iterdir():
        image = QImage(str(file))
        assert (image.width(), image.height()) == (1000 * scale, 700 * scale)
        assert (image.pixelColor(5 * scale, 5 * scale).lightness() < 100) == dark


def test_a_size_that_is_none_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    done = shots(workspace, tmp_path, str(tmp_path / "out"), "--size", "wide")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
