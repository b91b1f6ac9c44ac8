"""Around the window: one per workspace, signs of jobs outside it, what nobody expected, and what it opens again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QDir, QObject, QSettings, Qt, Signal
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QPlainTextEdit, QPushButton, QSystemTrayIcon

from desktop.problem import problem_of
from desktop.shell import signs
from desktop.shell.crash import CrashDialog, CrashGuard, CrashTeller
from desktop.shell.instance import Instance
from desktop.shell.places import known_places, last_place, open_window, remember_place
from desktop.shell.window import MainWindow
from engine.jobs.client import JobClient
from engine.locks import is_held
from engine.workspace import Workspace, open_workspace
from tests.conftest import clean_environment
from tests.desktop.conftest import Until
from tests.engine.jobs.helpers import submit_import, write_rows


def start(workspace: Path, home: Path) -> subprocess.Popen[str]:
    """The window's program as a process of its own, without a screen."""
    return subprocess.Popen(
        [sys.executable, "-m", "desktop.app", "--workspace", str(workspace)],
        env=clean_environment(workspace, home) | {"QT_QPA_PLATFORM": "offscreen"},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# One window per workspace


def test_a_second_window_brings_the_first_forward_and_ends(
    workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    ours = Instance(workspace)
    asked: list[bool] = []
    ours.asked.connect(lambda: asked.append(True))
    assert ours.claim() == "first"
    second = start(workspace.root, tmp_path)
    until(lambda: second.poll() is not None)
    assert (second.returncode, asked) == (0, [True])
    ours.close()
    third = Instance(workspace)
    assert third.claim() == "first"
    third.close()


@pytest.mark.skipif(os.name != "posix", reason="speaks through a socket of POSIX")
def test_an_answer_that_came_while_the_second_was_still_speaking_is_heard(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, second = Instance(workspace), Instance(workspace)
    monkeypatch.setattr(ours, "_listen", lambda: None)
    assert ours.claim() == "first"
    place = Path(QDir.tempPath()) / second._name
    with socket.socket(socket.AF_UNIX) as first, ThreadPoolExecutor(1) as pool:
        first.bind(str(place))
        first.listen()

        def answer() -> socket.socket:
            there = first.accept()[0]
            there.sendall(b"yes\n")
            return there

        answered = pool.submit(answer)
        written = QLocalSocket.waitForBytesWritten

        def slowly(speaking: QLocalSocket, most: int) -> bool:
            answered.result(timeout=30)
            return written(speaking, most) and (
                speaking.bytesAvailable() > 0 or speaking.waitForReadyRead(10_000)
            )

        monkeypatch.setattr(QLocalSocket, "waitForBytesWritten", slowly)
        assert second.claim() == "raised"
        answered.result().close()
    place.unlink()
    ours.close()


def test_a_window_that_was_killed_keeps_nobody_out(
    workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    first = start(workspace.root, tmp_path)
    try:
        until(lambda: is_held(workspace.root / "window.lock") or first.poll() is not None)
        probe = Instance(workspace)
        until(lambda: probe.claim() == "raised")
    finally:
        first.kill()
        first.communicate()
    assert probe.claim() == "first"
    probe.close()


def test_a_window_that_does_not_answer_is_told_in_a_sentence(
    workspace: Workspace, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Instance(workspace)
    monkeypatch.setattr(ours, "_listen", lambda: None)
    assert ours.claim() == "first"
    second = start(workspace.root, tmp_path)
    until(lambda: second.poll() is not None)
    assert second.returncode == 1
    assert second.stderr is not None
    said = second.communicate()[1]
    assert "does not answer" in said
    assert "Traceback" not in said
    ours.close()


def test_two_workspaces_have_two_windows(workspace: Workspace, tmp_path: Path) -> None:
    one, other = Instance(workspace), Instance(open_workspace(tmp_path / "Übung"))
    assert one.claim() == other.claim() == "first"
    one.close()
    other.close()


# Signs of jobs outside the window


class FakeTray(QObject):
    """Notes what a tray would have shown."""

    activated = Signal(object)
    messageClicked = Signal()  # noqa: N815
    MessageIcon = QSystemTrayIcon.MessageIcon
    ActivationReason = QSystemTrayIcon.ActivationReason
    shown: list[FakeTray] = []  # noqa: RUF012

    def __init__(self, _icon: object, parent: QObject) -> None:
        super().__init__(parent)
        self.visible = False
        self.messages: list[tuple[str, str]] = []
        self.tip = ""
        FakeTray.shown.append(self)

    @staticmethod
    def isSystemTrayAvailable() -> bool:  # noqa: N802
        return True

    def setContextMenu(self, menu: object) -> None:  # noqa: N802
        self.menu = menu

    def setToolTip(self, text: str) -> None:  # noqa: N802
        self.tip = text

    def show(self) -> None:
        self.visible = True

    def hide(self) -> None:
        self.visible = False

    def showMessage(self, title: str, words: str, _icon: object, _milliseconds: int) -> None:  # noqa: N802
        self.messages.append((title, words))


@pytest.fixture
def tray(monkeypatch: pytest.MonkeyPatch) -> list[FakeTray]:
    FakeTray.shown = []
    monkeypatch.setattr(signs, "QSystemTrayIcon", FakeTray)
    monkeypatch.setattr(signs, "_SHOWN", 100)
    return FakeTray.shown


def test_the_tray_tells_of_jobs_and_of_their_ends(
    tray: list[FakeTray],
    workspace: Workspace,
    tmp_path: Path,
    until: Until,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window: MainWindow = request.getfixturevalue("window")
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    monkeypatch.setattr(window, "raise_", lambda: None)  # which the platform without a screen cannot
    until(lambda: window.services.feed.snapshot.catalogue)
    assert tray == []
    client = JobClient(workspace)
    submit_import(client, write_rows(tmp_path / "rows.jsonl", 20_000), "rows")
    (tmp_path / "bad.jsonl").write_text("no json\n" * 50, encoding="utf-8")
    submit_import(client, tmp_path / "bad.jsonl", "bad")
    client.ensure_runner()
    until(lambda: tray and tray[0].visible)
    assert "Import rows" in tray[0].tip
    until(lambda: sum(len(one.messages) for one in tray) == 2)
    messages = [message for one in tray for message in one.messages]
    assert messages[0] == ("Import rows is done", "")
    assert messages[1][0] == "Import bad has failed"
    assert messages[1][1]
    tray[-1].messageClicked.emit()
    until(lambda: window.page.accessibleName() == "Jobs")
    until(lambda: not any(one.visible for one in tray))


def test_nothing_breaks_where_there_is_no_tray_and_old_ends_are_no_news(
    window: MainWindow, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    assert not QSystemTrayIcon.isSystemTrayAvailable()
    client = JobClient(workspace)
    submit_import(client, write_rows(tmp_path / "rows.jsonl", 30), "rows")
    client.ensure_runner()
    until(lambda: any(job.state == "done" for job in window.services.feed.jobs))
    until(lambda: "Import rows is done" in said(window))
    again = MainWindow(workspace, window.context.look)
    again.show()
    until(lambda: again.services.feed.jobs)
    assert "is done" not in said(again)
    again.close()


def said(window: MainWindow) -> str:
    """At the foot of the window."""
    (message,) = [one for one in window.findChildren(QLabel) if one.accessibleName() == "Message"]
    return message.text()


def test_closing_the_window_leaves_the_jobs_going_and_reopening_shows_them(
    workspace: Workspace, look: Any, tmp_path: Path, until: Until
) -> None:
    first = MainWindow(workspace, look)
    first.show()
    client = JobClient(workspace)
    job = submit_import(client, write_rows(tmp_path / "rows.jsonl", 60_000), "rows")
    client.ensure_runner()
    until(lambda: job.status().state == "running")
    first.close()
    second = MainWindow(workspace, look)
    second.show()
    second.go("jobs")
    until(lambda: [one.title for one in second.services.feed.jobs] == ["Import rows"])
    until(lambda: second.services.feed.jobs[0].state == "done")
    second.close()


# What nobody expected


@pytest.fixture
def guard(workspace: Workspace) -> Iterator[CrashGuard]:
    made = CrashGuard(workspace)
    yield made
    made.close()


def crash_dialogs(window: MainWindow) -> list[CrashDialog]:
    return [one for one in window.findChildren(CrashDialog) if one.isVisible()]


def press(dialog: CrashDialog, name: str) -> None:
    (button,) = [one for one in dialog.findChildren(QPushButton) if one.accessibleName() == name]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)


def thrown_at(does: Callable[[], Any]) -> None:
    """What an exception that nobody catches does."""
    try:
        does()
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__)


def test_a_crash_is_written_down_and_told_once_with_the_diagnostics(
    window: MainWindow,
    workspace: Workspace,
    guard: CrashGuard,
    until: Until,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    teller = CrashTeller(window.context.look, window.services, guard, window)
    thrown_at(lambda: {}["a key of nobody"])
    thrown_at(lambda: 1 / 0)
    until(lambda: crash_dialogs(window))
    (dialog,) = crash_dialogs(window)
    assert teller is not None
    details = dialog.findChild(QPlainTextEdit)
    assert isinstance(details, QPlainTextEdit)
    assert "a key of nobody" in details.toPlainText()
    out = tmp_path / "told.zip"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    press(dialog, "Save the diagnostics")
    until(lambda: out.exists() and "told.zip has been written." in [one.text() for one in labels(dialog)])
    with zipfile.ZipFile(out) as bundle:
        log = bundle.read("window.log").decode()
    assert "a key of nobody" in log
    assert "ZeroDivisionError" in log
    press(dialog, "Close")
    until(lambda: not crash_dialogs(window))


def labels(dialog: CrashDialog) -> list[QLabel]:
    return dialog.findChildren(QLabel)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_crash_in_another_thread_is_told_in_this_one(
    window: MainWindow, guard: CrashGuard, until: Until
) -> None:
    teller = CrashTeller(window.context.look, window.services, guard, window)
    thread = threading.Thread(target=lambda: [][1])
    thread.start()
    thread.join()
    until(lambda: crash_dialogs(window))
    assert teller is not None
    press(crash_dialogs(window)[0], "Close")


def test_what_has_killed_the_window_is_told_the_next_time(
    window: MainWindow, workspace: Workspace, until: Until
) -> None:
    program = (
        "import os, sys; from pathlib import Path; from engine.workspace import open_workspace; "
        "from desktop.shell.crash import CrashGuard; "
        "guard = CrashGuard(open_workspace(sys.argv[1])); os.abort()"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(workspace.root)], capture_output=True, check=False
    )
    assert killed.returncode != 0
    guard = CrashGuard(workspace)
    assert "Aborted" in guard.last_time
    teller = CrashTeller(window.context.look, window.services, guard, window)
    until(lambda: crash_dialogs(window))
    assert teller is not None
    press(crash_dialogs(window)[0], "Close")
    guard.close()
    after = CrashGuard(workspace)
    assert after.last_time == ""
    after.close()


def test_unexpected_failures_of_work_offer_the_diagnostics_too(
    window: MainWindow, workspace: Workspace, guard: CrashGuard, until: Until
) -> None:
    def work() -> None:
        raise RuntimeError("nobody thought of this")

    window.services.background.run(window, work, lambda _none: None, window.show_problem)
    until(lambda: crash_dialogs(window))
    (dialog,) = crash_dialogs(window)
    details = dialog.findChild(QPlainTextEdit)
    assert isinstance(details, QPlainTextEdit)
    assert "nobody thought of this" in details.toPlainText()
    assert "nobody thought of this" in (workspace.root / "window.log").read_text(encoding="utf-8")
    press(dialog, "Close")
    assert problem_of(RuntimeError("x")) == problem_of(RuntimeError("x"))


# What is opened again


def test_the_last_workspace_is_opened_again_unless_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BAKEOFF_WORKSPACE", raising=False)
    settings = QSettings(str(tmp_path / "place.ini"), QSettings.Format.IniFormat)
    assert last_place(settings) is None
    one, two = (open_workspace(tmp_path / name).root for name in ("eins", "zwei ü"))
    remember_place(settings, one)
    remember_place(settings, two)
    settings.sync()
    again = QSettings(str(tmp_path / "place.ini"), QSettings.Format.IniFormat)
    assert last_place(again) == two
    assert known_places(again.value) == [two, one]
    two.rename(tmp_path / "fort")
    assert last_place(again) == one
    monkeypatch.setenv("BAKEOFF_WORKSPACE", str(tmp_path / "drei"))
    assert last_place(again) is None
    again.setValue("workspaces", json.dumps({"not": "a list"}))
    assert known_places(again.value) == []


def test_a_second_start_ends_at_once_and_raises_the_first(tmp_path: Path, until: Until) -> None:
    folder = tmp_path / "mine"
    ours = Instance(open_workspace(folder))
    assert ours.claim() == "first"
    raised: list[int] = []
    ours.asked.connect(lambda: raised.append(1))
    second = start(folder, tmp_path)
    until(lambda: second.poll() is not None and bool(raised))
    assert second.returncode == 0
    second.communicate(timeout=30)
    ours.close()


def test_another_workspace_gets_a_process_of_its_own(
    tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HOME", str(tmp_path)), ("QT_QPA_PLATFORM", "offscreen")):
        monkeypatch.setenv(name, value)
    root = open_workspace(tmp_path / "drei").root
    open_window(root)
    ours = Instance(open_workspace(root))
    until(lambda: is_held(root / "window.lock"))
    until(lambda: ours.claim() == "raised")
    for process in psutil.process_iter(["cmdline"]):
        if str(root) in (process.info["cmdline"] or []) and process.pid != os.getpid():
            process.terminate()
            process.wait(30)


def test_the_window_starts_on_a_path_with_spaces_and_umlauts_and_ends_in_peace(
    tmp_path: Path, until: Until
) -> None:
    folder = tmp_path / "Meine Übungen"
    shown = start(folder, tmp_path)
    lock = folder / "window.lock"
    until(lambda: lock.exists() or shown.poll() is not None)
    time.sleep(0.5)
    assert shown.poll() is None
    ours = Instance(open_workspace(folder))
    until(lambda: ours.claim() == "raised")
    os.kill(shown.pid, 15)
    shown.communicate(timeout=30)
