"""What benches of the window share: its application, a training beside it, scrolling, and how numbers are told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QTableView

from engine.jobs.directory import JobDirectory
from engine.models.inspect import ModelInfo
from tests.bench.event_loop import frames

EVENTS_A_SECOND = 100.0
STEPS_BEFORE = 20_000
STEPS = 60_000
#: What is told of every model.
MODEL: Final = ModelInfo(
    architecture="LlamaForCausalLM",
    model_type="llama",
    parameters=134_515_008,
    vocabulary=49_152,
    layers=30,
    hidden=576,
    context=8192,
    dtype="bfloat16",
    disk_bytes=269_060_552,
).model_dump()
#: Turns of the wheel, in eighths of a degree, 60 times a second.
_WHEEL = 40


def the_application() -> QApplication:
    """The one of this process."""
    there = QApplication.instance()
    return there if isinstance(there, QApplication) else QApplication(["bench"])


@contextmanager
def training(job: JobDirectory) -> Iterator[None]:
    """Trains meanwhile."""
    told = ["train", str(job.path), str(EVENTS_A_SECOND), str(STEPS_BEFORE), str(STEPS)]
    process = subprocess.Popen(
        ["nice", "-n", "10", sys.executable, "-m", "tests.bench.fake_engine", *told],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline().strip() == "ready"
        yield
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def scrolled(view: QAbstractScrollArea, meanwhile: Callable[[], None], seconds: float) -> list[float]:
    """Milliseconds of each frame while a table is scrolled by the wheel."""
    bar, window = view.verticalScrollBar(), view.window()
    inside = view.viewport().rect().center()
    place = view.viewport().mapTo(window, inside)
    # What stands in other areas may take the wheel for itself.
    through = isinstance(view, QTableView)
    across = QPointF(place if through else inside), QPointF(window.mapToGlobal(place))
    down = QPoint(0, -_WHEEL)
    still, none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    phase, nowhere = Qt.ScrollPhase.NoScrollPhase, QPoint()
    moved = []

    def turn() -> None:
        before = bar.value()
        wheel = QWheelEvent(*across, down, down, still, none, phase, False)
        if not through:  # the window notices hands at the wheel
            heard = QWheelEvent(*across, nowhere, nowhere, still, none, phase, False)
            QApplication.sendEvent(window.windowHandle(), heard)
        QApplication.sendEvent(window.windowHandle() if through else view.viewport(), wheel)
        moved.append(bar.value() - before)
        if bar.value() == before:
            bar.setValue(0)

    other = QTimer(interval=100)
    other.timeout.connect(meanwhile)
    other.start()
    taken = frames(view, turn, round(seconds * 60))
    other.stop()
    assert np.median(moved) > 0, "the wheel did not turn the table"
    return taken


def tell(what: str, taken: Sequence[float], goal: str) -> None:
    numbers = np.array(taken)
    middle, high = np.quantile(numbers, 0.5), np.quantile(numbers, 0.95)
    print(f"{what:44}{middle:>10.1f}{high:>10.1f}{numbers.max():>10.1f}{goal:>16}", flush=True)
