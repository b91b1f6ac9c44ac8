"""What tests of the window need: one application without a screen, and the news of Qt's warnings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from time import monotonic

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QCoreApplication, QEventLoop, QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="session")
def application() -> QApplication:
    """The one application of the process."""
    existing = QApplication.instance()
    return existing if isinstance(existing, QApplication) else QApplication(["bakeoff-desktop"])


@pytest.fixture(autouse=True)
def no_qt_warning(application: QApplication) -> Iterator[None]:
    """Any warning of Qt fails the test in which it comes."""
    warnings: list[str] = []

    def note(kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
        # The platform without a screen says this of every window.
        if kind != QtMsgType.QtDebugMsg and "propagateSizeHints" not in text:
            warnings.append(text)

    previous = qInstallMessageHandler(note)
    yield
    qInstallMessageHandler(previous)
    assert warnings == []


@pytest.fixture
def until(application: QApplication) -> Until:
    """Lets the window work until something holds; fails after 10 seconds."""

    def wait(holds: Callable[[], bool]) -> None:
        deadline = monotonic() + 10.0
        while not holds():
            assert monotonic() < deadline, "it did not happen within 10 seconds"
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)

    return wait
