"""The Train page: planned as it is typed, started by keyboard, followed, compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QWidget,
)

from desktop.language import use_language
from desktop.pages.train.chart import Chart
from desktop.pages.train.curves import Follower, thinned
from desktop.pages.train.form import FIELDS, default_text, parse
from desktop.pages.train.form import texts as form_texts
from desktop.pages.train.page import TrainPage
from desktop.problem import Problem
from desktop.shell.window import MainWindow
from engine.jobs.client import JobClient
from engine.training.recipe_file import read_recipe
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace import Workspace
from tests.desktop.conftest import Until
from tests.desktop.keyboard import save_as
from tests.here import add_model, do, import_rows
from tests.tiny import tiny_model

ROWS = [{"prompt": f"What is {number}?", "completion": f"It is {number}."} for number in range(24)]


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    add_model(workspace, tiny_model(tmp_path / "tiny"), "tiny")
    import_rows(workspace, ROWS, "data")
    return workspace


@pytest.fixture
def page(window: MainWindow) -> TrainPage:
    window.go("train")
    assert isinstance(window.page, TrainPage)
    return window.page


def named(page: QWidget, kind: type[QWidget], name: str) -> QWidget:
    return next(one for one in page.findChildren(kind) if one.accessibleName() == name)


def says(page: QWidget, words: str) -> bool:
    return any(words in one.text() and one.isVisible() for one in page.findChildren(QLabel))


def test_the_defaults_make_the_default_recipe() -> None:
    assert parse({name: default_text(name) for name in FIELDS}) == (TrainRecipe(), {})


def test_bad_input_is_told_per_field() -> None:
    recipe, wrong = parse({"epochs": "many"})
    assert recipe is None
    assert wrong == {"epochs": "This is not a whole number."}
    assert parse({"epochs": "0", "learning_rate": "1"})[1] == {
        "epochs": "At least 1.",
        "learning_rate": "At most 0.1.",
    }


@pytest.mark.parametrize("rate", [2e-4, 0.00012345678, 1 / 3 / 1000, 3e-05])
def test_a_setting_is_the_same_number_when_it_is_read_again(rate: float) -> None:
    recipe = TrainRecipe(learning_rate=rate, warmup_share=1 / 3)
    assert parse(form_texts(recipe)) == (recipe, {})
    use_language("de")
    try:
        assert parse(form_texts(recipe)) == (recipe, {})
    finally:
        use_language("en")


def test_a_thinned_curve_keeps_its_peaks() -> None:
    points = tuple((float(step), 9.0 if step == 777 else 1.0) for step in range(10_000))
    thin = thinned(points, 300)
    assert len(thin) <= 300
    assert (777.0, 9.0) in thin


def test_an_empty_workspace_says_what_is_needed(page: TrainPage, until: Until) -> None:
    until(lambda: says(page, "Nothing to train yet"))


def test_it_is_planned_while_it_is_typed_and_started_by_keyboard(
    filled: Workspace, page: TrainPage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    until(lambda: page.model.draft.state in ("planned", "refused"))
    assert says(page, "Fits: about"), page.model.draft
    steps = page.model.draft.plan["steps"]
    epochs = named(page, QLineEdit, "Epochs")
    QTest.keyClicks(epochs, "x")
    assert says(page, "This is not a whole number.")
    start = named(page, QPushButton, "Start")
    assert not start.isEnabled()
    QTest.keyClick(epochs, Qt.Key.Key_Backspace)
    QTest.keyClicks(epochs, "20")
    until(lambda: page.model.draft.state == "planned" and page.model.draft.plan["steps"] != steps)
    assert named(page, QComboBox, "Base").isEnabled()
    QTest.keyClick(start, Qt.Key.Key_Space)
    until(lambda: [run.name for run in page.model.state.runs] == ["tiny-data"])
    assert JobClient(filled).job(page.model.state.chosen[0]).request().spec["recipe"]["epochs"] == 20


def test_finished_runs_are_shown_and_compared(filled: Workspace, page: TrainPage, until: Until) -> None:
    recipe = TrainRecipe(epochs=1, eval_share=0.2, evaluations=2)
    jobs = [
        do(filled, "train", TrainSpec(base="tiny", dataset="data", name=name, recipe=recipe))[0]
        for name in ("one", "two")
    ]
    assert Follower(jobs[0]).read().peak_memory
    chart = page.findChild(Chart)
    assert isinstance(chart, Chart)
    until(lambda: "check: from" in chart.accessibleDescription())
    page.model.choose(tuple(job.id for job in jobs))
    until(
        lambda: "one: from" in chart.accessibleDescription() and "two: from" in chart.accessibleDescription()
    )
    listed_runs = {view.accessibleName(): view for view in page.findChildren(QTableView)}["Runs"]
    page.model.choose((jobs[1].id,))
    until(lambda: page.model.state.chosen == (jobs[1].id,))
    listed_runs.setFocus()
    listed_runs.selectionModel().setCurrentIndex(
        listed_runs.model().index(0, 0), QItemSelectionModel.SelectionFlag.NoUpdate
    )
    QTest.keyClick(listed_runs, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    until(lambda: len(page.model.state.chosen) == 2)
    until(lambda: "one: from" in chart.accessibleDescription())
    smoothed = chart.accessibleDescription()
    (check,) = [one for one in page.findChildren(QAbstractButton) if one.text() == "Check loss"]
    QTest.keyClick(check, Qt.Key.Key_Space)
    until(lambda: chart.accessibleName() == "Check loss")
    assert "one: from" in chart.accessibleDescription() != smoothed
    told = [job.result()["summary"]["eval_loss"] for job in jobs]  # type: ignore[index]
    until(lambda: [run.check for run in page.model.state.runs] == told[::-1])
    listed = listed_runs.model()
    assert [listed.index(row, 3).data() for row in (0, 1)] == [f"{loss:.3f}" for loss in told[::-1]]


def test_a_run_is_paused_and_continued_from_its_page(
    filled: Workspace, page: TrainPage, until: Until
) -> None:
    client = JobClient(filled)
    spec = TrainSpec(base="tiny", dataset="data", name="long", recipe=TrainRecipe(epochs=60, batch_size=2))
    job = client.submit("train", spec, "long")
    page.model.choose((job.id,))
    client.ensure_runner(job)
    try:
        until(lambda: [run.job.state for run in page.model.state.shown] == ["running"])
        until(lambda: (job.status().progress or {}).get("done", 0) > 2)
        QTest.keyClick(named(page, QPushButton, "Pause"), Qt.Key.Key_Space)
        until(lambda: job.status().state == "paused")
        before = job.status().progress["done"]
        again = named(page, QPushButton, "Continue")
        until(again.isVisible)
        QTest.keyClick(again, Qt.Key.Key_Space)
        until(lambda: job.status().state == "running" and job.status().progress["done"] > before)
        assert job.status().attempt == 2
    finally:
        client.ask(job, "stop")
        until(lambda: job.status().state in ("stopped", "done"))


def test_a_run_is_ended_early_and_kept_by_keyboard(
    filled: Workspace, page: TrainPage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    spec = TrainSpec(base="tiny", dataset="data", name="early", recipe=TrainRecipe(epochs=9))
    job = JobClient(filled).submit("train", spec, "early")
    job.change(state="paused", attempt=1, progress={"done": 3, "total": 18, "unit": "steps"})
    page.model.choose((job.id,))
    button = next(one for one in page.findChildren(QPushButton) if one.accessibleName() == "Stop and save")
    until(button.isVisible)
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    until(lambda: job.wishes() == ["finish"])
    job.change(progress={})  # nothing is learned yet
    until(lambda: not button.isVisible())


def press(page: TrainPage, words: str) -> None:
    """Choose an entry of the menu with the settings."""
    menu = named(page, QPushButton, "Settings").menu()  # type: ignore[attr-defined]
    menu.aboutToShow.emit()
    (action,) = (one for one in menu.actions() if one.text() == words)
    assert action.isEnabled()
    action.trigger()


def test_settings_leave_as_a_file_and_come_back(
    filled: Workspace, page: TrainPage, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "größe.yml"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(file), ""))
    until(lambda: page.model.draft.state in ("planned", "refused"))
    epochs, warmup = named(page, QLineEdit, "Epochs"), named(page, QLineEdit, "Warm-up")
    epochs.setText("7")  # type: ignore[attr-defined]
    press(page, "Save in a file...")
    save_as(page, file.with_suffix(""), until)
    until(file.exists)
    assert read_recipe(file, {}) == TrainRecipe(epochs=7)

    press(page, "The usual ones")
    assert parse(page.model.draft.typed) == (TrainRecipe(), {})
    assert not warmup.isVisible()
    file.write_text("epochs: 5\nwarmup_share: 0.25\nmethod: lora\n", encoding="utf-8")
    press(page, "Open from a file...")
    wanted = TrainRecipe(epochs=5, warmup_share=0.25, method="lora")
    until(lambda: parse(page.model.draft.typed) == (wanted, {}))
    assert epochs.text() == "5"  # type: ignore[attr-defined]
    assert warmup.isVisible(), "a setting that is not the usual one is shown"
    for depth in ("Advanced", "Simple"):
        QTest.keyClick(named(page, QPushButton, depth), Qt.Key.Key_Space)
        assert warmup.isVisible()
    until(lambda: page.model.draft.state == "planned" and page.model.draft.plan["epochs"] == 5)


def test_a_file_without_settings_is_refused_and_changes_nothing(
    filled: Workspace, page: TrainPage, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong.yml").write_text("epoch: 3\n", encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(tmp_path / "wrong.yml"), ""))
    told: list[Problem] = []
    page.model.failed.connect(told.append)
    until(lambda: page.model.draft.state in ("planned", "refused"))
    before = page.model.draft.typed
    press(page, "Open from a file...")
    until(lambda: bool(told))
    assert "'epoch'" in told[0].message
    assert page.model.draft.typed == before


def test_the_settings_of_a_run_are_taken_over(filled: Workspace, page: TrainPage, until: Until) -> None:
    recipe = TrainRecipe(epochs=1, lora_rank=4, lora_dropout=0.25)
    do(filled, "train", TrainSpec(base="tiny", dataset="data", name="one", recipe=recipe))
    until(lambda: [run.name for run in page.model.state.shown] == ["one"])
    press(page, "Those of the run that is shown")
    assert parse(page.model.draft.typed) == (recipe, {})


def test_settings_that_are_wrong_are_not_saved_and_that_is_said(
    filled: Workspace, page: TrainPage, window: MainWindow, until: Until
) -> None:
    until(lambda: page.model.draft.state in ("planned", "refused"))
    told: list[str] = []
    page.model.told.connect(told.append)
    named(page, QLineEdit, "Epochs").setText("many")  # type: ignore[attr-defined]
    (save,) = (one for one in page.commands() if one.title.startswith("Save"))
    save.does()
    assert told == ["Correct what is marked, then the settings can be saved."]
    assert not page.findChildren(QFileDialog)


def test_a_run_of_another_version_is_not_taken_over(
    filled: Workspace, page: TrainPage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    job = JobClient(filled).submit("train", TrainSpec(base="tiny", dataset="data", name="x"), "x")
    page.model.choose((job.id,))
    until(lambda: [run.job.id for run in page.model.state.shown] == [job.id])
    page.model._specs[job.id]["recipe"]["unheard_of"] = 1
    told: list[str] = []
    page.model.told.connect(told.append)
    before = page.model.draft.typed
    press(page, "Those of the run that is shown")
    assert "Another version of Bakeoff" in told[0]
    assert page.model.draft.typed == before


def test_settings_that_were_typed_are_brought_back(
    filled: Workspace, page: TrainPage, window: MainWindow, until: Until
) -> None:
    until(lambda: page.model.draft.state in ("planned", "refused"))
    epochs = named(page, QLineEdit, "Epochs")
    epochs.setText("9")  # type: ignore[attr-defined]
    press(page, "The usual ones")
    assert epochs.text() == ""  # type: ignore[attr-defined]
    (undo,) = [one for one in window.findChildren(QPushButton) if one.accessibleName() == "Undo"]
    until(undo.isVisible)
    QTest.keyClick(undo, Qt.Key.Key_Space)
    assert epochs.text() == "9"  # type: ignore[attr-defined]
    assert parse(page.model.draft.typed)[0] == TrainRecipe(epochs=9)
