"""What tests of the window need: one application without a screen, a window, and the news of Qt's warnings."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic, sleep

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
import pytest
from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QEventLoop,
    QMessageLogContext,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication, QDialog
from shiboken6 import isValid

from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.workspace import Workspace

#: What the platform without a screen says of every window and list that opens, and of scripts that its fonts do
#: not shape.
HARMLESS = (
    "propagateSizeHints",
    "This plugin does not support raise()",
    "This plugin does not support grabbing the keyboard",
    "OpenType support missing",
)

#: Seconds that a busy machine may take for what takes moments on an idle one.
_PATIENCE = 60.0

#: Ends of a word in the command lines of processes that a window need not end.
_OTHERS = ("engine.jobs.runner", "engine.jobs.worker", "rendering_child.py")

Until = Callable[[Callable[[], object]], None]


def gone(dialog: QDialog) -> None:
    """Remove a dialog that was closed at once, before anything that is under way has an outcome."""
    QCoreApplication.sendPostedEvents(dialog, QEvent.Type.DeferredDelete.value)
    assert not isValid(dialog)


@pytest.fixture(autouse=True, scope="module")
def garbage_of_windows() -> Iterator[None]:
    """Collect garbage in this thread, as the window does: objects of Qt must not end in another one."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    """What the one application of the process is started with."""
    return ["bakeoff-desktop"]


@pytest.fixture(scope="session")
def look(qapp: QApplication) -> Look:
    """The light look."""
    return Look(qapp, "light")


@pytest.fixture(autouse=True)
def no_qt_warning(qapp: QApplication) -> Iterator[None]:
    """Any warning of Qt fails the test in which it comes."""
    warnings: list[str] = []

    def note(kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
        if kind != QtMsgType.QtDebugMsg and not any(known in text for known in HARMLESS):
            warnings.append(text)

    previous = qInstallMessageHandler(note)
    yield
    qInstallMessageHandler(previous)
    assert warnings == []


@pytest.fixture
def until(qapp: QApplication) -> Until:
    """Lets the window work until something holds; fails after a minute.

    Unlike ``qtbot.waitUntil``, which looks every 10 ms, it looks after each pass of the event loop: what a tiny model
    says is over sooner.
    """

    def wait(holds: Callable[[], object]) -> None:
        deadline = monotonic() + _PATIENCE
        while not holds():
            assert monotonic() < deadline, "it did not happen within a minute"
            qapp.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            sleep(0.002)  # leaves the processor to what is waited for: threads of this process, and others

    return wait


def still_there(children: set[psutil.Process]) -> set[psutil.Process]:
    """Which of these are still there; whoever was told to end has some seconds for it.

    Runners and their workers are to outlive a window (the workspace's own fixture sees to them), and the child that
    renders chat templates belongs to the process of the window, not to the window.
    """
    mine = {one for one in children if not any(word.endswith(_OTHERS) for word in _words(one))}
    return set(psutil.wait_procs(mine, timeout=10)[1])


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


@pytest.fixture
def window(workspace: Workspace, look: Look) -> Iterator[MainWindow]:
    """The window on an empty workspace; it is closed afterwards, and leaves nothing at work."""
    before = set(psutil.Process().children())
    made = MainWindow(workspace, look)
    made.show()
    yield made
    made.close()
    assert not made.services.background.busy
    assert [
        timer for timer in made.findChildren(QTimer) if timer.isActive() and not timer.isSingleShot()
    ] == []
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert [one.name for one in threading.enumerate() if one.name.startswith("background")] == []
    assert still_there(set(psutil.Process().children()) - before) == set()
    assert [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()] == []
