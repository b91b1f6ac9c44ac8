"""The Datasets page: dropping files, correcting how they are read, looking through rows, the check-up, the trash."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PySide6.QtCore import QMimeData, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDropEvent, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDialog,
    QFileDialog,
    QInputDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QTableView,
    QTextBrowser,
    QWidget,
)
from pytestqt.modeltest import ModelTester

from desktop.pages.datasets.importing import ImportDialog
from desktop.pages.datasets.inspector import tokens_html
from desktop.pages.datasets.page import DatasetsPage
from desktop.pages.datasets.rows import DatasetRows
from desktop.problem import Problem
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from desktop.theme.tokens import LIGHT
from desktop.widgets.drop_zone import DropZone
from engine.datasets.spec import ImportSpec, SourceSpec
from engine.jobs.client import JobClient
from engine.jobs.directory import all_jobs
from engine.workspace import Workspace
from tests.desktop.conftest import Until, gone
from tests.here import add_model, do, import_rows
from tests.tiny import tiny_model

Kind = TypeVar("Kind", bound=QWidget)

ROWS = [
    {
        "prompt": f"What is number {n}?",
        "completion": f"It is {n}.",
        "split": "test" if n % 4 == 0 else "train",
    }
    for n in range(40)
]


@pytest.fixture
def page(workspace: Workspace, window: MainWindow, until: Until) -> DatasetsPage:
    window.resize(1200, 800)
    window.go("datasets")
    assert isinstance(window.page, DatasetsPage)
    found = window.page
    until(lambda: found.model.loaded)
    return found


def texts(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


def named(page: QWidget, kind: type[Kind], name: str) -> Kind:
    return next(one for one in page.findChildren(kind) if one.accessibleName() == name)


def rows_of(page: DatasetsPage) -> DatasetRows:
    model = named(page, QTableView, "Examples").model()
    assert isinstance(model, DatasetRows)
    return model


def drop(page: DatasetsPage, *files: Path) -> None:
    """Drop files as the file manager does."""
    zone = page.findChild(DropZone)
    assert isinstance(zone, DropZone)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    event = QDropEvent(
        QPointF(10, 10),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    zone.dropEvent(event)


def dialog_of(page: DatasetsPage, until: Until) -> ImportDialog:
    until(lambda: page.findChildren(ImportDialog))
    return page.findChildren(ImportDialog)[0]


def test_an_empty_workspace_says_what_a_dataset_is(page: DatasetsPage) -> None:
    assert "No dataset yet" in texts(page)


def test_a_dropped_file_becomes_a_dataset_by_keyboard(
    page: DatasetsPage, workspace: Workspace, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    drop(page, file)
    dialog = dialog_of(page, until)
    until(lambda: "All of the first 40 rows can be read." in texts(dialog))
    name = named(dialog, QLineEdit, "What to call it")
    assert name.text() == "questions"
    go = named(dialog, QAbstractButton, "Import")
    go.setFocus()
    QTest.keyClick(go, Qt.Key.Key_Space)
    until(lambda: [job.request().kind for job in all_jobs(workspace.jobs)] == ["dataset_import"])
    spec = all_jobs(workspace.jobs)[0].request().spec
    assert (spec["name"], spec["sources"]) == ("questions", [{"path": str(file), "split": None}])


def test_the_boxes_say_what_is_taken_from_where_and_likely_columns_are_chosen(
    page: DatasetsPage, until: Until, tmp_path: Path
) -> None:
    told = tmp_path / "told.csv"
    told.write_text(
        "Prompt,completion,topic\n" + "".join(f"Q{at},A{at},x\n" for at in range(9)), encoding="utf-8"
    )
    drop(page, told)
    dialog = dialog_of(page, until)
    until(lambda: "All of the first 9 rows can be read." in texts(dialog))
    prompt, answer = (named(dialog, QLineEdit, name) for name in ("Prompt from", "Answer from"))
    assert [(one.text(), one.placeholderText()) for one in (prompt, answer)] == [
        ("", "Prompt"),
        ("", "completion"),
    ]
    dialog.reject()
    gone(dialog)
    likely = tmp_path / "likely.csv"
    likely.write_text(
        "id,question,answer\n" + "".join(f"{at},Q{at},A{at}\n" for at in range(9)), encoding="utf-8"
    )
    drop(page, likely)
    dialog = dialog_of(page, until)
    until(lambda: "All of the first 9 rows can be read." in texts(dialog))
    prompt, answer = (named(dialog, QLineEdit, name) for name in ("Prompt from", "Answer from"))
    assert (prompt.text(), answer.text()) == ("question", "answer")
    prompt.clear()  # what is emptied stays so
    until(lambda: "cannot be read" in texts(dialog))
    assert prompt.text() == ""


def test_the_import_may_be_left_while_the_file_is_read_or_the_job_is_asked_for(
    page: DatasetsPage, workspace: Workspace, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    drop(page, file)
    dialog = dialog_of(page, until)
    dialog.reject()
    gone(dialog)
    told: list[Problem] = []
    page.model.failed.disconnect(page._fail)
    page.model.failed.connect(told.append)
    for name, jobs in (("questions", 1), ("qu/est/ions", 1)):
        drop(page, file)
        dialog = dialog_of(page, until)
        until(lambda dialog=dialog: "All of the first 40 rows can be read." in texts(dialog))
        named(dialog, QLineEdit, "What to call it").setText(name)
        named(dialog, QAbstractButton, "Import").click()
        dialog.reject()
        gone(dialog)
        until(lambda: not page.model.services.background.busy)
        assert len(all_jobs(workspace.jobs)) == jobs
    assert told


def test_columns_that_nobody_knows_are_given_their_roles(
    page: DatasetsPage, until: Until, tmp_path: Path
) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("words,label\nhello,greeting\nbye,farewell\n", encoding="utf-8")
    drop(page, file)
    dialog = dialog_of(page, until)
    until(lambda: "cannot be read" in texts(dialog))
    go = named(dialog, QAbstractButton, "Import")
    assert not go.isEnabled()
    shown = named(dialog, QTableView, "The first rows, as they will be read").model()
    assert shown.index(1, 1).data() == "words: bye, label: farewell"
    for role, column in (("Prompt from", "words"), ("Answer from", "label")):
        choice = named(dialog, QComboBox, role)
        assert choice.findText(column) > 0
        choice.setEditText(column)
    until(lambda: "All of the first 2 rows can be read." in texts(dialog))
    assert go.isEnabled()
    assert dict(dialog.options().mapping) == {"prompt": "words", "completion": "label"}
    dialog.reject()


def test_files_that_hold_no_examples_are_answered_kindly(
    page: DatasetsPage, window: MainWindow, until: Until, tmp_path: Path
) -> None:
    picture, good = tmp_path / "cat.png", tmp_path / "good.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    good.write_text("prompt,completion\nWho?,Me\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    drop(page, picture, good, tmp_path / "empty")
    dialog = dialog_of(page, until)
    until(lambda: any("PNG picture" in texts(one) for one in window.findChildren(QDialog)))
    told = next(one for one in window.findChildren(QDialog) if "PNG picture" in texts(one))
    assert "The folder empty holds no file with examples." in texts(told)
    told.close()
    assert named(dialog, QLineEdit, "What to call it").text() == "good"
    dialog.reject()


def test_rows_are_searched_filtered_and_read_in_full(
    page: DatasetsPage, workspace: Workspace, until: Until, qtmodeltester: ModelTester
) -> None:
    import_rows(workspace, ROWS, "questions")
    rows = rows_of(page)
    qtmodeltester.check(rows)  # and again after each change; what it finds is a warning of Qt
    until(lambda: rows.rowCount() == 40)
    until(lambda: rows.row_at(0) is not None)
    text = page.findChild(QTextBrowser)
    assert isinstance(text, QTextBrowser)
    until(lambda: "What is number 0?" in text.toPlainText())
    search = named(page, QLineEdit, "Search prompts and answers")
    search.setFocus()
    QTest.keyClicks(search, "NUMBER 3")
    until(lambda: rows.rowCount() == 11)  # 3 and 30 to 39
    split = named(page, QComboBox, "Which examples")
    split.setFocus()
    for _ in range(3):  # for training, for choosing, for ranking
        QTest.keyClick(split, Qt.Key.Key_Down)
    until(lambda: rows.rowCount() == 2)  # 32 and 36
    assert "2 rows" in texts(page)
    table = named(page, QTableView, "Examples")
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Down)
    until(lambda: "It is 36." in text.toPlainText())
    # Nothing fits: that is said, with a way back.
    search.setFocus()
    QTest.keyClicks(search, "!")
    until(lambda: "No example fits" in texts(page))
    assert not table.isVisible()
    everything = named(page, QPushButton, "Show all examples")
    everything.setFocus()
    QTest.keyClick(everything, Qt.Key.Key_Space)
    until(lambda: rows.rowCount() == 40 and table.isVisible())
    assert "No example fits" not in texts(page)


def test_what_is_looked_at_is_exported(
    page: DatasetsPage, workspace: Workspace, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_rows(workspace, ROWS, "questions")
    rows = rows_of(page)
    until(lambda: rows.rowCount() == 40)
    asked: list[str] = []

    def answer(_parent: object, title: str, name: str, _endings: str) -> tuple[str, str]:
        asked.append(title)
        return str(tmp_path / name), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    page._menu._ask_export()
    until((tmp_path / "questions.jsonl").exists)
    split = named(page, QComboBox, "Which examples")
    split.setCurrentIndex(3)
    split.activated.emit(3)
    until(lambda: 0 < rows.rowCount() < 40)
    page._menu._ask_export()
    until((tmp_path / "questions-test.jsonl").exists)
    lines = [
        len((tmp_path / name).read_text().splitlines())
        for name in ("questions.jsonl", "questions-test.jsonl")
    ]
    assert lines == [40, rows.rowCount()]
    assert asked == ["Export questions", "Export questions (For ranking)"]


def test_rows_are_sorted_by_keyboard(page: DatasetsPage, workspace: Workspace, until: Until) -> None:
    import_rows(workspace, ROWS, "questions")
    rows = rows_of(page)
    until(lambda: rows.rowCount() == 40 and rows.row_at(0) is not None)
    by_prompt = next(one for one in page.commands() if one.title == "Sort by: Prompt")
    by_prompt.does()
    until(lambda: "number 10?" in str(rows.row_at(1)))  # as text, where a digit comes before a question mark
    by_prompt.does()
    until(lambda: "number 9?" in str(rows.row_at(0)))


def test_a_row_of_the_file_is_gone_to(
    page: DatasetsPage,
    window: MainWindow,
    workspace: Workspace,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = workspace.root.parent / "some.jsonl"
    lines = [json.dumps(row) for row in ROWS]
    lines.insert(2, "no JSON")
    file.write_text("\n".join(lines), encoding="utf-8")
    do(workspace, "dataset_import", ImportSpec(sources=[SourceSpec(path=str(file))], name="some"))
    rows = rows_of(page)
    until(lambda: rows.rowCount() == 40)
    text = page.findChild(QTextBrowser)
    assert isinstance(text, QTextBrowser)
    table = named(page, QTableView, "Examples")
    problems: list[Problem] = []
    monkeypatch.setattr(page, "_fail", problems.append)

    def go_to(row: int) -> None:
        monkeypatch.setattr(QInputDialog, "getInt", lambda *_: (row, True))
        table.setFocus()
        QTest.keyClick(table, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)

    go_to(37)
    until(lambda: "What is number 35?" in text.toPlainText())
    # Where the view holds it, the view stays; else all examples are shown.
    search = named(page, QLineEdit, "Search prompts and answers")
    search.setFocus()
    QTest.keyClicks(search, "number 3")
    until(lambda: rows.rowCount() == 11)
    go_to(32)
    until(lambda: "What is number 30?" in text.toPlainText())
    assert rows.rowCount() == 11
    go_to(7)
    until(lambda: "What is number 5?" in text.toPlainText())
    assert rows.rowCount() == 40
    assert not search.text()
    # One that was left out, and one that there is not.
    go_to(3)
    until(lambda: len(problems) == 1)
    assert "row 3: it was rejected" in problems[0].message
    go_to(400)
    until(lambda: len(problems) == 2)
    assert "400" in problems[1].message


def test_what_was_pulled_larger_stays_so(
    page: DatasetsPage, workspace: Workspace, look: Look, tmp_path: Path, until: Until
) -> None:
    import_rows(workspace, ROWS, "questions")
    settings = QSettings(str(tmp_path / "place.ini"), QSettings.Format.IniFormat)

    def shares() -> list[float]:
        made = MainWindow(workspace, look, settings)
        made.resize(1200, 900)
        made.show()
        made.go("datasets")
        assert isinstance(made.page, DatasetsPage)
        parted = made.page.findChild(QSplitter)
        assert isinstance(parted, QSplitter)
        until(parted.isVisible)
        found = [size / sum(parted.sizes()) for size in parted.sizes()]
        parted.setSizes([250, 600])
        made.close()
        return found

    first, second = shares(), shares()
    assert first[0] > 0.5
    assert second[0] < 0.4


def test_rows_that_were_scrolled_past_are_not_fetched(
    page: DatasetsPage, workspace: Workspace, until: Until
) -> None:
    import_rows(
        workspace, [{"prompt": f"Who is {n}?", "completion": f"Number {n}"} for n in range(1500)], "people"
    )
    rows = rows_of(page)
    until(lambda: rows.rowCount() == 1500)
    until(lambda: rows.row_at(0) is not None and not page.busy)
    for place in range(1450, 150, -100):  # dragged upwards
        assert rows.row_at(place) is None
    until(lambda: not rows.waiting and not page.busy)
    assert sorted(rows._pages) == [0, 2, 3, 4, 5]
    assert rows.row_at(250) is not None
    text = page.findChild(QTextBrowser)
    assert isinstance(text, QTextBrowser)
    until(lambda: "Who is 0?" in text.toPlainText())


def test_an_example_stays_where_the_view_changes_before_it_came(
    page: DatasetsPage, workspace: Workspace, until: Until
) -> None:
    import_rows(workspace, ROWS, "questions")
    rows = rows_of(page)
    until(lambda: rows.rowCount() == 40)
    until(lambda: rows.row_at(0) is not None)
    text = page.findChild(QTextBrowser)
    assert isinstance(text, QTextBrowser)
    page._inspector.clear()
    page._inspector.show_row("questions", 1)
    rows.show_view("questions", split="test")
    until(lambda: rows.rowCount() == 10)
    until(lambda: "What is number 0?" in text.toPlainText())


def test_tokens_are_shown_with_what_is_trained_and_lengths_are_counted(
    page: DatasetsPage, workspace: Workspace, until: Until, tmp_path: Path
) -> None:
    add_model(workspace, tiny_model(tmp_path / "tiny"), "tiny")
    import_rows(workspace, ROWS, "questions")
    until(lambda: page.model.state.models == ("tiny",))
    until(lambda: rows_of(page).row_at(0) is not None)
    tokens = named(page, QAbstractButton, "Tokens")
    tokens.setFocus()
    QTest.keyClick(tokens, Qt.Key.Key_Space)
    until(lambda: "of them trained" in texts(page))
    health = named(page, QAbstractButton, "Check-up")
    health.setFocus()
    QTest.keyClick(health, Qt.Key.Key_Space)
    until(lambda: "Half of the examples have at most" in texts(page))
    until(lambda: "No prompt of the test is in the training examples." in texts(page))


def test_trained_tokens_stand_on_other_grounds_than_the_others() -> None:
    found = [
        {"text": "What", "trained": False},
        {"text": " is", "trained": False},
        {"text": "Four", "trained": True},
        {"text": ".<", "trained": True},
    ]
    text = QTextDocument()
    text.setHtml(tokens_html(found, LIGHT))
    grounds: dict[str, set[str]] = {"trained": set(), "other": set()}
    seen = ""
    pieces = text.begin().begin()
    while not pieces.atEnd():
        words, look = pieces.fragment().text(), pieces.fragment().charFormat()
        pieces += 1
        if not words.strip("\u200b"):  # where lines may break
            continue
        kind = "trained" if words in ("Four", ".<") else "other"
        seen += words
        grounds[kind].add(look.background().color().name())
        wanted = LIGHT.text if kind == "trained" else LIGHT.muted
        assert look.foreground().color().name() == wanted, words
    assert seen == "What\xa0isFour.<"
    assert grounds["trained"] == {LIGHT.good_soft, LIGHT.accent_soft}
    assert grounds["other"] == {LIGHT.raised, LIGHT.border}
    assert not grounds["trained"] & grounds["other"]


def test_rows_that_were_left_out_are_listed_with_their_reason(
    page: DatasetsPage, workspace: Workspace, until: Until
) -> None:
    file = workspace.root.parent / "some.jsonl"
    lines = [json.dumps(row) for row in ROWS]
    lines.insert(2, '{"prompt": "What is it?"}')
    lines.insert(4, "no JSON")
    file.write_text("\n".join(lines), encoding="utf-8")
    spec = ImportSpec(sources=[SourceSpec(path=str(file))], name="some")
    do(workspace, "dataset_import", spec)
    until(lambda: page.model.state.selected == "some")
    health = named(page, QAbstractButton, "Check-up")
    health.setFocus()
    QTest.keyClick(health, Qt.Key.Key_Space)
    table = named(page, QTableView, "Rows that were left out")

    def listed() -> list[tuple[str, str]]:
        model = table.model()
        return [(model.index(at, 0).data(), model.index(at, 1).data()) for at in range(model.rowCount())]

    until(lambda: len(listed()) == 2)
    assert [number for number, _ in listed()] == ["3", "5"]
    assert all(reason for _, reason in listed())
    assert table.isVisible()


def test_a_sealed_dataset_stays_unseen(page: DatasetsPage, workspace: Workspace, until: Until) -> None:
    file = workspace.root.parent / "secret.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    source = SourceSpec(path=str(file))
    do(workspace, "dataset_import", ImportSpec(sources=[source], name="secret", sealed=True))
    until(lambda: "This dataset is sealed" in texts(page))
    assert rows_of(page).rowCount() == 0


def test_removed_and_brought_back(
    page: DatasetsPage, window: MainWindow, workspace: Workspace, until: Until
) -> None:
    import_rows(workspace, ROWS, "questions")
    until(lambda: page.model.state.selected == "questions")
    page.model.remove("questions")
    until(lambda: not page.model.state.datasets)
    undo = next(
        one for one in window.findChildren(QAbstractButton) if one.accessibleName().startswith("Undo")
    )
    undo.setFocus()
    QTest.keyClick(undo, Qt.Key.Key_Space)
    until(lambda: [one.name for one in page.model.state.datasets] == ["questions"])
    page.model.rename("questions", "answers")
    until(lambda: page.model.state.selected == "answers")


def test_a_process_that_dies_is_told_and_replaced(
    page: DatasetsPage, workspace: Workspace, until: Until
) -> None:
    import_rows(workspace, ROWS, "questions")
    rows = rows_of(page)
    until(lambda: rows.rowCount() == 40)
    told: list[object] = []
    rows.failed.connect(told.append)
    killed = page._rows_asker._process
    assert killed is not None
    killed.kill()
    until(lambda: page._rows_asker._process is not killed)
    rows.show_view("questions", split="test")
    until(lambda: rows.rowCount() == 10)


def test_a_million_rows_scroll_and_are_searched_quickly(
    page: DatasetsPage, workspace: Workspace, until: Until
) -> None:
    many = 1_000_000
    import_rows(workspace, ROWS, "questions")
    until(lambda: rows_of(page).rowCount() == 40)
    folder = page.model.state.datasets[0].folder
    stored = pq.read_table(folder / "examples.parquet")
    times = many // len(stored)
    table = pa.concat_tables([stored] * times).set_column(0, "row", pa.array(range(1, many + 1), pa.int64()))
    pq.write_table(table, folder / "examples.parquet", row_group_size=100_000)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"examples": many}), encoding="utf-8")
    page._rows_asker.close()
    rows = rows_of(page)
    rows.show_view("questions")
    deadline = time.monotonic() + 60
    while rows.rowCount() != many and time.monotonic() < deadline:
        try:
            until(lambda: rows.rowCount() == many)
        except AssertionError:
            continue
    view = named(page, QTableView, "Examples")
    began = time.monotonic()
    for place in range(0, many, 40_000):
        view.scrollTo(rows.index(place, 0))
        view.viewport().repaint()
    assert (time.monotonic() - began) / 25 < 0.1  # a frame, on a busy machine; the benchmark measures it
    until(lambda: rows.row_at(many - 10) is not None)
    began = time.monotonic()
    rows.show_view("questions", search="number 39?")
    until(lambda: rows.rowCount() == many // 40)
    assert time.monotonic() - began < 3


def test_tasks_of_a_job_appear_by_themselves(
    page: DatasetsPage, workspace: Workspace, until: Until, tmp_path: Path
) -> None:
    file = tmp_path / "good.csv"
    file.write_text(
        "prompt,completion\n" + "".join(f"Who {n}?,Me {n}\n" for n in range(20)), encoding="utf-8"
    )
    do(workspace, "dataset_import", ImportSpec(sources=[SourceSpec(path=str(file))], name="good"))
    until(lambda: [one.name for one in page.model.state.datasets] == ["good"])
