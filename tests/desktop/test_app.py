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


#: Chooses German in the settings, opens the window again, and tells what its sidebar says each time.
_REOPENED = """
import sys
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication, QAbstractButton, QComboBox
from desktop import app
from desktop.shell.window import MainWindow

def look():
    window = next(one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow) and one.isVisible())
    print(window.page.accessibleName(), flush=True)
    if QSettings().value("language") == "de":
        window.close()
        return
    window.go("settings")
    language = next(one for one in window.page.findChildren(QComboBox) if one.accessibleName() == "Language")
    language.setCurrentIndex(language.findData("de"))
    language.activated.emit(language.currentIndex())
    next(
        one for one in window.page.findChildren(QAbstractButton) if one.accessibleName() == "Open it again now"
    ).click()

class Told(QApplication):
    def exec(self):
        QTimer.singleShot(500, look)
        return super().exec()

QSettings.setDefaultFormat(QSettings.Format.IniFormat)
app.QApplication = Told
app.main(["--workspace", sys.argv[1]])
"""


def test_the_window_opens_again_in_another_language(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _REOPENED, str(tmp_path / "workspace")],
        env=clean_environment(tmp_path, tmp_path) | {"QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=os.fspath(Path(__file__).parents[2]),
    )
    assert (done.returncode, done.stdout.split()) == (0, ["Home", "Einstellungen"]), done.stderr
    assert "Traceback" not in done.stderr
