"""The Merge page: form and text say the same, the gradient by keyboard, findings in words, a merge for real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QTableView,
    QWidget,
)

from desktop.pages.merge.gradient import GradientEditor
from desktop.pages.merge.page import MergePage
from desktop.pages.merge.recipe_form import Form, curve_at, document_of, form_of, yaml_of
from desktop.shell.window import MainWindow
from desktop.words import size
from engine.jobs.client import JobClient
from engine.jobs.directory import all_jobs
from engine.merging.loading import parse_recipe
from engine.merging.method_table import METHODS
from engine.merging.presets import preset, preset_names
from engine.merging.spec import MergeSpec
from engine.models.library import find_model
from engine.workspace import Workspace
from tests.desktop.conftest import Until
from tests.here import add_model, do
from tests.tiny import tiny_model


@pytest.fixture
def models(workspace: Workspace, tmp_path: Path) -> Workspace:
    for seed, name in enumerate(("one", "two", "three")):
        add_model(workspace, tiny_model(tmp_path / name, seed=seed), name)
    return workspace


@pytest.fixture
def page(models: Workspace, window: MainWindow, until: Until) -> MergePage:
    window.resize(1360, 860)
    window.go("merge")
    assert isinstance(window.page, MergePage)
    found = window.page
    until(lambda: found.model.checked is not None and found.model.checked.ok)
    return found


def texts(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


def text_of(page: MergePage) -> QPlainTextEdit:
    found = page.findChild(QPlainTextEdit)
    assert isinstance(found, QPlainTextEdit)
    return found


def test_an_empty_workspace_says_what_is_needed(window: MainWindow, until: Until) -> None:
    window.go("merge")
    until(lambda: window.page.model.loaded)
    assert "Nothing to merge yet" in texts(window.page)


def test_it_begins_with_the_gradient_of_the_seed_story(page: MergePage) -> None:
    recipe = parse_recipe(text_of(page).toPlainText())
    assert recipe.merge_method == "slerp"
    assert recipe.as_dict()["parameters"] == preset("slerp", ["a", "b"]).as_dict()["parameters"]
    assert "These models can be merged" in texts(page)


def test_points_are_moved_by_keyboard_and_by_mouse_and_the_text_follows(
    page: MergePage, until: Until
) -> None:
    editor = page.findChild(GradientEditor)
    assert isinstance(editor, GradientEditor)
    editor.setFocus()
    QTest.keyClick(editor, Qt.Key.Key_Right)
    QTest.keyClick(editor, Qt.Key.Key_Up)
    QTest.keyClick(editor, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    document = yaml.safe_load(text_of(page).toPlainText())
    assert document["parameters"]["t"][0] == {"filter": "self_attn", "value": [0, 0.54, 0.3, 0.7, 1]}
    assert "layer" in editor.accessibleDescription()
    QTest.keyClick(editor, Qt.Key.Key_PageDown)
    QTest.keyClick(editor, Qt.Key.Key_Up)
    document = yaml.safe_load(text_of(page).toPlainText())
    assert document["parameters"]["t"][1]["value"][1] == 0.55
    first = QPoint(round(editor._place(0.0, 0.0).x()), round(editor._place(0.0, 0.0).y()))
    half = QPoint(first.x(), round(editor._place(0.0, 0.5).y()))
    QTest.mousePress(editor, Qt.MouseButton.LeftButton, pos=first)
    QTest.mouseMove(editor, half)
    QTest.mouseRelease(editor, Qt.MouseButton.LeftButton, pos=half)
    value = yaml.safe_load(text_of(page).toPlainText())["parameters"]["t"][0]["value"][0]
    assert value == pytest.approx(0.5, abs=0.02)
    until(lambda: page.model.checked is not None and page.model.checked.ok)


def test_the_form_follows_the_text_and_a_wrong_text_leaves_it(page: MergePage, until: Until) -> None:
    text = text_of(page)
    text.setPlainText(yaml_of(Form("linear", ("one", "two", "three"), "", {"two": {"weight": 0.25}})))
    until(lambda: page.model.form is not None and page.model.form.method == "linear")
    method = next(box for box in page.findChildren(QComboBox) if box.accessibleName() == "Method")
    assert method.currentText() == "linear"
    weight = next(box for box in page.findChildren(QDoubleSpinBox) if box.accessibleName() == "two weight")
    assert weight.value() == 0.25
    weight.setValue(0.75)
    assert yaml.safe_load(text.toPlainText())["models"][1]["parameters"] == {"weight": 0.75}
    text.setPlainText("merge_method: linera\nmodels:\n- model: one\n")
    until(lambda: page.model.fault is not None)
    until(lambda: "linera" in texts(page))
    assert page.model.form is not None
    assert page.model.form.method == "linear"
    start = next(
        one
        for one in page.findChildren(QAbstractButton)
        if one.accessibleName() == "Mend the recipe to start"
    )
    assert not start.isEnabled()


def test_what_a_form_cannot_say_stays_text(page: MergePage, until: Until) -> None:
    stacked = "merge_method: passthrough\nslices:\n- sources:\n  - model: one\n    layer_range: [0, 1]\n"
    text_of(page).setPlainText(stacked)
    until(lambda: page.model.form is None)
    until(lambda: page.model.checked is not None and page.model.checked.ok)
    until(lambda: "change it as text" in texts(page))
    assert text_of(page).toPlainText() == stacked


def test_models_that_do_not_fit_are_told_before_anything_runs(
    page: MergePage, models: Workspace, until: Until, tmp_path: Path
) -> None:
    add_model(models, tiny_model(tmp_path / "wide", seed=9, hidden=64), "wide")
    until(lambda: any(box.accessibleName() == "wide" for box in page.findChildren(QCheckBox)))
    box = next(box for box in page.findChildren(QCheckBox) if box.accessibleName() == "wide")
    chosen = next(one for one in page.findChildren(QCheckBox) if one.isChecked())
    chosen.setFocus()
    QTest.keyClick(chosen, Qt.Key.Key_Space)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    until(lambda: page.model.checked is not None and not page.model.checked.ok)
    until(lambda: "in the way" in texts(page))


def press(page: MergePage, until: Until, name: str) -> None:
    """Press a button by keyboard, once it is there."""

    def found() -> list[QAbstractButton]:
        buttons = page.findChildren(QAbstractButton)
        return [one for one in buttons if one.text().strip() == name and one.isVisible()]

    until(found)
    button = found()[0]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)


def test_what_it_will_take_is_told_before_it_starts(
    page: MergePage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = page.model.checked
    assert found is not None
    assert found.forecast is not None
    assert found.forecast.nbytes == found.facts["bytes"]
    said = texts(page)
    assert size(found.forecast.memory) in said
    monkeypatch.setattr("engine.merging.forecast.expected_seconds", lambda *_: None)
    page._models._choose_method("linear")
    until(lambda: page.model.checked is not None and page.model.checked.ok)
    until(lambda: "not known" in texts(page))
    until(lambda: "once a merge like it was made on this machine" in texts(page))
    monkeypatch.setattr("engine.merging.forecast.expected_seconds", lambda *_: 150.0)
    page._models._choose_method("karcher")
    until(lambda: page.model.checked is not None and page.model.checked.ok)
    until(lambda: "about 2 min" in texts(page))
    until(lambda: "as measured here" in texts(page))


def test_little_memory_and_a_full_disk_are_findings(
    page: MergePage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.merging.forecast.free_memory", lambda: 1_000_000)
    page._models._choose_method("linear")
    until(lambda: page.model.checked is not None and page.model.checked.warnings)
    until(lambda: "1 MB are free now" in texts(page))
    until(lambda: "to know" in texts(page))
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=1000))
    text_of(page).setPlainText(text_of(page).toPlainText().replace("bfloat16", "float32"))
    until(lambda: page.model.checked is not None and page.model.checked.errors)
    press(page, until, "Store it in bfloat16")
    assert "dtype: bfloat16" in text_of(page).toPlainText()


def test_a_button_beside_a_finding_mends_the_recipe_and_is_taken_back(
    page: MergePage, window: MainWindow, until: Until
) -> None:
    text = text_of(page)
    misspelt = text.toPlainText().replace("model: three", "model: thre")
    assert misspelt != text.toPlainText()
    text.setPlainText(misspelt)
    until(lambda: page.model.checked is not None and page.model.checked.errors)
    until(lambda: "There is no model 'thre'." in texts(page))
    press(page, until, "Take 'three'")
    assert "thre\n" not in text.toPlainText()
    until(lambda: page.model.checked is not None and page.model.checked.ok)
    until(lambda: "These models can be merged" in texts(page))
    until(lambda: "The recipe is changed: Take 'three'." in texts(window))
    undo = next(one for one in window.findChildren(QAbstractButton) if one.text().strip() == "Undo")
    undo.click()
    assert text.toPlainText() == misspelt


def test_weights_that_cancel_are_mended_in_form_and_text(page: MergePage, until: Until) -> None:
    weights = {"one": {"weight": 1.0}, "two": {"weight": -1.0}}
    text_of(page).setPlainText(yaml_of(Form("linear", ("one", "two"), "one", weights)))
    until(lambda: page.model.checked is not None and page.model.checked.errors)
    press(page, until, "Let all models count alike")
    until(lambda: page.model.checked is not None and page.model.checked.ok)
    assert page.model.form is not None
    assert parse_recipe(page.model.text).as_dict()["parameters"] == {"weight": 1.0}


def test_a_merge_is_started_and_made(
    page: MergePage, models: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    (threads,) = [one for one in page.findChildren(QSpinBox) if one.accessibleName() == "Tensors at a time"]
    first = page.model.checked
    threads.setValue(1)
    until(lambda: page.model.checked is not None and page.model.checked is not first)
    assert page.model.checked.forecast.memory < first.forecast.memory  # type: ignore[union-attr]
    start = next(one for one in page.findChildren(QAbstractButton) if one.accessibleName() == "Start merging")
    start.setFocus()
    QTest.keyClick(start, Qt.Key.Key_Space)
    until(lambda: [job.request().kind for job in all_jobs(models.jobs)][-1:] == ["merge"])
    until(lambda: "Merge slerp-merge" in texts(page) and "Waiting" in texts(page))
    spec = MergeSpec.model_validate(all_jobs(models.jobs)[-1].request().spec)
    assert spec.threads == 1
    do(models, "merge", spec)
    assert find_model(models, "slerp-merge").kind == "merge"


def test_the_line_that_is_to_blame_is_marked(page: MergePage, until: Until) -> None:
    text = text_of(page)
    text.setPlainText("merge_method: linear\nmodels:\n- model: one\n- model: two\n  paramters: {}\n")
    assert page.busy
    until(lambda: page.model.fault is not None)
    until(lambda: text.extraSelections())
    (mark,) = text.extraSelections()
    assert mark.cursor.block().text() == "  paramters: {}"  # type: ignore[attr-defined]
    assert "Did you mean 'parameters'?" in text.accessibleDescription()
    page._models._choose_method("ties")
    assert text.extraSelections() == []


def test_what_is_typed_is_read_before_anything_starts(page: MergePage, until: Until) -> None:
    text = text_of(page)
    start = next(one for one in page.findChildren(QAbstractButton) if one.accessibleName() == "Start merging")
    assert start.isEnabled()
    text.setPlainText(text.toPlainText() + "# typed\n")
    assert not start.isEnabled()
    until(lambda: start.isEnabled())
    assert page.model.text.endswith("# typed\n")


def test_a_page_that_was_left_looks_again(page: MergePage, window: MainWindow, until: Until) -> None:
    form = page.model.form
    assert form is not None
    page.model.use_form(replace(form, curves={"": (0.25,)}))
    window.go("models")
    window.go("merge")
    until(lambda: page.model.checked is not None and page.model.checked.ok)


def test_what_was_taken_away_stays_away(
    page: MergePage, models: Workspace, until: Until, tmp_path: Path
) -> None:
    for box in page.findChildren(QCheckBox):
        if box.isChecked():
            box.click()
    assert page.model.text == ""
    add_model(models, tiny_model(tmp_path / "four", seed=4), "four")
    until(lambda: any(box.accessibleName() == "four" for box in page.findChildren(QCheckBox)))
    assert page.model.text == ""
    until(lambda: "Choose models" in texts(page))


def test_the_gradient_is_a_table_too(page: MergePage, until: Until) -> None:
    button = next(
        one for one in page.findChildren(QAbstractButton) if one.accessibleName() == "Show as a table"
    )
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    table = page.findChild(QTableView)
    assert isinstance(table, QTableView)
    assert table.isVisible()
    rows = table.model()
    cells = [[rows.index(row, column).data() for column in range(4)] for row in range(rows.rowCount())]
    assert cells[0] == ["0", "0%", "100%", "50%"]
    assert cells[-2][1:] == ["100%", "0%", "50%"]
    assert cells[-1][0] == "Embeddings and head"


def test_small_numbers_and_flags_have_fields_of_their_kind(page: MergePage, until: Until) -> None:
    page._models._choose_method("karcher")
    tolerance = next(box for box in page.findChildren(QDoubleSpinBox) if box.accessibleName() == "tol")
    assert tolerance.value() == 1e-5
    page._models._choose_method("linear")
    normalize = next(box for box in page.findChildren(QCheckBox) if box.accessibleName() == "normalize")
    assert normalize.isChecked()
    normalize.click()
    assert yaml.safe_load(text_of(page).toPlainText())["parameters"] == {"normalize": False}
    page._models._choose_method("nearswap")
    document = yaml.safe_load(text_of(page).toPlainText())
    assert document["parameters"] == {"t": 0.001}
    until(
        lambda: any(
            box.accessibleName() == "t" and box.isVisible() for box in page.findChildren(QDoubleSpinBox)
        )
    )


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_goes_from_the_form_to_yaml_and_back(method: str) -> None:
    models = ("a", "b") if METHODS[method].most == 2 else ("a", "b", "c")
    form = Form(method, models, "" if METHODS[method].base == "inputs" else "a", curves={"": (0.5,)})
    recipe = parse_recipe(yaml_of(form))
    assert recipe.merge_method == method
    back = form_of(recipe)
    assert back is not None
    assert document_of(back) == document_of(form)


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_what_a_form_can_say(name: str) -> None:
    recipe = preset(name, ["a", "b"], "a" if name == "slerp" else "base")
    form = form_of(recipe)
    assert form is not None
    assert parse_recipe(yaml_of(form)).as_dict() == recipe.as_dict()


def test_curves_are_read_as_a_merge_reads_them() -> None:
    assert curve_at((0.0, 0.5, 0.3, 0.7, 1.0), 0.0) == 0.0
    assert curve_at((0.0, 0.5, 0.3, 0.7, 1.0), 1.0) == 1.0
    assert curve_at((0.0, 1.0), 0.25) == 0.25


def test_a_recipe_that_was_typed_is_brought_back_after_a_preset(
    page: MergePage, window: MainWindow, until: Until
) -> None:
    typed = page.model.text.replace("dtype: bfloat16", "dtype: float16  # by hand")
    page.model.use_text(typed)
    until(lambda: page.model.form is not None and page.model.form.dtype == "float16")
    page.model.use_preset("linear")
    assert "by hand" not in page.model.text
    assert any("that was typed is replaced" in one.text() for one in window.findChildren(QLabel))
    (undo,) = [one for one in window.findChildren(QPushButton) if one.accessibleName() == "Undo"]
    until(undo.isVisible)
    QTest.keyClick(undo, Qt.Key.Key_Space)
    assert page.model.text == typed


def test_what_the_form_says_by_itself_needs_no_way_back(
    page: MergePage, window: MainWindow, until: Until
) -> None:
    said: list[str] = []
    page.model.replaced.connect(said.append)
    page.model.use_preset("linear")
    page.model.use_preset("slerp")
    assert said == []
