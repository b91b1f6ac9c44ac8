"""The Jobs page on real jobs: seen while they run, paused and continued by keyboard, failures with their causes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton

from desktop.pages.jobs.page import JobCard, JobsPage
from desktop.shell.window import MainWindow
from engine.jobs.client import JobClient
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
    assert error["fix"] in words(cards(page)[0])
    log = page.findChild(QPlainTextEdit)
    assert isinstance(log, QPlainTextEdit)
    assert log.accessibleName() == "Log of Import bad"
