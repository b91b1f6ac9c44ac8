"""The whole loop through the window with a real engine: from a dropped file to a chat with the winner.

On its way the worker is killed, its job is tried again, and the window is closed and opened again. What the user does
is done with mouse and keyboard; what is said to be so is read from the window.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from desktop.pages.chat.dialogs import NewChat
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QRadioButton,
    QSpinBox,
    QTableView,
    QTextBrowser,
    QWidget,
)

from desktop.pages.chat.page import Prompt
from desktop.pages.jobs.page import JobCard
from desktop.pages.ranking.chart import RankChart
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from desktop.widgets.drop_zone import DropZone
from engine.files import sha256_file
from engine.jobs.directory import JobDirectory, all_jobs
from engine.workspace import Workspace
from tests.conftest import processes_of
from tests.engine.jobs.helpers import event_types, kill, require_consistent_events, workers
from tests.here import add_model
from tests.tiny_families import exportable_model

Kind = TypeVar("Kind", bound=QWidget)

#: Seconds that the longest step may take on a busy machine.
_PATIENCE = 300.0


def wait(holds: Callable[[], object]) -> None:
    """Let the window work until something holds."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


@contextmanager
def opened(workspace: Workspace, look: Look) -> Iterator[MainWindow]:
    """The window, closed at the end as by its user; it leaves nothing at work."""
    window = MainWindow(workspace, look)
    window.show()
    window.activateWindow()
    wait(window.isActiveWindow)
    yield window
    window.close()
    assert not window.services.background.busy
    active = [timer for timer in window.findChildren(QTimer) if timer.isActive() and not timer.isSingleShot()]
    assert [(type(timer.parent()), timer.interval()) for timer in active] == []
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()] == []
    assert [one.name for one in threading.enumerate() if one.name.startswith("background")] == []


# What a user does


def shown(within: QWidget, kind: type[Kind], name: str) -> list[Kind]:
    """The visible widgets of a name."""
    return [one for one in within.findChildren(kind) if one.isVisible() and one.accessibleName() == name]


def press(within: QWidget, name: str) -> None:
    """Press a button by keyboard."""
    (button,) = shown(within, QAbstractButton, name)
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)


def go(window: MainWindow, name: str) -> None:
    """Click a page in the sidebar."""
    (pages,) = shown(window, QListWidget, "Pages")
    (item,) = pages.findItems(name, Qt.MatchFlag.MatchExactly)
    QTest.mouseClick(pages.viewport(), Qt.MouseButton.LeftButton, pos=pages.visualItemRect(item).center())
    assert window.page.accessibleName() == name


def drop(zone: DropZone, file: Path) -> None:
    """Drop a file as the file manager does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(zone, QDragEnterEvent(QPoint(20, 20), *how))
    QApplication.sendEvent(zone, QDropEvent(QPointF(20, 20), *how))


def replace_text(line: QLineEdit, text: str) -> None:
    """Type over what stands there."""
    line.setFocus()
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_Delete)
    QTest.keyClicks(line, text)


# What a user sees


def said(within: QWidget) -> str:
    """All words of a page or a card."""
    return "\n".join(one.text() for one in within.findChildren(QLabel) if one.isVisible())


def card(window: MainWindow, title: str) -> JobCard | None:
    """A card of the Jobs page."""
    cards = [one for one in window.page.findChildren(JobCard) if one.isVisible()]
    return next((one for one in cards if title in said(one).splitlines()), None)


def in_card(window: MainWindow, title: str, words: str) -> bool:
    """Whether a job's card is there and says something."""
    found = card(window, title)
    return found is not None and words in said(found)


