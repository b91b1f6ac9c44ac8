"""Two processes never hold the same device; the second waits and says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.jobs.devices import hold_device, lock_file
from engine.locks import is_held
from engine.progress import SilentReporter

HOLD = """
import sys
from pathlib import Path
from engine.jobs.devices import hold_device
from engine.progress import SilentReporter
hold_device(sys.argv[1], SilentReporter(), Path(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


class Impatient(SilentReporter):
    """Gives up waiting at the second look, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.looks = 0

    def event(self, type: str, /, **data: object) -> None:
        self.told.append(str(data.get("message", "")))

    def check(self) -> None:
        self.looks += 1
        if self.looks == 2:
            raise TimeoutError


def test_a_device_belongs_to_one_process_until_it_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, "gpu:7", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        waiting = Impatient()
        with pytest.raises(TimeoutError):
            hold_device("gpu:7", waiting, tmp_path)
        assert waiting.told == ["Waiting for gpu:7, which another workspace is using."]
        hold_device("gpu:8", SilentReporter(), tmp_path)  # another one is free
        other.kill()
    hold_device("gpu:7", SilentReporter(), tmp_path)
    assert is_held(lock_file("gpu:7", tmp_path))
