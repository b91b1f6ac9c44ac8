"""How busy a GPU is, as its driver's program tells it; a stand-in for that program writes what NVIDIA's does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engine.models import gpu_now as module
from engine.models.gpu_now import GpuNow, gpu_now


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A driver is installed; its program is the file that is returned."""
    monkeypatch.setattr(module, "has_driver", lambda: True)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "nvidia-smi"


def says(program: Path, text: str, status: int = 0) -> None:
    program.write_text(f"#!{sys.executable}\nprint({text!r})\nraise SystemExit({status})\n", encoding="utf-8")
    program.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        (
            "NVIDIA GeForce RTX 4090, 37, 2048, 24564\nNVIDIA T4, 1, 1, 1",
            0,
            GpuNow("NVIDIA GeForce RTX 4090", 0.37, 2048 << 20, 24564 << 20),
        ),
        ("A card, with a comma, [N/A], 5, 10", 0, GpuNow("A card, with a comma", 0.0, 5 << 20, 10 << 20)),
        ("No devices were found", 6, None),
        ("No devices were found", 0, None),
        ("A card, 1, [N/A], [N/A]", 0, None),
        ("", 0, None),
    ],
)
def test_the_first_gpu_is_told(driver: Path, text: str, status: int, told: GpuNow | None) -> None:
    says(driver, text, status)
    assert gpu_now() == told


def test_without_a_driver_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_driver", lambda: False)
    assert gpu_now() is None


def test_a_program_that_is_missing_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "has_driver", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_now() is None
