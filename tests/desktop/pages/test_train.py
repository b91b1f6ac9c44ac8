"""The Train page: planned as it is typed, started by keyboard, followed, compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QWidget

from desktop.pages.train.chart import Chart
from desktop.pages.train.curves import Follower, thinned
from desktop.pages.train.form import FIELDS, default_text, parse
from desktop.pages.train.page import TrainPage
from desktop.shell.window import MainWindow
from engine.jobs.client import JobClient
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace import Workspace
from tests.desktop.conftest import Until
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
