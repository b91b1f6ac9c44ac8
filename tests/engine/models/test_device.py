"""The number format: measured once, the same for all runs of an account, and for a job from beginning to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from engine.models import device
from engine.models.device import Device, choose_device
from engine.progress import SilentReporter


class Listener(SilentReporter):
    """Keeps decisions."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        self.reasons.append(reason)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The account's folder for such things, empty."""
    monkeypatch.setattr(platformdirs, "user_state_dir", lambda *_, **__: str(tmp_path / "state"))
    return tmp_path / "state"


def measuring(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let the measurement give these answers one after another; what is left of them."""
    left = list(answers)
    monkeypatch.setattr(device, "_measured_cpu", lambda: Device("cpu", left.pop(0), "measured"))
    return left


def test_it_is_measured_once_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    left = measuring(monkeypatch, "bfloat16", "float32")
    assert [choose_device(SilentReporter()).dtype for _ in range(3)] == ["bfloat16"] * 3
    assert left == ["float32"]


def test_another_torch_or_processor_is_measured_anew(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    measuring(monkeypatch, "bfloat16", "float32")
    assert choose_device(SilentReporter()).dtype == "bfloat16"
    file = state / "cpu.json"
    known = json.loads(file.read_text())
    known["abilities"][0] = "1.0"
    file.write_text(json.dumps(known))
    assert choose_device(SilentReporter()).dtype == "float32"


def test_a_damaged_or_forbidden_memory_does_not_matter(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    measuring(monkeypatch, "bfloat16", "float32")
    state.mkdir()
    (state / "cpu.json").write_text("{")
    assert choose_device(SilentReporter()).dtype == "bfloat16"
    (state / "cpu.json").unlink()
    (state / "cpu.json").mkdir()
    assert choose_device(SilentReporter()).dtype == "float32"


def test_a_job_goes_on_in_the_format_that_it_began_with(
    monkeypatch: pytest.MonkeyPatch, state: Path, tmp_path: Path
) -> None:
    measuring(monkeypatch, "bfloat16", "float32")
    kept, listener = tmp_path / "device.json", Listener()
    assert choose_device(listener, kept=kept).dtype == "bfloat16"
    (state / "cpu.json").unlink()
    assert choose_device(listener, kept=kept).dtype == "bfloat16"
    assert listener.reasons == ["measured", "as the job began"]


def test_a_wish_is_obeyed_without_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    left = measuring(monkeypatch, "bfloat16")
    assert choose_device(SilentReporter(), "float32") == Device("cpu", "float32", "asked for")
    assert left == ["bfloat16"]


def test_the_measurement_itself_gives_one_of_the_two_and_says_how_much_faster() -> None:
    found = device._measured_cpu()
    assert found.dtype in ("bfloat16", "float32")
    assert "the speed of float32 on this CPU" in found.reason
