"""At the foot of the window: how full the memory is, and what was spent today."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtWidgets import QLabel, QProgressBar

from desktop.shell import vitals
from desktop.shell.footer import Footer
from desktop.shell.meter import Meter
from desktop.shell.window import MainWindow
from engine.judging import spending
from engine.judging.spending import spent_since
from engine.models.gpu_now import GpuNow
from engine.workspace import Workspace
from engine.workspace.tables import Verdict, now
from tests.answered import fill, judge, prompts
from tests.desktop.conftest import Until


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine of 32 GB, of which 11 are taken."""
    memory = SimpleNamespace(total=32_000_000_000, available=21_000_000_000)
    monkeypatch.setattr(vitals, "psutil", SimpleNamespace(virtual_memory=lambda: memory))
    monkeypatch.setattr(vitals, "gpu_now", lambda: None)
    return memory


def said(widget: Meter | Footer) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


def parts(window: MainWindow) -> tuple[Meter, Footer]:
    meter, footer = window.findChild(Meter), window.findChild(Footer)
    assert isinstance(meter, Meter)
    assert isinstance(footer, Footer)
    return meter, footer


def test_the_memory_is_shown_and_followed(
    window: MainWindow, machine: SimpleNamespace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter, footer = parts(window)
    window.resize(1360, 860)
    until(lambda: "11.0 of 32 GB" in said(meter))
    (bar,) = meter.findChildren(QProgressBar)
    assert bar.value() == 344
    assert bar.accessibleName() == "Memory: 11.0 of 32 GB are taken"
    assert "Spent today" not in said(footer)
    machine.available = 16_000_000_000
    window._vitals.refresh()
    until(lambda: bar.value() == 500)
    gpu = GpuNow("NVIDIA GeForce RTX 4090", 0.5, 19_600_000_000, 24_500_000_000)
    monkeypatch.setattr(vitals, "gpu_now", lambda: gpu)
    window._vitals.refresh()
    until(lambda: "RTX 4090" in said(meter) and "19.6 of 24 GB" in said(meter))
    assert bar.value() == 800


def test_a_low_window_keeps_its_entries_instead(window: MainWindow, until: Until) -> None:
    meter, _ = parts(window)
    window.resize(1360, 860)
    until(meter.isVisible)
    window.resize(1000, 600)
    until(lambda: not meter.isVisible())


def test_what_was_spent_today_is_told_and_summed_only_when_something_changed(
    workspace: Workspace,
    window: MainWindow,
    until: Until,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    summed: list[float] = []

    def counted(*arguments: object) -> float:
        summed.append(spent_since(*arguments))  # type: ignore[arg-type]
        return summed[-1]

    monkeypatch.setattr(spending, "spent_since", counted)
    _, footer = parts(window)
    fill(workspace, tmp_path)
    for prompt in prompts(workspace)[:4]:
        judge(workspace, prompt, "Good", "Bad", "a")
    window._vitals.refresh()
    until(lambda: "Spent today: $0.04" in said(footer))
    model = window._vitals
    for _ in range(50):  # until nothing changes meanwhile, as the last verdicts may be heard of late
        model.refresh()
        until(lambda: not model._reading)
        before = model._changes, len(summed), model._summed is not None
        for _ in range(3):
            model.refresh()
            until(lambda: not model._reading)
        if before[2] and model._changes == before[0]:
            break
    assert (model._changes, len(summed), model._summed is not None) == before
    judge(workspace, prompts(workspace)[5], "Good", "Bad", "a")
    until(lambda: model._changes > before[0])
    model.refresh()
    until(lambda: "Spent today: $0.05" in said(footer))


def test_yesterdays_verdicts_do_not_count(workspace: Workspace, tmp_path: Path) -> None:
    fill(workspace, tmp_path)
    first, second, *_ = prompts(workspace)
    judge(workspace, first, "Good", "Bad", "a")
    judge(workspace, second, "Good", "Bad", "a")
    assert spent_since(workspace, now() - timedelta(hours=1)) == pytest.approx(0.02)
    with workspace.catalogue.writing() as session:
        session.query(Verdict).filter_by(prompt_id=first).update({"created_at": now() - timedelta(days=2)})
    assert spent_since(workspace, now() - timedelta(hours=1)) == pytest.approx(0.01)
    assert spent_since(workspace, now() + timedelta(hours=1)) == 0.0
