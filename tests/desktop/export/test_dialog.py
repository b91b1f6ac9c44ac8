"""The dialog that exports a model: by keyboard to each form, planned before, measured afterwards; faults told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPushButton, QSpinBox, QWidget
from sqlalchemy import select

from desktop.export.dialog import ExportDialog
from desktop.export.view_model import ExportModel
from desktop.pages.merge.page import MergePage
from desktop.pages.merge.recipe_form import Form
from desktop.shell.window import MainWindow
from engine.models.library import find_export, find_model
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace import Workspace
from engine.workspace.tables import Model
from tests.desktop.conftest import Until
from tests.desktop.keyboard import bring_forward, press, save_as, tab_to, texts, write
from tests.here import add_model, do, import_rows, threads_for_processes
from tests.tiny_families import exportable_model


@pytest.fixture
def tuned(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with a base, a task, and an adapter that has learned it."""
    add_model(workspace, exportable_model(tmp_path / "alder"), "alder")
    rows = [
        {"input": f"say {number}", "output": "it", "split": "test" if number < 5 else "train"}
        for number in range(20)
    ]
    import_rows(workspace, rows, "words")
    recipe = TrainRecipe(epochs=1, method="lora", lora_rank=4)
    do(workspace, "train", TrainSpec(base="alder", dataset="words", name="alder-words", recipe=recipe))
    return workspace


@pytest.fixture
def at_work(tuned: Workspace) -> Iterator[None]:
    """Jobs are done, in threads of this process."""
    with threads_for_processes(tuned):
        yield


def opened(window: MainWindow, model: str, until: Until) -> ExportDialog:
    """The dialog for a model, opened by keyboard."""
    window.go("models")
    page = window.page
    until(lambda: any(one.name == model for one in page.model.state.models))  # type: ignore[attr-defined]
    (row,) = [one for one in page.model.state.models if one.name == model]  # type: ignore[attr-defined]
    page.model.select(row.id)  # type: ignore[attr-defined]
    until(lambda: page.model.state.selected == row.id)  # type: ignore[attr-defined]
    (button,) = [
        one
        for one in page.findChildren(QAbstractButton)
        if one.accessibleName() == "Export..." and one.isVisible()
    ]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    until(lambda: page.findChild(ExportDialog))
    dialog = page.findChild(ExportDialog)
    assert isinstance(dialog, ExportDialog)
    until(lambda: dialog.model.loaded and dialog.model.reckoned)
    bring_forward(dialog, until)
    return dialog


def end(dialog: ExportDialog, until: Until) -> None:
    """Start it, and wait for its end."""
    until(lambda: dialog.model.can_start)
    press(dialog, "Export")
    until(lambda: dialog.model.state.stage in ("done", "failed"))
    assert dialog.model.state.problem is None


def next_form(dialog: ExportDialog, here: QWidget, form: str, until: Until) -> QWidget:
    """Press the arrow to the right, which has to choose a form; the control that has the keyboard then."""
    QTest.keyClick(here, Qt.Key.Key_Right)
    until(lambda: dialog.model.draft.form == form and dialog.focusWidget() not in (None, here))
    found = dialog.focusWidget()
    assert found is not None
    return found


def gone(window: MainWindow) -> bool:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return not window.findChildren(ExportDialog) and not window.findChildren(ExportModel)


def test_a_file_is_planned_made_and_measured_by_keyboard(
    window: MainWindow, tuned: Workspace, at_work: None, tmp_path: Path, until: Until
) -> None:
    dialog = opened(window, "alder-words", until)
    kinds = next(box for box in dialog.findChildren(QComboBox) if box.accessibleName() == "Quantisation")
    kinds.setFocus()
    kinds.setCurrentText("q4_0")
    kinds.activated.emit(kinds.currentIndex())
    until(lambda: dialog.model.reckoned and "bits per weight." in texts(dialog))
    assert "as Q4_0" in texts(dialog)
    (threads,) = [box for box in dialog.findChildren(QSpinBox) if box.accessibleName() == "Threads"]
    threads.setValue(1)
    until(lambda: dialog.model.draft.spec().threads == 1)
    assert "what it was trained on: words" in [
        box.currentText() for box in dialog.findChildren(QComboBox) if box.isVisible()
    ]
    out = tmp_path / "mine here.gguf"
    write(dialog, "Where it goes", str(out))
    until(lambda: dialog.model.draft.place == str(out))
    end(dialog, until)
    shown = texts(dialog)
    assert "The export is there" in shown
    assert str(out) in shown
    assert "texts become the same tokens." in shown
    assert "The chat template is the same." in shown
    assert "On 5 test prompts of words" in shown
    drift = dict(dialog.model.state.summary)["drift"]
    assert [one["quantisation"] for one in drift["files"]] == ["bf16", "q4_0"]
    found = find_export(tuned, find_model(tuned, "alder-words"), "q4_0")
    assert found is not None
    assert found.file == out
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    until(lambda: gone(window))


