"""The Home page: files dropped and refused kindly, a recipe by keyboard, a study that starts, the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QRadioButton, QWidget
from sqlalchemy import select

from desktop.pages.home.page import HomePage
from desktop.pages.merge.page import MergePage
from desktop.pages.study.page import StudyPage
from desktop.shell.window import MainWindow
from desktop.widgets.drop_zone import DropZone
from engine.jobs.directory import all_jobs
from engine.studies.lines import study_lines
from engine.studies.quick import Extras
from engine.workspace import Workspace
from engine.workspace.tables import Study
from tests.desktop.conftest import Until
from tests.here import add_model, import_rows
from tests.tiny import tiny_model


@pytest.fixture
def page(window: MainWindow, until: Until) -> HomePage:
    window.go("home")
    until(lambda: window.page.model.loaded)
    assert isinstance(window.page, HomePage)
    return window.page


def texts(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def button(page: QWidget, name: str) -> QPushButton:
    (found,) = [one for one in page.findChildren(QPushButton) if one.accessibleName() == name]
    return found


def drop(page: HomePage, *files: Path) -> None:
    """Drop files as the file manager does."""
    (zone,) = page.findChildren(DropZone)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    where, left, none = QPointF(20, 20), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(where.toPoint(), Qt.DropAction.CopyAction, data, left, none)
    QApplication.sendEvent(zone, entered)
    assert entered.isAccepted()
    assert zone.property("state") == "hot"
    dropped = QDropEvent(where, Qt.DropAction.CopyAction, data, left, none)
    QApplication.sendEvent(zone, dropped)
    assert dropped.isAccepted()
    assert zone.property("state") == ""


def write(file: Path, count: int) -> Path:
    rows = [{"prompt": f"Frage {number}?", "completion": "ja"} for number in range(count)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_an_empty_workspace_shows_recipes_with_time_and_cost_and_what_to_do(
    page: HomePage, until: Until
) -> None:
    until(lambda: "nothing to pay" in texts(page))
    shown = texts(page)
    for words in ("Does tuning help?", "Find the best base", "Full bake-off", "nothing to pay", "about "):
        assert words in shown
    assert "Bring a file, or try with a sample." in shown
    assert "No study yet" in shown
    assert "This machine" in shown
    assert "of memory" in shown
    assert not button(page, "Start").isEnabled()


def test_good_files_are_taken_and_wrong_ones_refused_with_their_reasons(
    page: HomePage, tmp_path: Path, until: Until
) -> None:
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(300))
    drop(page, write(tmp_path / "Fragen für alle.jsonl", 60), picture, write(tmp_path / "test.jsonl", 20))
    until(lambda: page.model.state.brought is not None and not page.model.state.looking)
    shown = texts(page)
    assert "80 examples" in shown
    assert "photo.png is not used:" in shown
    assert "Frage 0?" in shown
    assert page.model.state.ready
    drop(page, picture)
    until(lambda: not page.model.state.looking and len(page.model.state.refused) == 1)
    assert page.model.state.brought is not None  # what was brought before stays


def test_columns_of_other_names_are_said_by_keyboard_and_started(
    page: HomePage, tmp_path: Path, until: Until
) -> None:
    file = tmp_path / "help desk.csv"
    rows = "".join(f"{number},Wo ist {number}?,dort\n" for number in range(60))
    file.write_text(f"id,Frage,Antwort\n{rows}", encoding="utf-8")
    drop(page, file)
    until(lambda: page.model.state.unmapped is not None)
    assert "Which column of help desk.csv holds the question" in texts(page)
    assert "is not used" not in texts(page)
    use = button(page, "Use these columns")
    for name, key in (("Column with the question", "F"), ("Column with the answer", "A")):
        (box,) = [one for one in page.findChildren(QComboBox) if one.accessibleName() == name]
        box.setFocus()
        QTest.keyClicks(box, key)
    use.setFocus()
    QTest.keyClick(use, Qt.Key.Key_Space)
    until(lambda: page.model.state.brought is not None and not page.model.state.looking)
    assert page.model.state.unmapped is None
    assert not use.isVisible()
    assert "60 examples" in texts(page)
    assert "Wo ist 0?" in texts(page)
    assert page.model.state.ready
    task = page.model.study_maker()(Extras()).study.tasks[0]
    assert task.source is not None
    assert task.source.map == {"prompt": "Frage", "completion": "Antwort"}


def test_two_models_that_are_there_can_be_merged_without_examples(
    window: MainWindow, page: HomePage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    assert "Merge what I have" not in texts(page)
    for seed, name in enumerate(("one", "two")):
        add_model(workspace, tiny_model(tmp_path / name, seed=seed), name)
    until(lambda: "Merge what I have" in texts(page))
    assert "one, two" in texts(page)
    choose = button(page, "Choose how")
    choose.setFocus()
    QTest.keyClick(choose, Qt.Key.Key_Space)
    merge = window.page
    assert isinstance(merge, MergePage)
    assert merge.model.form is not None
    assert merge.model.form.models == ("one", "two")
    until(lambda: merge.model.checked is not None and merge.model.checked.ok)


def test_too_few_examples_say_so_and_do_not_start(page: HomePage, tmp_path: Path, until: Until) -> None:
    drop(page, write(tmp_path / "few.jsonl", 3))
    until(lambda: page.model.state.brought is not None and page.model.state.cards[0].problem)
    assert "has only 3 examples" in texts(page)
    assert not button(page, "Start").isEnabled()


def test_three_actions_by_keyboard_start_a_study(
    window: MainWindow, page: HomePage, workspace: Workspace, until: Until
) -> None:
    sample = button(page, "Try with a sample")
    sample.setFocus()
    QTest.keyClick(sample, Qt.Key.Key_Space)
    until(lambda: page.model.state.ready)
    first = page.findChildren(QRadioButton)[0]
    assert first.isChecked()
    assert first.accessibleName() == "Does tuning help?"
    assert "nothing to pay" in first.accessibleDescription()
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Right)
    assert page.model.state.chosen == "bases"
    QTest.keyClick(page.findChildren(QRadioButton)[1], Qt.Key.Key_Left)
    assert page.model.state.chosen == "tuning"
    start = button(page, "Start")
    start.setFocus()
    QTest.keyClick(start, Qt.Key.Key_Space)
    until(lambda: isinstance(window.page, StudyPage) and window.page.model.state.picture is not None)
    (line,) = study_lines(workspace)
    assert line.name == "library-intents tuning"
    assert "library-intents tuning" in texts(window.page)
    assert any(job.request().kind == "study" for job in all_jobs(workspace.jobs))


def test_a_narrow_window_shows_all_of_it(
    window: MainWindow, page: HomePage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    for seed, name in enumerate(("one", "two")):
        add_model(workspace, tiny_model(tmp_path / name, seed=seed), name)
    until(lambda: "Merge what I have" in texts(page))
    for width in (960, 1360, 960):
        window.resize(width, 700)
        until(lambda width=width: window.width() == width)  # type: ignore[misc]
        until(lambda: page.widget().minimumSizeHint().width() <= page.viewport().width())


def test_a_dataset_that_is_there_starts_a_study(
    window: MainWindow, page: HomePage, workspace: Workspace, until: Until
) -> None:
    use = button(page, "Use a dataset")
    assert not use.isVisible()
    rows = [{"prompt": f"Frage {number}?", "completion": "ja"} for number in range(60)]
    import_rows(workspace, rows, "fragen")
    import_rows(workspace, [{**row, "split": "test"} for row in rows], "nur test")
    until(use.isVisible)
    assert [action.text() for action in use.menu().actions()] == ["fragen"]
    use.menu().actions()[0].trigger()
    until(lambda: page.model.state.brought is not None and not page.model.state.looking)
    assert "fragen: 60 examples" in texts(page)
    assert "Frage " in texts(page)
    until(lambda: page.model.state.ready)
    page.model.start()
    until(lambda: isinstance(window.page, StudyPage) and window.page.model.state.picture is not None)
    with workspace.catalogue.reading() as session:
        (study,) = session.scalars(select(Study)).all()
    assert study.definition["study"]["tasks"][0]["dataset"] == "fragen"
    assert study.definition["study"]["tasks"][0]["source"] is None


def test_the_datasets_page_leads_to_a_study_with_what_is_shown(
    window: MainWindow, workspace: Workspace, until: Until
) -> None:
    import_rows(workspace, [{"prompt": f"Frage {number}?", "completion": "ja"} for number in range(60)], "f")
    window.go("datasets")
    datasets: Any = window.page
    until(lambda: datasets.model.state.shown is not None)
    datasets._menu._study.trigger()
    home = window.page
    assert isinstance(home, HomePage)
    until(lambda: home.model.state.brought is not None)
    assert home.model.state.brought is not None
    assert home.model.state.brought.name == "f"


def test_rows_that_are_left_out_are_told_before_anything_starts(
    page: HomePage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    file = tmp_path / "some.jsonl"
    good = [json.dumps({"prompt": f"What is {number}?", "completion": "It."}) for number in range(12)]
    file.write_text(
        "\n".join([good[0], '{"prompt": "", "completion": "x"}', *good[1:], "no JSON"]), encoding="utf-8"
    )
    page.model.take([file])
    until(lambda: page.model.state.brought is not None)
    assert page.model.state.brought is not None
    assert page.model.state.brought.rows == 12
    until(
        lambda: any(
            "2 of the first 14 rows are left out, the first one because: the prompt is empty." in one.text()
            for one in page.findChildren(QLabel)
            if one.isVisible()
        )
    )


def test_a_file_with_a_long_name_leaves_everything_in_sight(
    window: MainWindow, page: HomePage, tmp_path: Path, until: Until
) -> None:
    window.resize(960, 640)
    file = tmp_path / f"{'examples-of-the-help-desk-' * 5}.jsonl"
    rows = [json.dumps({"prompt": f"Question {number}", "completion": "yes"}) for number in range(300)]
    file.write_text("\n".join(rows), encoding="utf-8")
    drop(page, file)
    until(lambda: page.model.state.brought is not None and page.model.state.ready)
    until(lambda: page.horizontalScrollBar().maximum() == 0)


def test_start_stays_in_sight_where_the_page_is_longer_than_the_window(
    window: MainWindow, page: HomePage, until: Until
) -> None:
    window.resize(1360, 860)
    below, start = button(page, "Start the study"), button(page, "Start")
    until(lambda: not below.isVisible())
    page.model.take_sample()
    until(lambda: page.model.state.ready)
    page.setFixedHeight(start.mapTo(page, start.rect().bottomLeft()).y() - 5)
    until(below.isVisible)
    assert below.isEnabled()
    assert below.geometry().bottom() < page.height()
    page.verticalScrollBar().setValue(page.verticalScrollBar().maximum())
    until(lambda: not below.isVisible())
    page.verticalScrollBar().setValue(0)
    until(below.isVisible)
