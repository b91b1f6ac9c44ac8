"""The Jobs page on real jobs: seen while they run, paused and continued by keyboard, failures with their causes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QPushButton

from desktop.pages.jobs import view_model
from desktop.pages.jobs.page import JobCard, JobsPage
from desktop.pages.jobs.reorder import MIME, DropColumn, Grip
from desktop.shell.window import MainWindow
from desktop.ways import in_the_window
from engine.jobs.client import JobClient
from engine.jobs.directory import in_order, job_directories
from engine.jobs.events import EventWriter
from engine.locks import ProcessLock
from engine.models.gpu_now import GpuNow
from engine.workspace import Workspace
from tests.desktop.conftest import Until
from tests.engine.jobs.helpers import submit_import, write_rows


@pytest.fixture
def page(window: MainWindow) -> JobsPage:
    window.go("jobs")
    assert isinstance(window.page, JobsPage)
    return window.page


def cards(page: JobsPage) -> list[JobCard]:
    return [card for card in page.findChildren(JobCard) if card.isVisible()]


def words(card: JobCard) -> list[str]:
    return [label.text() for label in card.findChildren(QLabel) if label.isVisible() and label.text()]


def press(widget: JobCard | JobsPage, name: str) -> None:
    """Press a button by keyboard."""
    (button,) = [
        one
        for one in widget.findChildren(QPushButton)
        if one.isVisible() and one.accessibleName().startswith(name)
    ]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)


def test_an_empty_workspace_says_what_will_be_here(page: JobsPage, until: Until) -> None:
    until(lambda: page.model.loaded)
    assert cards(page) == []
    assert any("appears here" in label.text() for label in page.findChildren(QLabel) if label.isVisible())


def test_a_job_is_paused_and_continued_and_its_end_is_seen(
    page: JobsPage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    client = JobClient(workspace)
    job = submit_import(client, write_rows(tmp_path / "rows.jsonl", 150_000), "rows")
    client.ensure_runner()
    until(lambda: cards(page) and "Running" in words(cards(page)[0]))
    press(cards(page)[0], "Pause")
    until(lambda: "Paused" in words(cards(page)[0]))
    assert job.status().state == "paused"
    press(cards(page)[0], "Continue")
    until(lambda: job.status().state in ("queued", "running"))
    until(lambda: page.model.services.feed.job(job.id).state == "done")  # type: ignore[union-attr]
    press(page, "Done")
    until(lambda: cards(page) and "Done" in words(cards(page)[0]))
    assert "Import rows" in words(cards(page)[0])


def test_a_failure_is_told_with_its_cause_and_what_to_do(
    page: JobsPage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    (tmp_path / "bad.jsonl").write_text("no json\n" * 50, encoding="utf-8")
    client = JobClient(workspace)
    job = submit_import(client, tmp_path / "bad.jsonl", "bad")
    client.ensure_runner()
    until(lambda: job.status().state == "failed")
    press(page, "Failed")
    until(lambda: cards(page) and "Failed" in words(cards(page)[0]))
    error = job.status().error
    assert error is not None
    assert error["message"] in words(cards(page)[0])
    assert in_the_window(error["fix"]) in words(cards(page)[0])
    log = page.findChild(QPlainTextEdit)
    assert isinstance(log, QPlainTextEdit)
    assert log.accessibleName() == "Log of Import bad"


@pytest.fixture
def queue(workspace: Workspace, page: JobsPage, tmp_path: Path, until: Until) -> Iterator[list[str]]:
    """Three jobs that wait, as nobody runs them; their titles."""
    with ProcessLock(workspace.runner_lock):
        file = write_rows(tmp_path / "rows.jsonl", 20)
        for name in ("first", "second", "third"):
            submit_import(JobClient(workspace), file, name)
        until(lambda: len(cards(page)) == 3)
        yield ["Import first", "Import second", "Import third"]


def titles(page: JobsPage) -> list[str]:
    """Of the cards, from top to bottom."""
    shown = sorted(cards(page), key=lambda card: card.mapTo(page, QPoint(0, 0)).y())
    return [words(card)[0] for card in shown]


def grip(page: JobsPage, title: str) -> Grip:
    (found,) = [one for one in page.findChildren(Grip) if title in one.accessibleName()]
    return found


def test_a_waiting_job_changes_places_by_the_arrow_keys_and_keeps_the_keyboard(
    page: JobsPage, workspace: Workspace, until: Until, queue: list[str]
) -> None:
    first, second, third = queue
    assert titles(page) == queue
    held = grip(page, third)
    held.setFocus()
    QTest.keyClick(held, Qt.Key.Key_Up)
    until(lambda: titles(page) == [first, third, second])
    QTest.keyClick(held, Qt.Key.Key_Up)
    until(lambda: titles(page) == [third, first, second])
    QTest.keyClick(held, Qt.Key.Key_Up)  # it is the first already
    QTest.keyClick(held, Qt.Key.Key_Down)
    until(lambda: titles(page) == [first, third, second])
    assert held.hasFocus()
    in_queue = in_order(job_directories(workspace.jobs), queue=True)
    assert [job.request().title for job in in_queue] == [first, third, second]


def test_a_waiting_job_is_dropped_between_two_others(page: JobsPage, until: Until, queue: list[str]) -> None:
    first, second, third = queue
    column = page.findChild(DropColumn)
    assert isinstance(column, DropColumn)
    card = next(one for one in cards(page) if third in words(one))
    data = QMimeData()
    data.setData(MIME, card.job_id.encode())
    # Above the middle of the second card.
    aim = next(one for one in cards(page) if second in words(one))
    where = aim.mapTo(column, QPoint(40, 5))
    drop(column, where, data)
    until(lambda: titles(page) == [first, third, second])
    drop(column, QPoint(40, column.height() - 2), data)
    until(lambda: titles(page) == [first, second, third])


def test_other_things_are_not_taken_into_the_queue(page: JobsPage, queue: list[str]) -> None:
    column = page.findChild(DropColumn)
    assert isinstance(column, DropColumn)
    data = QMimeData()
    data.setText("a letter")
    event = QDragEnterEvent(
        QPoint(5, 5),
        Qt.DropAction.MoveAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(column, event)
    assert not event.isAccepted()


def drop(column: DropColumn, where: QPoint, data: QMimeData) -> None:
    """What Qt tells of a drag that ends there."""
    how = (Qt.DropAction.MoveAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(column, QDragEnterEvent(where, *how))
    QApplication.sendEvent(column, QDragMoveEvent(where, *how))
    QApplication.sendEvent(column, QDropEvent(QPointF(where), *how))


def test_what_a_job_chose_and_what_came_of_it_is_told(
    page: JobsPage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    client = JobClient(workspace)
    job = submit_import(client, write_rows(tmp_path / "rows.jsonl", 50), "rows")
    client.ensure_runner()
    until(lambda: job.status().state == "done")
    page.model.select(job.id)
    log = page.findChild(QPlainTextEdit)
    assert isinstance(log, QPlainTextEdit)
    until(lambda: "examples: 50" in log.toPlainText())
    writer = EventWriter(job.events)
    writer.write("train.step", {"decision": "is no event of that kind"})
    writer.write("decision", {"subject": "dtype", "choice": "bfloat16", "reason": "the processor has it"})
    writer.write("warning", {"message": "little memory is left"})
    writer.close()
    until(
        lambda: (
            "number type: bfloat16 (the processor has it)\nWarning: little memory is left"
            in log.toPlainText()
        )
    )
    assert "no event of that kind" not in log.toPlainText()


def test_a_gpu_is_among_what_is_busy(page: JobsPage, monkeypatch: pytest.MonkeyPatch, until: Until) -> None:
    def texts() -> list[str]:
        return [label.text() for label in page.findChildren(QLabel) if label.isVisible()]

    until(lambda: page.model.loaded)
    assert "Its memory" not in texts()
    monkeypatch.setattr(view_model, "gpu_now", lambda: GpuNow("A card", 0.5, 6_000_000_000, 24_000_000_000))
    page.model.refresh()
    until(lambda: "6.0 GB of 24.0 GB" in texts())
    assert {"GPU", "50%", "Its memory"} <= set(texts())


def test_many_jobs_are_shown_in_parts(
    page: JobsPage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    client = JobClient(workspace)
    first = submit_import(client, write_rows(tmp_path / "rows.jsonl", 3), "rows")
    first.change(state="stopped")
    for _ in range(34):
        submit_import(client, tmp_path / "rows.jsonl", "rows").change(state="stopped")
    until(lambda: sum(count for _, count in page.model.state.counts) == 35)
    page.model.show_part("failed")
    until(lambda: len(page.model.state.jobs) == 35 and len(cards(page)) == 30)
    press(page, "Show 5 more")
    until(lambda: len(cards(page)) == 35)
    assert not any(
        "more" in one.accessibleName() for one in page.findChildren(QPushButton) if one.isVisible()
    )
    page.model.show_part("active")
    until(lambda: page.model.state.shown == "active")
    last = page.model.services.feed.jobs[0].id
    page.open(last)
    until(lambda: page.model.state.selected == last and page.model.state.shown == "failed")
    until(lambda: len(cards(page)) == 35)  # the one that is asked for is among them