def test_a_merge_recipe_goes_straight_to_a_file(
    window: MainWindow,
    tuned: Workspace,
    at_work: None,
    tmp_path: Path,
    until: Until,
) -> None:
    recipe = TrainRecipe(epochs=1, method="lora", lora_rank=4, seed=1)
    do(tuned, "train", TrainSpec(base="alder", dataset="words", name="second", recipe=recipe))
    window.go("merge")
    page = window.page
    assert isinstance(page, MergePage)
    until(lambda: len(page.model.state.models) > 1)
    page.model.use_form(Form().with_models(("alder-words", "second")))
    until(lambda: page.model.checked is not None and page.model.checked.ok)
    (menu,) = (one.menu() for one in page.findChildren(QPushButton) if one.accessibleName() == "Recipe")
    menu.aboutToShow.emit()
    actions = {one.text(): one for one in menu.actions()}

    saved = tmp_path / "größe.yml"
    actions["Save in a file..."].trigger()
    save_as(page, saved.with_suffix(""), until)
    until(saved.exists)
    assert saved.read_text(encoding="utf-8") == page.model.text

    actions["Straight to a GGUF file..."].trigger()
    until(lambda: page.findChild(ExportDialog))
    dialog = page.findChild(ExportDialog)
    assert isinstance(dialog, ExportDialog)
    until(lambda: dialog.model.loaded and dialog.model.reckoned)
    bring_forward(dialog, until)
    assert "It is not said where the export goes." in texts(dialog)
    assert not dialog.model.can_start
    assert not any(
        one.accessibleName() == "A file that is there already" and one.isVisible()
        for one in dialog.findChildren(QLineEdit)
    )
    out = tmp_path / "straight.gguf"
    write(dialog, "Where it goes", str(out))
    until(lambda: dialog.model.reckoned and "The merged model itself is not written." in texts(dialog))
    models = [model.name for model in page.model.state.models]
    end(dialog, until)
    assert out.is_file()
    provenance = json.loads((tmp_path / "straight.bakeoff.json").read_text(encoding="utf-8"))
    assert {parent["model"] for parent in provenance["parents"]} == {"alder-words", "second"}
    assert "On 5 test prompts of words" in texts(dialog)
    with tuned.catalogue.reading() as session:
        assert set(session.scalars(select(Model.name))) == {"alder", *models}, "no model came of it"
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    until(lambda: gone(window))


@pytest.mark.parametrize(
    ("steps", "made"), [(1, "Modelfile"), (2, "config.json"), (3, "adapter_config.json")]
)
def test_other_forms_need_a_place(
    window: MainWindow, tuned: Workspace, at_work: None, tmp_path: Path, until: Until, steps: int, made: str
) -> None:
    dialog = opened(window, "alder-words", until)
    (adapter,) = (one for one in dialog.findChildren(QAbstractButton) if one.text() == "Adapter")
    until(lambda: adapter.isVisible() and adapter.x() > 0)  # the arrow leads to what has its place
    here = tab_to(dialog, "GGUF")
    for form in ("ollama", "merged", "adapter")[:steps]:
        here = next_form(dialog, here, form, until)
    until(lambda: dialog.model.reckoned and "It is not said where the export goes." in texts(dialog))
    assert not dialog.model.can_start
    (tmp_path / "taken").mkdir()
    write(dialog, "Where it goes", str(tmp_path / "taken"))
    until(lambda: dialog.model.reckoned and "taken already exists." in texts(dialog))
    assert "--force" not in texts(dialog)
    write(dialog, "Where it goes", str(tmp_path / "out"))
    until(lambda: dialog.model.draft.place == str(tmp_path / "out") and dialog.model.reckoned)
    end(dialog, until)
    assert (tmp_path / "out" / made).is_file()


def test_what_cannot_be_made_is_told_before_and_after(
    window: MainWindow, tuned: Workspace, at_work: None, tmp_path: Path, until: Until
) -> None:
    dialog = opened(window, "alder", until)
    assert "Adapter" not in [one.text() for one in dialog.findChildren(QAbstractButton) if one.isVisible()]
    write(dialog, "A file that is there already", str(tmp_path / "nowhere.gguf"))
    until(lambda: dialog.model.reckoned and "There is no file" in texts(dialog))
    (tmp_path / "bad.gguf").write_bytes(b"GGUF no")
    write(dialog, "A file that is there already", str(tmp_path / "bad.gguf"))
    until(lambda: dialog.model.can_start and "checked against the model" in texts(dialog))
    press(dialog, "Export")
    until(lambda: dialog.model.state.stage == "failed")
    until(lambda: "The export was not made" in texts(dialog))
    assert dialog.model.state.problem is not None
    # It can be corrected, and made after all; in the workspace where no place is named.
    write(dialog, "A file that is there already", "")
    until(lambda: dialog.model.draft.converted == "" and dialog.model.reckoned)
    end(dialog, until)
    assert find_export(tuned, find_model(tuned, "alder"), "q4_k_m") is not None
