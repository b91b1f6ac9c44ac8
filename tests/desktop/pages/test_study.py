"""The Study page: empty, waiting, paused by keyboard, and with its result as a picture and as a table."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel, QPushButton, QTableView, QWidget

from desktop.pages.study.matrix import Matrix
from desktop.pages.study.page import StudyPage
from desktop.pages.study.view_model import time_left, what_next
from desktop.shell.window import MainWindow
from engine.jobs.client import JobClient
from engine.jobs.directory import all_jobs
from engine.locks import ProcessLock
from engine.workspace import Workspace
from engine.workspace.tables import Study as StudyRow
from tests.desktop.conftest import Until
from tests.engine.studies.hand_made import normal
from tests.engine.studies.test_extending import add_dataset
from tests.engine.studies.test_picture import save, step
from tests.engine.studies.test_quick import add_base
from tests.here import import_rows


def opened(window: MainWindow, until: Until) -> StudyPage:
    window.go("study")
    until(lambda: window.page.model.loaded)
    assert isinstance(window.page, StudyPage)
    return window.page


def texts(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def press(page: QWidget, name: str) -> None:
    (found,) = [
        one for one in page.findChildren(QPushButton) if one.isVisible() and one.accessibleName() == name
    ]
    found.setFocus()
    QTest.keyClick(found, Qt.Key.Key_Space)


def finish(workspace: Workspace) -> None:
    """A finished study with its report."""
    result = normal()
    assert result.validation is not None
    job = save(
        workspace,
        bases=[{"name": one.name} for one in result.entrants if one.kind == "base"],
        tasks=[
            *({"dataset": task.dataset} for task in result.tasks),
            {"dataset": result.validation.dataset, "sealed": True},
        ],
        references=[one.name for one in result.entrants if one.kind == "reference"],
        merging={"parents": 2, "recipes": ["slerp", "ties"]},
    )
    job.change(state="done")
    report = Path("reports") / "report.html"
    (workspace.root / report).parent.mkdir(exist_ok=True)
    (workspace.root / report).write_text("<html></html>", encoding="utf-8")
    with workspace.catalogue.writing() as rows:
        row = rows.get(StudyRow, "town desk")
        assert row is not None
        row.result = result.model_dump(mode="json") | {"report": str(report)}


def test_without_a_study_it_leads_to_home(window: MainWindow, until: Until) -> None:
    page = opened(window, until)
    assert "No study yet" in texts(page)
    press(page, "Start one on Home")
    until(lambda: window.page.accessibleName() == "Home")


def test_a_study_is_paused_by_keyboard(window: MainWindow, workspace: Workspace, until: Until) -> None:
    save(workspace)
    page = opened(window, until)
    until(lambda: page.model.state.picture is not None)
    assert "Waiting" in texts(page)
    press(page, "Pause")
    until(lambda: "Paused" in texts(page))
    assert "Continue takes it up" in texts(page)
    matrix = page.findChild(Matrix)
    assert isinstance(matrix, Matrix)
    assert "Bases: 2, merges: 1, references: 1, tasks: 3" in matrix.accessibleDescription()


def test_a_finished_study_tells_winner_verdict_and_cautions(
    window: MainWindow, workspace: Workspace, until: Until
) -> None:
    finish(workspace)
    page = opened(window, until)
    until(lambda: page.model.state.picture is not None)
    result = normal()
    until(lambda: result.cautions[-1] in texts(page))
    shown = texts(page)
    assert "SLERP of Alder and Birch is the best" in shown
    assert "holds on the sealed task" in shown
    for sentence in (*result.conclusions, *result.cautions):
        assert sentence in shown
    assert page.model.state.report is not None
    assert not any(
        one.isVisible() and one.accessibleName() in ("Pause", "Continue", "Stop")
        for one in page.findChildren(QPushButton)
    )
    press(page, "Table")
    table = page.findChild(QTableView)
    assert isinstance(table, QTableView)
    assert table.isVisible()
    rows = {
        table.model().index(row, 0).data(): [
            table.model().index(row, column).data() for column in range(1, 6)
        ]
        for row in range(table.model().rowCount())
    }
    assert rows["SLERP of Alder and Birch"][0] == "merge"
    assert "metric" in rows["SLERP of Alder and Birch"][1]
    assert rows["SLERP of Alder and Birch"][-1] == "1"
    assert rows["Alder 135M"][3] == "not asked"


def test_the_winner_goes_out_as_a_file_through_a_job(
    window: MainWindow, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    finish(workspace)
    page = opened(window, until)
    until(lambda: page.model.state.picture is not None)
    result = normal()
    models = result.fine_tunes(str(result.winner))
    assert [task for task, _ in models] == ["desk-intents", "request-fields"]
    (button,) = [one for one in page.findChildren(QPushButton) if one.accessibleName() == "Export GGUF..."]
    assert button.isVisible()  # its menu needs a screen
    page.model.export(models[0][1], tmp_path / "winner.gguf")
    until(lambda: window.page.accessibleName() == "Jobs")
    job = next(job for job in all_jobs(workspace.jobs) if job.request().kind == "export")
    assert job.request().spec["out"] == str(tmp_path / "winner.gguf")


def test_what_failed_is_tried_again_by_the_button_that_its_fix_names(
    window: MainWindow, workspace: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    job = save(workspace)
    job.change(state="failed", error={"title": "No", "message": "The disk is full.", "fix": "Make room."})
    page = opened(window, until)
    until(lambda: "The disk is full." in texts(page))
    press(page, "Try again")
    until(lambda: job.wishes() == ["resume"])
    run = step(workspace, "train-intents-one", "Train one on intents", "failed")
    window.go("train", None)
    until(lambda: window.page.model.loaded and window.page.model.state.runs)
    press(window.page, "Try again")
    until(lambda: run.wishes() == ["resume"])


def test_a_cell_leads_to_its_job(window: MainWindow, workspace: Workspace, until: Until) -> None:
    save(workspace)
    failed = step(workspace, "train-intents-one", "Train one on intents", "failed")
    page = opened(window, until)
    until(lambda: page.model.state.picture is not None)
    press(page, "Table")
    table = page.findChild(QTableView)
    assert isinstance(table, QTableView)
    assert table.model().index(0, 2).data() == "failed, see Jobs, 0%"
    until(lambda: window.services.feed.job(failed.id) is not None)
    table.setFocus()
    table.setCurrentIndex(table.model().index(0, 2))
    QTest.keyClick(table, Qt.Key.Key_Return)
    until(lambda: window.page.accessibleName() == "Jobs")


def test_a_merge_is_added_from_the_menu(window: MainWindow, workspace: Workspace, until: Until) -> None:
    for name in ("intents", "fields", "lost"):
        add_dataset(workspace, name, sealed=True)
    save(workspace).change(state="paused")
    page = opened(window, until)
    until(lambda: page.model.state.additions)
    (add,) = [one for one in page.findChildren(QPushButton) if one.accessibleName() == "Add"]
    assert add.isVisible()
    menu = add.menu()
    menu.aboutToShow.emit()
    parts = {part.text(): part for part in menu.actions()}
    assert not parts["A base"].isEnabled()
    (ties,) = [one for one in parts["A merge"].menu().actions() if one.text() == "ties"]
    ties.trigger()
    until(lambda: page.findChild(QDialog) is not None)
    dialog = page.findChild(QDialog)
    assert isinstance(dialog, QDialog)
    assert dialog.windowTitle() == "Add ties to the study?"
    dialog.reject()
    page.model.add("merge", "ties")
    until(lambda: len(page.model.state.picture.entrants) == 5 if page.model.state.picture else False)


@pytest.mark.parametrize(
    ("part", "name", "entrants", "tasks"),
    [("A base", "three", 5, 3), ("A task", "mails", 4, 4), ("The sealed task", "lost", 4, 3)],
)
def test_a_running_study_gets_a_base_and_a_task_by_menu_and_dialog(
    window: MainWindow,
    workspace: Workspace,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    name: str,
    entrants: int,
    tasks: int,
) -> None:
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    import_rows(workspace, [{"prompt": f"Ask {at}.", "completion": f"{at}"} for at in range(60)], "mails")
    for base in ("one", "two", "three"):
        add_base(workspace, base, 2)
    for task in ("intents", "fields", "lost"):
        add_dataset(workspace, task, sealed=True)  # so that nothing is read to plan it
    open_ones = {"tasks": [{"dataset": "intents"}, {"dataset": "fields"}]}
    job = save(workspace, **(open_ones if part == "The sealed task" else {}))
    with ProcessLock(workspace.runner_lock), ExitStack() as alive:
        alive.enter_context(ProcessLock(job.lock))  # as if its worker were at work
        job.change(state="running", started=time.time())
        page = opened(window, until)
        until(lambda: page.model.state.additions and page.model.state.picture.state == "running")
        (add,) = [one for one in page.findChildren(QPushButton) if one.accessibleName() == "Add"]
        add.menu().aboutToShow.emit()
        offered = {one.text(): one for one in add.menu().actions()}[part].menu().actions()
        (entry,) = [one for one in offered if one.text() == name]
        entry.trigger()
        until(lambda: page.findChild(QDialog) is not None)
        dialog = page.findChild(QDialog)
        assert isinstance(dialog, QDialog)
        assert dialog.windowTitle() == f"Add {name} to the study?"
        assert "more on this machine" in texts(dialog)
        press(dialog, "Add")
        until(
            lambda: job.wishes() == ["pause"]
        )  # what is at work comes to a rest before it goes on with more
        job.change(state="paused")
        alive.close()

        def sizes() -> tuple[int, int]:
            picture = page.model.state.picture
            return (len(picture.entrants), len(picture.tasks)) if picture is not None else (0, 0)

        until(lambda: sizes() == (entrants, tasks))


def test_every_state_says_what_happens_next(workspace: Workspace) -> None:
    from dataclasses import replace

    from engine.studies.picture import study_picture

    save(workspace)
    picture = study_picture(workspace, "town desk")
    said = {
        state: what_next(replace(picture, state=state))
        for state in ("queued", "paused", "stopped", "running")
    }
    assert len(set(said.values())) == 4
    assert said["running"] == "Next: Import intents. You are not needed until the end."
    failed = replace(picture, state="failed", error={"message": "The disk is full.", "fix": "Make room."})
    assert what_next(failed) == "The disk is full. Make room."
    done = replace(picture, state="done", share=1.0)  # its result is not in the catalogue yet
    assert time_left(done) == ("Finished", "100% is done")


def test_a_narrow_window_shows_all_of_it(window: MainWindow, workspace: Workspace, until: Until) -> None:
    finish(workspace)
    page = opened(window, until)
    until(lambda: "is the best" in texts(page))
    for width in (960, 1360, 960):
        window.resize(width, 700)
        until(lambda width=width: window.width() == width)  # type: ignore[misc]
        until(lambda: page.widget().minimumSizeHint().width() <= page.viewport().width())
    names = [one.accessibleName() for one in page.findChildren(QPushButton) if one.isVisible()]
    assert {"Export GGUF...", "Release...", "Open the report"} <= set(names)
