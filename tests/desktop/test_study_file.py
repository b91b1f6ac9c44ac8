"""A study's file in the window: what it would do and cost, and that it starts, is refused or goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QDialog, QLineEdit, QPushButton, QTableView

from desktop.pages.home.page import HomePage
from desktop.pages.study.page import StudyPage
from desktop.shell.window import MainWindow
from desktop.study_file.demo import DemoDialog
from desktop.study_file.dialog import StudyFileDialog
from desktop.study_file.planning import FileStudy
from engine.inference.own_prices import set_price
from engine.jobs.client import JobClient
from engine.studies.demo import DemoWish, demo_here
from engine.studies.lines import study_lines
from engine.workspace import Workspace
from engine.workspace.naming import study_named
from tests.desktop.conftest import Until
from tests.desktop.pages.test_home import button, drop, texts
from tests.here import add_model, import_rows
from tests.tiny import tiny_model

ROWS = [{"prompt": f"Question {number}", "completion": "yes" if number % 2 else "no"} for number in range(80)]


@pytest.fixture
def page(window: MainWindow, workspace: Workspace, tmp_path: Path, until: Until) -> HomePage:
    add_model(workspace, tiny_model(tmp_path / "tiny"), "tiny")
    import_rows(workspace, ROWS, "questions")
    window.go("home")
    until(lambda: window.page.model.loaded)
    assert isinstance(window.page, HomePage)
    return window.page


def write(folder: Path, *more: str) -> Path:
    file = folder / "mine.yml"
    lines = [
        "name: mine",
        "about: A study of my own.",
        "bases: [{name: tiny}]",
        "tasks: [{dataset: questions}]",
        "references: ['untuned:tiny']",
        "merging: null",
        *more,
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def opened(page: HomePage, until: Until) -> StudyFileDialog:
    (dialog,) = page.findChildren(StudyFileDialog)
    until(lambda: dialog.model.loaded)
    return dialog


def test_a_dropped_file_shows_its_plan_and_starts(
    window: MainWindow, page: HomePage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    drop(page, write(tmp_path))
    dialog = opened(page, until)
    assert dialog.windowTitle() == "A study from mine.yml"
    shown = texts(dialog)
    for words in ("mine", "A study of my own.", "tiny", "questions", "untuned:tiny", "the reference judge"):
        assert words in shown
    assert "1 of them fine-tunes" in shown
    assert "Costs nothing" in shown
    (jobs,) = dialog.findChildren(QTableView)
    assert jobs.model().rowCount() == len(dialog.model.state.study.lines) > 3  # type: ignore[union-attr]
    assert jobs.model().index(0, 0).data() == "Train tiny on questions"
    start = button(dialog, "Start")
    assert start.isEnabled()
    start.setFocus()
    QTest.keyClick(start, Qt.Key.Key_Space)
    until(lambda: isinstance(window.page, StudyPage) and window.page.model.state.picture is not None)
    (line,) = study_lines(workspace)
    assert line.name == "mine"


def test_what_stands_against_it_is_said_before_it_starts(
    page: HomePage, workspace: Workspace, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    set_price(workspace, "openai:gpt-4o", 2.5, 10.0)
    drop(page, write(tmp_path, "judging: {judge: 'openai:gpt-4o'}"))
    dialog = opened(page, until)
    assert "openai:gpt-4o" in texts(dialog)
    assert "Say how much may be spent at most." in texts(dialog)
    assert not button(dialog, "Start").isEnabled()
    (ceiling,) = [one for one in dialog.findChildren(QLineEdit) if one.accessibleName() == "Ceiling in USD"]
    QTest.keyClicks(ceiling, "much")
    until(lambda: "'much' is no number from 0 up." in texts(dialog))
    assert not button(dialog, "Start").isEnabled()
    ceiling.clear()
    QTest.keyClicks(ceiling, "2,50")
    until(lambda: "Store it under Settings, Endpoints and prices." in texts(dialog))
    assert not button(dialog, "Start").isEnabled()
    assert study_lines(workspace) == []
    dialog.reject()


def test_a_file_that_is_no_study_is_told_and_leaves_no_dialog(
    page: HomePage, tmp_path: Path, until: Until
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("name: wrong\nbases: [{name: tiny}]\ntasks: [{dataset: questions}]\nmergin: null\n")
    drop(page, file)

    def problems() -> list[QDialog]:
        return [one for one in page.window().findChildren(QDialog) if not isinstance(one, StudyFileDialog)]

    until(problems)
    (problem,) = problems()
    assert "'mergin'" in texts(problem)
    assert "Did you mean 'merging'?" in texts(problem)
    assert not any(one.isVisible() for one in page.findChildren(StudyFileDialog))
    problem.reject()


def test_a_changed_file_takes_the_place_of_the_study_that_it_was(
    window: MainWindow, page: HomePage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    client = JobClient(workspace)
    drop(page, write(tmp_path))
    first = opened(page, until)
    first.model.start()
    until(lambda: isinstance(window.page, StudyPage))
    with workspace.catalogue.reading() as rows:
        before = study_named(rows, "mine").job_id
    window.go("home")
    drop(page, write(tmp_path, "seed: 3"))
    until(lambda: any(one is not first for one in page.findChildren(StudyFileDialog)))
    (second,) = [one for one in page.findChildren(StudyFileDialog) if one is not first]
    until(lambda: second.model.loaded)
    assert "There is a study of this name already" in texts(second) or "finished study" in texts(second)
    second.model.start()
    until(lambda: isinstance(window.page, StudyPage))
    with workspace.catalogue.reading() as rows:
        after = study_named(rows, "mine").job_id
    assert after != before
    assert client.job(after).request().spec["study"]["seed"] == 3
    old = workspace.jobs / before
    assert not old.exists() or client.job(before).status().state == "done"


def test_what_is_started_is_what_was_shown_also_where_the_file_is_changed_meanwhile(
    window: MainWindow, page: HomePage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    file = write(tmp_path)
    drop(page, file, tmp_path / "other.yml")
    dialog = opened(page, until)
    file.write_text("no study any more", encoding="utf-8")
    dialog.model.refresh()
    dialog.model.change_budget("3")
    until(lambda: dialog.model.ready)
    dialog.model.start()
    until(lambda: isinstance(window.page, StudyPage))
    with workspace.catalogue.reading() as rows:
        study = study_named(rows, "mine").definition["study"]
    assert (study["budget_usd"], study["about"]) == (3.0, "A study of my own.")


def test_the_files_and_the_demo_are_there_by_keyboard(page: HomePage, until: Until) -> None:
    whole = button(page, "Whole studies")
    assert isinstance(whole, QPushButton)
    file, demo = whole.menu().actions()
    file.trigger()
    dialogs = [one for one in page.findChildren(QDialog) if one.windowTitle() == "Open a study's file"]
    assert len(dialogs) == 1
    dialogs[0].reject()
    demo.trigger()
    (dialog,) = page.findChildren(DemoDialog)
    until(lambda: dialog.model.ready)
    dialog.reject()


def test_the_demo_is_planned_as_it_is_chosen_and_starts(
    window: MainWindow, page: HomePage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    page.open_demo()
    (dialog,) = page.findChildren(DemoDialog)

    def press(name: str) -> None:
        box = next(
            one for one in dialog.findChildren(QAbstractButton) if name in (one.accessibleName(), one.text())
        )
        box.setFocus()
        QTest.keyClick(box, Qt.Key.Key_Space)

    def study() -> FileStudy:
        assert dialog.model.state.study is not None
        return dialog.model.state.study

    until(lambda: dialog.model.ready)
    assert study().name == "demo"
    assert dict(study().facts)["Tasks"] == "library-intents, request-extraction"
    assert dict(study().facts)["Sealed task"] == "lost-property"
    small = study().comparisons
    press("All tasks and labels, 300 prompts each")
    press("The base in 4 bits while training")
    until(lambda: dialog.model.ready and study().name == "demo-full-qlora")
    assert study().comparisons > small
    assert "note-summaries" in dict(study().facts)["Tasks"]
    # What cannot be is said in the dialog, and what can be comes back.
    dialog.take_folder(tmp_path)
    until(lambda: "has no banking77/categories.json" in texts(dialog))
    assert not button(dialog, "Start").isEnabled()
    press("Sample tasks")
    until(lambda: dialog.model.ready and study().name == "demo-full-qlora")
    press("All tasks and labels, 300 prompts each")
    public = tmp_path / "public"
    for name in (
        "banking77/train.csv",
        "banking77/test.csv",
        "nlupp/hotels-fold1.json",
        "nlupp/ontology.json",
    ):
        (public / name).parent.mkdir(parents=True, exist_ok=True)
        (public / name).touch()
    (public / "banking77/categories.json").write_text('["lost_card"]')
    for name in (
        "snips/train_AddToPlaylist.json",
        "snips/validate_AddToPlaylist.json",
        "snips/train_BookRestaurant.json",
        "snips/validate_BookRestaurant.json",
        "scitldr/train.jsonl",
        "scitldr/dev.jsonl",
        "scitldr/test.jsonl",
    ):
        (public / name).parent.mkdir(exist_ok=True)
        (public / name).touch()
    dialog.take_folder(public)
    press("The base in 4 bits while training")
    until(lambda: dialog.model.ready and study().name == "demo-public")
    assert dict(study().facts)["Sealed task"].startswith("nlupp")
    line = next(one for one in dialog.findChildren(QLineEdit) if one.accessibleName() == "Which judge")
    line.clear()
    QTest.keyClicks(line, "nobody:gpt")
    until(lambda: "nobody" in (study().cost.problem.message if study().cost.problem else ""))
    assert not button(dialog, "Start").isEnabled()
    dialog.model.change_study(lambda: demo_here(workspace, DemoWish()))
    until(lambda: dialog.model.ready)
    press("Start")
    until(lambda: isinstance(window.page, StudyPage))
    assert [line.name for line in study_lines(workspace)] == ["demo"]
    assert demo_here(workspace, DemoWish(), fresh=True).study.name == "demo-2"
    assert demo_here(workspace, DemoWish(qlora=True), fresh=True).study.name == "demo-qlora"
    assert demo_here(workspace, DemoWish()).study.name == "demo"
