"""The window as its user drives it, with mouse and keyboard, and what is to be read in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QTableView,
    QWidget,
)

from desktop.pages.jobs.page import JobCard
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from desktop.widgets.drop_zone import DropZone
from engine.workspace import Workspace

Kind = TypeVar("Kind", bound=QWidget)

#: Seconds that the longest step may take on a busy machine.
_PATIENCE = 300.0


def wait(what: str, holds: Callable[[], object]) -> None:
    """Let the window work until something holds, which ``what`` says in words."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"it did not happen: {what}"
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.02)  # leaves the processor to the jobs that are waited for


@contextmanager
def opened(workspace: Workspace, look: Look) -> Iterator[MainWindow]:
    """The window, closed at the end as by its user; it leaves no timer, thread or window."""
    window = MainWindow(workspace, look)
    window.show()
    window.activateWindow()
    wait("the window is in front", window.isActiveWindow)
    yield window
    window.close()
    assert not window.services.background.busy
    timers = [timer for timer in window.findChildren(QTimer) if timer.isActive() and not timer.isSingleShot()]
    assert [(type(timer.parent()), timer.interval()) for timer in timers] == []
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()] == []
    assert [one.name for one in threading.enumerate() if one.name.startswith("background")] == []


# What a user sees


def shown(within: QWidget, kind: type[Kind], name: str = "") -> list[Kind]:
    """The visible widgets of a kind, or those of a name among them."""
    return [
        one
        for one in within.findChildren(kind)
        if one.isVisible() and (not name or one.accessibleName() == name)
    ]


def said(within: QWidget) -> list[str]:
    """All that is written on a page or a card."""
    return [line for one in shown(within, QLabel) for line in one.text().splitlines()]


def says(within: QWidget, words: str) -> bool:
    """Whether these words stand somewhere on a page or a card."""
    return words in "\n".join(said(within))


def cells(view: QTableView) -> list[list[str]]:
    """What a table shows."""
    model = view.model()
    return [
        [str(model.index(row, column).data()) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def card(window: MainWindow, title: str) -> JobCard | None:
    """The card of the job with this title, if the Jobs page shows one."""
    return next((one for one in shown(window.page, JobCard) if title in said(one)), None)


def card_says(window: MainWindow, title: str, words: str) -> bool:
    """Whether the card of a job is there and says something."""
    found = card(window, title)
    return found is not None and says(found, words)


# What a user does


def wait_for(within: QWidget, kind: type[Kind], name: str) -> Kind:
    """The widget of this name, once it is there and can be used."""
    wait(f"{name} is offered", lambda: any(one.isEnabled() for one in shown(within, kind, name)))
    (found,) = shown(within, kind, name)
    return found


def press(within: QWidget, name: str) -> None:
    """Press a button by keyboard as soon as that can be done."""
    button = wait_for(within, QAbstractButton, name)
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)


def press_on_card(window: MainWindow, title: str, name: str) -> None:
    """Press a button of a job's card."""
    wait(f"there is a card: {title}", lambda: card(window, title) is not None)
    found = card(window, title)
    assert found is not None
    press(found, name)


def go(window: MainWindow, name: str) -> None:
    """Click a page in the sidebar."""
    pages = wait_for(window, QListWidget, "Pages")
    (item,) = pages.findItems(name, Qt.MatchFlag.MatchExactly)
    QTest.mouseClick(pages.viewport(), Qt.MouseButton.LeftButton, pos=pages.visualItemRect(item).center())
    assert window.page.accessibleName() == name


def show_jobs(window: MainWindow, part: str) -> None:
    """Show the active, done or failed jobs: click the button that says so and how many they are."""
    go(window, "Jobs")

    def buttons() -> list[QAbstractButton]:
        return [one for one in shown(window.page, QAbstractButton) if one.text().startswith(f"{part} ")]

    wait(f"{part} jobs are offered", buttons)
    QTest.mouseClick(buttons()[0], Qt.MouseButton.LeftButton)


def drop(zone: DropZone, file: Path) -> None:
    """Drop a file as the file manager does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(zone, QDragEnterEvent(QPoint(20, 20), *how))
    QApplication.sendEvent(zone, QDropEvent(QPointF(20, 20), *how))


def write(line: QAbstractSpinBox | QLineEdit | QPlainTextEdit, text: str) -> None:
    """Type over what stands there, letters that `QTest.keyClicks` does not know too."""
    line.window().activateWindow()  # nobody manages windows here when a dialog closes
    line.setFocus()
    wait(
        "the field has the keyboard", line.hasFocus
    )  # a file dialog would write its own choice there until then
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_Delete)
    for letter in text:
        for what in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(line, QKeyEvent(what, 0, Qt.KeyboardModifier.NoModifier, letter))
