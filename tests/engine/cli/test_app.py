"""``bakeoff app`` opens the window's program and says in words when it cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import Cli

PROGRAM = Path(sys.executable).parent / (
    "bakeoff-desktop.exe" if sys.platform == "win32" else "bakeoff-desktop"
)


@pytest.mark.skipif(not PROGRAM.exists(), reason="Bakeoff is not installed here, only on the path")
def test_without_a_screen_it_fails_in_one_sentence(cli: Cli) -> None:
    failed = cli("app", "--json", environment={"QT_QPA_PLATFORM": "no-such-platform"})
    assert failed.status == 1
    assert failed.json["error"]["code"] == "app.failed"
    assert "Traceback" not in failed.stderr