def choose_jobs(window: MainWindow, part: str) -> None:
    """Show the active, finished or failed jobs."""
    wait(lambda: [one for one in window.page.findChildren(QAbstractButton) if one.text().startswith(part)])
    button = next(one for one in window.page.findChildren(QAbstractButton) if one.text().startswith(part))
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def cells(view: QTableView) -> list[list[str]]:
    """What a table shows."""
    model = view.model()
    return [
        [str(model.index(row, column).data()) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


# What the test looks up besides


def job_of(workspace: Workspace, kind: str) -> JobDirectory:
    """The one job of a kind."""
    (found,) = [job for job in all_jobs(workspace.jobs) if job.request().kind == kind]
    return found


def examples(file: Path, count: int) -> Path:
    """A file with examples."""
    chance = random.Random(5)
    rows = [
        {"prompt": f"What is {n}? {chance.random():.6f}", "completion": chance.choice(["red", "green"])}
        for n in range(count)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.mark.timeout(1200)
def test_from_a_dropped_file_to_a_chat_with_the_winner(
    workspace: Workspace, look: Look, tmp_path: Path, no_qt_warning: None
) -> None:
    t0 = time.monotonic()

    def mark(what: str) -> None:
        c = psutil.Process().cpu_times()
        print(
            f"{time.monotonic() - t0:6.1f} s cpu {c.user + c.system + c.children_user + c.children_system:.1f}: {what}",
            flush=True,
        )

    add_model(workspace, exportable_model(tmp_path / "base"), "tiny")
    mark("model added")
    with opened(workspace, look) as window:
        start(window, examples(tmp_path / "Farben für alle.jsonl", 60))
        mark("started")
        lose_the_worker(window, workspace)
        mark("lost")
        try_again_until_it_trains(window, workspace)
        mark("trains again")
    training = job_of(workspace, "train")
    assert training.status().state == "running"
    seen = event_types(training).count("train.step")
    wait(lambda: event_types(training).count("train.step") > seen + 2)  # without a window
    assert training.status().state == "running"
    with opened(workspace, look) as window:
        mark("reopened")
        see_it_finish(window, training)
        mark("training finished")
        go_on_with_the_study(window, workspace)
        mark("study done")
        see_the_ranking(window)
        mark("ranking seen")
        file = export_the_winner(window, tmp_path / "winner ü.gguf")
        mark("exported")
        chat(window, file)
        mark("chatted")
    wait(lambda: not processes_of(workspace.root))
    mark("runner gone")
    print(psutil.Process().children(recursive=True))
    for job in all_jobs(workspace.jobs):
        st = job.status()
        print(job.id, st.state, st.attempt, (st.ended or 0) - (st.started or 0))


def start(window: MainWindow, file: Path) -> None:
    """Three actions on Home."""
    (zone,) = window.page.findChildren(DropZone)
    drop(zone, file)
    wait(lambda: "Farben-für-alle: 60 examples" in said(window.page))
    wait(lambda: shown(window.page, QRadioButton, "Does tuning help?"))
    (quick,) = shown(window.page, QRadioButton, "Does tuning help?")
    quick.setFocus()
    QTest.keyClick(quick, Qt.Key.Key_Space)
    wait(lambda: shown(window.page, QAbstractButton, "Start")[0].isEnabled())
    press(window.page, "Start")
    wait(lambda: window.page.accessibleName() == "Study")


TRAIN = "Train tiny on Farben-für-alle"


def steps_done(window: MainWindow) -> int:
    """How many steps the training has taken, as its card says."""
    found = card(window, TRAIN)
    told = re.search(r"(\d+) of (\d+) steps", said(found)) if found is not None else None
    return int(told[1]) if told else 0


def lose_the_worker(window: MainWindow, workspace: Workspace) -> None:
    """Kill the worker in the middle of its training, and twice more: then it is told, with what to do."""
    go(window, "Jobs")
    wait(lambda: steps_done(window))
    training = job_of(workspace, "train")
    for attempt in range(1, 4):
        wait(lambda attempt=attempt: training.status().attempt == attempt and training.alive())
        if attempt == 1:
            assert "train.step" in event_types(training)
        kill([one for one in workers(workspace) if str(training.path) in one.cmdline()])
    choose_jobs(window, "Failed")
    wait(lambda: in_card(window, TRAIN, "SIGKILL"))
    found = card(window, TRAIN)
    print(said(found))
    wait(lambda: len([c for c in window.page.findChildren(JobCard) if c.isVisible()]) == 2)
    for c in window.page.findChildren(JobCard):
        print("CARD", said(c))


def try_again_until_it_trains(window: MainWindow, workspace: Workspace) -> None:
    """The failed training is tried again by its button."""
    found = card(window, TRAIN)
    assert found is not None
    press(found, "Try again")
    choose_jobs(window, "Active")
    training = job_of(workspace, "train")
    wait(
        lambda: (
            training.status().attempt == 4 and in_card(window, TRAIN, "Running") and steps_done(window) > 2
        )
    )


def see_it_finish(window: MainWindow, training: JobDirectory) -> None:
    """The window that was opened again shows the training to its end, and each of its steps once."""
    go(window, "Train")
    wait(lambda: shown(window.page, QAbstractButton, "Table"))
    press(window.page, "Table")
    wait(lambda: training.status().state == "done")
    wait(lambda: "Done" in said(window.page).splitlines())
    (points,) = shown(window.page, QTableView, "What the chart shows")
    steps = [int(step) for curve, step, _ in cells(points) if curve == "each step"]
    assert steps == list(range(1, len(steps) + 1))
    print(len(steps), "steps")
    require_consistent_events(training)


def go_on_with_the_study(window: MainWindow, workspace: Workspace) -> None:
    before = {job.id: job.status() for job in all_jobs(workspace.jobs) if job.status().state == "done"}
    assert {job.request().kind for job in all_jobs(workspace.jobs) if job.id in before} >= {
        "dataset_import",
        "train",
    }
    go(window, "Jobs")
    choose_jobs(window, "Failed")
    title = job_of(workspace, "study").request().title
    wait(lambda: in_card(window, title, "Try again") or card(window, title))
    found = card(window, title)
    assert found is not None
    press(found, "Try again")
    go(window, "Study")
    wait(lambda: "It is finished." in said(window.page))
    print(said(window.page))
    for job in all_jobs(workspace.jobs):
        if job.id in before:
            assert (job.status().attempt, job.status().ended) == (
                before[job.id].attempt,
                before[job.id].ended,
            )


def see_the_ranking(window: MainWindow) -> None:
    go(window, "Ranking")
    wait(lambda: window.page.findChildren(RankChart) and window.page.findChildren(RankChart)[0].isVisible())
    print(window.page.findChildren(RankChart)[0].accessibleDescription())
    print(said(window.page))
    tables = shown(window.page, QAbstractButton, "Table")
    tables[0].click()
    (ranking,) = shown(window.page, QTableView, "Ranking")
    print(cells(ranking))


def export_the_winner(window: MainWindow, file: Path) -> Path:
    go(window, "Study")
    press(window.page, "Export GGUF...")
    wait(lambda: window.page.findChildren(QFileDialog))
    (dialog,) = window.page.findChildren(QFileDialog)
    line = dialog.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    replace_text(line, str(file))
    QTest.keyClick(line, Qt.Key.Key_Return)
    wait(lambda: window.page.accessibleName() == "Jobs")
    wait(file.exists)
    choose_jobs(window, "Done")
    wait(lambda: in_card(window, "Export tiny-Farben-für-alle as gguf", "Done"))
    return file


def chat(window: MainWindow, file: Path) -> None:
    go(window, "Chat")
    wait(lambda: shown(window.page, QAbstractButton, "Choose models"))
    press(window.page, "Choose models")
    (dialog,) = window.page.findChildren(NewChat)
    boxes = [box for box in dialog.findChildren(QComboBox)]
    print([b.currentText() for b in boxes], [[b.itemText(i) for i in range(b.count())] for b in boxes])
    for box, name in zip(boxes, ["tiny-Farben-für-alle", ""], strict=False):
        replace_text(box.lineEdit(), name)
    press(dialog, "Begin")
    wait(lambda: shown(window.page, Prompt, "Your message"))
    print(said(window.page))
    press(window.page, "Settings")
    (most,) = shown(window.page, QSpinBox, "Tokens at most")
    most.setFocus()
    most.selectAll()
    QTest.keyClicks(most, "12")
    QTest.keyClick(most, Qt.Key.Key_Tab)
    (prompt,) = shown(window.page, Prompt, "Your message")
    prompt.setFocus()
    QTest.keyClicks(prompt, "What is 3?")
    QTest.keyClick(prompt, Qt.Key.Key_Return)
    wait(lambda: "tokens/s" in said(window.page))
    print(said(window.page))
    for b in window.page.findChildren(QTextBrowser):
        print("SAID", repr(b.toPlainText()))
    print(sha256_file(file)[:12])
