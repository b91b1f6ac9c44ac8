"""The Compare page on real answers: seen, filtered and told apart by keyboard; answers and verdicts by real jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QTextEdit,
    QWidget,
)
from pytestqt.modeltest import ModelTester

from desktop.pages.compare.cells import AnswersTable
from desktop.pages.compare.detail import DetailCard, JudgedPart
from desktop.pages.compare.difference import difference
from desktop.pages.compare.judging import JudgingDialog
from desktop.pages.compare.page import ComparePage
from desktop.pages.compare.planning import Draft, amount, generate_spec
from desktop.pages.compare.strip import WorkStrip
from desktop.shell.window import MainWindow
from desktop.widgets.fields import Suggested
from engine.errors import BakeoffError
from engine.inference.outputs import Output
from engine.jobs.directory import all_jobs
from engine.judging.ledger import CatalogueLedger
from engine.workspace import Workspace
from engine.workspace.tables import Endpoint
from tests.answered import COUNT, SAME, answer, fill, judge, prompts
from tests.desktop.conftest import Until
from tests.desktop.keyboard import save_as
from tests.fake_openai import FakeOpenAI, Truth

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill(workspace, tmp_path)
    first, second = prompts(workspace)[:2]
    for prompt, then in ((first, "b"), (second, "a")):
        judge(workspace, prompt, "Good", "Bad", "a", explanation="The first one says good.")
        judge(workspace, prompt, "Bad", "Good", then, explanation="Hm.")  # type: ignore[arg-type]
    return workspace


@pytest.fixture
def page(filled: Workspace, window: MainWindow, until: Until) -> ComparePage:
    window.go("compare")
    assert isinstance(window.page, ComparePage)
    found = window.page
    until(lambda: found.model.state.grid is not None and found.model.measures.means)
    return found


def table(page: ComparePage) -> AnswersTable:
    return page._grid.table


def cell(page: ComparePage, row: int, column: int) -> str:
    return str(table(page).index(row, column).data())


def texts(widget: QWidget) -> list[str]:
    return [one.text() for one in widget.findChildren(QLabel) if one.isVisible() and one.text()]


def press(widget: QWidget, name: str) -> None:
    """Press a button by keyboard."""
    found = [
        one
        for one in widget.findChildren(QAbstractButton)
        if one.isVisible() and one.accessibleName().startswith(name)
    ]
    assert len(found) == 1, [one.accessibleName() for one in widget.findChildren(QAbstractButton)]
    found[0].setFocus()
    QTest.keyClick(found[0], Qt.Key.Key_Space)


def named(widget: QObject, kind: type[QWidget], name: str) -> QWidget:
    (found,) = [one for one in widget.findChildren(kind) if one.accessibleName() == name]  # type: ignore[type-var]
    return found  # type: ignore[no-any-return]


def test_an_empty_workspace_says_what_comes_first(window: MainWindow, until: Until) -> None:
    window.go("compare")
    until(lambda: window.page.model.loaded)
    assert any("answer the prompts of a dataset first" in text for text in texts(window.page))


def test_every_cell_says_the_answer_and_how_it_fared(page: ComparePage) -> None:
    assert table(page).rowCount() == COUNT
    # The best first; Copy was not judged.
    assert [table(page).headerData(at, Qt.Orientation.Horizontal) for at in range(4)] == [
        "Prompt",
        "Good\n75% won, 1.00 ROUGE-L",
        "Bad\n25% won, 0.75 ROUGE-L",
        "Copy\n0.83 ROUGE-L",
    ]
    assert cell(page, 0, 0).splitlines() == ["Prompt 1", "Name thing number 0 of them."]
    assert cell(page, 0, 1).splitlines() == ["it is good 0", "100% won", "1.00", "ended"]
    assert cell(page, 0, 2).splitlines()[1:] == ["0% won", "0.75", "ended"]
    assert cell(page, 1, 2).splitlines()[1] == "50% won"
    assert cell(page, COUNT - 1, 2).splitlines()[-1] == "cut at 3"
    told = table(page).headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert told.splitlines()[2] == "1 won, 1 tied, 0 lost"


def test_the_filters_and_the_search_by_keyboard(
    page: ComparePage, until: Until, qtmodeltester: ModelTester
) -> None:
    qtmodeltester.check(table(page))  # and again after each change; what it finds is a warning of Qt
    counts = dict(page.model.state.counts)
    assert counts == {"all": COUNT, "differ": COUNT, "loses": 0, "cut": 1, "disagree": 1, "missing": 0}
    press(page, "Cut off 1")
    until(lambda: table(page).rowCount() == 1)
    assert cell(page, 0, 0).startswith(f"Prompt {COUNT}")
    x = named(page, QComboBox, "X is")
    assert isinstance(x, QComboBox)
    x.setFocus()
    QTest.keyClick(x, Qt.Key.Key_Down)
    until(lambda: page.model.state.x == "c-Bad")
    press(page, "X loses 1")
    until(lambda: cell(page, 0, 0).startswith("Prompt 1\n"))
    press(page, "Answered")
    until(lambda: table(page).rowCount() == COUNT)
    line = named(page, QLineEdit, "Find in prompts and answers")
    line.setFocus()
    QTest.keyClicks(line, "NUMBER 7")
    until(lambda: table(page).rowCount() == 1)
    QTest.keyClicks(line, "nowhere")
    until(lambda: table(page).rowCount() == 0)
    assert "No prompt is left" in texts(page)
    press(page, "Show all prompts")
    until(lambda: table(page).rowCount() == COUNT)


def test_what_the_filter_leaves_is_exported_by_keyboard(
    page: ComparePage, until: Until, tmp_path: Path
) -> None:
    press(page, "Cut off 1")
    until(lambda: table(page).rowCount() == 1)
    file = tmp_path / "left.csv"
    button = named(page, QAbstractButton, "Export")
    assert isinstance(button, QPushButton)
    assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert [one.text() for one in button.menu().actions()] == ["Answers as CSV...", "Answers as JSONL..."]
    button.menu().actions()[0].trigger()
    save_as(page, file.with_suffix(""), until)
    until(file.is_file)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 3
    assert f"it is bad {COUNT - 1}" in lines[2]
    until(lambda: any("3 answers are in left.csv" in text for text in texts(page.window())))
    file.unlink()
    (command,) = [one for one in page.commands() if one.title == "Export the answers that are shown"]
    until(lambda: not page.findChildren(QFileDialog))
    command.does()
    save_as(page, file, until)
    until(file.is_file)


def test_both_orders_of_a_verdict_with_the_judges_words(page: ComparePage, until: Until) -> None:
    view = page._grid.answers
    view.setFocus()
    detail = page.findChild(DetailCard)
    assert isinstance(detail, DetailCard)
    until(lambda: detail.isVisible() and "both orders agree" in texts(detail))
    (judged,) = [part for part in detail.findChildren(JudgedPart) if part.isVisible()]
    assert texts(judged) == [
        "lab:judge",
        "both orders agree",
        "$0.0200, 2.0 s",
        "Good shown first",
        "picks Good",
        "“The first one says good.”",
        "Bad shown first",
        "picks Good",
        "“Hm.”",
    ]
    answers = [one for one in detail.findChildren(QTextEdit) if one.accessibleName().startswith("Answer of")]
    assert [one.toPlainText() for one in answers] == ["it is good 0", "it is bad 0"]
    assert "2 words differ" in texts(detail)
    QTest.keyClick(view, Qt.Key.Key_Down)
    until(lambda: "the orders disagree, so it is a tie" in texts(detail))
    assert page.model.chosen[0] == prompts(page.model.services.workspace)[1]
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert not detail.isVisible()
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert detail.isVisible()
    against = named(detail, QComboBox, "Compare with")
    assert isinstance(against, QComboBox)
    against.setFocus()
    QTest.keyClick(against, Qt.Key.Key_Down)
    until(lambda: page.model.state.detail.right.name == "Copy")  # type: ignore[union-attr]
    assert "No judge has compared these two answers yet." in texts(detail)


def test_place_and_selection_stay_when_more_is_judged(
    page: ComparePage, until: Until, qtmodeltester: ModelTester
) -> None:
    qtmodeltester.check(table(page))
    view = page._grid.answers
    view.setFocus()
    for _ in range(7):
        QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Right)
    place = view.currentIndex().row(), view.currentIndex().column(), view.verticalScrollBar().value()
    workspace, grid = page.model.services.workspace, page.model.state.grid
    judge(workspace, prompts(workspace)[4], "Good", "Copy", "a", judge="lab:judge")
    judge(workspace, prompts(workspace)[4], "Copy", "Good", "b", judge="lab:judge")
    until(lambda: page.model.state.grid is not grid)
    until(lambda: "100% won" in cell(page, 4, 1))
    assert (
        view.currentIndex().row(),
        view.currentIndex().column(),
        view.verticalScrollBar().value(),
    ) == place


def test_contestants_are_chosen_in_a_menu_by_keyboard(page: ComparePage, until: Until) -> None:
    menu = page._choices._menu
    assert menu.ticked == ("Good", "Bad", "Copy")
    # The platform of tests cannot open a menu without a warning; its keys work all the same.
    menu.setActiveAction(menu.actions()[1])
    QTest.keyClick(menu, Qt.Key.Key_Space)
    until(lambda: table(page).columnCount() == 3)
    assert menu.ticked == ("Good", "Copy")
    assert dict(page.model.state.counts)["differ"] == COUNT - SAME
    for place in (0, 2):
        menu.setActiveAction(menu.actions()[place])
        QTest.keyClick(menu, Qt.Key.Key_Space)
    until(lambda: not page.model.services.background.busy)
    assert len(page.model.state.shown) == 1  # at least one stays
    assert len(menu.ticked) == 1


def test_a_sealed_dataset_is_told_in_words(page: ComparePage, until: Until) -> None:
    from engine.workspace.tables import Dataset

    with page.model.services.workspace.catalogue.writing() as session:
        session.get_one(Dataset, "d1").sealed = True
    until(lambda: page.model.state.problem is not None)
    assert any("sealed" in text for text in texts(page))


def test_thousands_of_prompts_are_shown_lazily(
    workspace: Workspace, window: MainWindow, tmp_path: Path, until: Until
) -> None:
    fill(workspace, tmp_path, 3000, ("Good", "Bad"))
    window.go("compare")
    page = window.page
    assert isinstance(page, ComparePage)
    until(lambda: page.model.state.rows and page.model.measures.means)
    assert table(page).rowCount() == 3000
    view = page._grid.answers
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    until(lambda: page.model.state.detail.number == 3000)  # type: ignore[union-attr]
    assert page._grid._prompts.verticalScrollBar().value() == view.verticalScrollBar().value()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    monkeypatch.setenv("LAB_API_KEY", KEY)
    with FakeOpenAI(Truth(key=KEY, certain=True, strengths={"good": 1.0})) as fake:
        yield fake


def open_dialog(page: ComparePage, until: Until) -> JudgingDialog:
    press(page, "Answer and judge")
    dialog = page._dialog
    assert isinstance(dialog, JudgingDialog)
    until(lambda: dialog.model.loaded and dialog.model.state.plan is not None)
    return dialog


def test_the_reference_judge_is_started_and_its_verdicts_arrive(page: ComparePage, until: Until) -> None:
    dialog = open_dialog(page, until)
    assert "Costs nothing" in texts(dialog)
    assert any(text.startswith(f"Up to {3 * COUNT} comparisons") for text in texts(dialog))
    press(dialog, "Start judging")
    until(lambda: any(f"Comparisons: {3 * COUNT}" in text for text in texts(dialog._note)))
    until(lambda: ("reference", 3 * COUNT) in page.model.state.grid.judges)  # type: ignore[union-attr]
    press(dialog, "Close")
    until(lambda: page._dialog is None)
    (job,) = all_jobs(page.model.services.workspace.jobs)
    assert job.request().title == "reference judges things"


def test_a_judge_that_costs_money_needs_a_ceiling_and_shows_what_it_spends(
    page: ComparePage, server: FakeOpenAI, until: Until
) -> None:
    workspace = page.model.services.workspace
    with workspace.catalogue.writing() as session:
        session.add(Endpoint(name="lab", base_url=server.base_url, key_env="LAB_API_KEY"))
    dialog = open_dialog(page, until)
    line = named(dialog, Suggested, "Which judge")
    assert isinstance(line, Suggested)
    line.line.selectAll()
    QTest.keyClicks(line.line, "lab:gpt-4o")
    until(lambda: dialog.model.state.problem is not None)
    assert dialog.model.state.problem.code == "budget.missing"  # type: ignore[union-attr]
    assert not dialog._start.isEnabled()
    assert any("at most $" in text for text in texts(dialog))
    ceiling = named(dialog, QLineEdit, "Ceiling in USD for the judging")
    QTest.keyClicks(ceiling, "much")
    until(lambda: dialog.model.state.problem.code == "usage.amount")  # type: ignore[union-attr]
    for _ in range(4):
        QTest.keyClick(ceiling, Qt.Key.Key_Backspace)
    assert dialog._why.text()
    QTest.keyClicks(ceiling, "0.000001")
    until(lambda: any("The ceiling is below that" in text for text in texts(dialog)))
    ceiling.selectAll()
    QTest.keyClicks(ceiling, "2.00")
    until(lambda: "Stops before the ceiling, never after." in texts(dialog))
    until(lambda: dialog.model.state.can_judge)
    assert not dialog._why.text()
    seen: set[str] = set()
    press(dialog, "Start judging")

    def ended() -> bool:
        seen.update(text for strip in dialog.findChildren(WorkStrip) for text in texts(strip))
        return dialog.model.state.outcome is not None

    until(ended)
    assert dialog.model.state.outcome.state == "done", dialog.model.state.outcome.error  # type: ignore[union-attr]
    assert any("of at most $2.00 spent" in text for text in seen)
    assert any(text.find("It cost $") >= 0 for text in texts(dialog))
    until(lambda: any(name == "lab:gpt-4o" for name, _ in page.model.state.grid.judges))  # type: ignore[union-attr]
    spent = sum(one.cost_usd for one in CatalogueLedger(workspace.catalogue, "d1", "test").all("lab:gpt-4o"))
    assert spent == pytest.approx(dialog.model.state.outcome.summary["cost_usd"])  # type: ignore[union-attr]


def test_a_judge_behind_an_endpoint_can_be_asked_in_batches(
    page: ComparePage, server: FakeOpenAI, until: Until
) -> None:
    workspace = page.model.services.workspace
    with workspace.catalogue.writing() as session:
        session.add(Endpoint(name="lab", base_url=server.base_url, key_env="LAB_API_KEY"))
    dialog = open_dialog(page, until)
    (box,) = [one for one in dialog.findChildren(QCheckBox) if one.text().startswith("Ask in batches")]
    assert not box.isVisible()
    line = named(dialog, Suggested, "Which judge")
    assert isinstance(line, Suggested)
    line.line.selectAll()
    QTest.keyClicks(line.line, "lab:gpt-4o")
    until(box.isVisible)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    ceiling = named(dialog, QLineEdit, "Ceiling in USD for the judging")
    QTest.keyClicks(ceiling, "2.00")
    until(lambda: dialog.model.state.can_judge)
    press(dialog, "Start judging")
    until(lambda: dialog.model.state.outcome is not None)
    assert dialog.model.state.outcome.state == "done", dialog.model.state.outcome.error  # type: ignore[union-attr]
    # The first is asked alone.
    assert server.usage.requests == 1
    assert server.usage.batched == dialog.model.state.outcome.summary["calls"] - 1 > 0  # type: ignore[union-attr]


def test_missing_answers_are_generated_first(page: ComparePage, until: Until) -> None:
    workspace = page.model.services.workspace
    answer(workspace, "Half", [Output(one, "it is half", "stop", 3, 0.1) for one in prompts(workspace)[:5]])
    until(lambda: "Half" in {one.name for one in page.model.state.shown})
    dialog = open_dialog(page, until)
    until(lambda: f"{COUNT - 5} answers are missing" in set(texts(dialog)))
    # Nobody of that name can answer any more: told before a job begins.
    until(lambda: dialog.model.state.answers_problem is not None)
    box = next(one for one in dialog.findChildren(QAbstractButton) if one.text() == "Half")
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    line = named(dialog, Suggested, "Another contestant")
    assert isinstance(line, Suggested)
    line.line.setFocus()
    QTest.keyClicks(line.line, "dataset")
    QTest.keyClick(line.line, Qt.Key.Key_Return)
    until(lambda: dialog.model.state.missing == COUNT and dialog.model.state.can_generate)
    press(dialog, "Generate the missing answers")
    until(lambda: "The answers are there." in texts(dialog))
    until(lambda: dialog.model.state.missing == 0)
    assert {one.name for one in page.model.state.grid.answerers} >= {"dataset"}  # type: ignore[union-attr]


def test_a_name_that_nobody_has_is_refused(page: ComparePage, until: Until) -> None:
    dialog = open_dialog(page, until)
    told: list[str] = []
    dialog.model.failed.connect(lambda problem: told.append(problem.code))
    dialog.model.add("lab2:gpt")
    until(lambda: told == ["contestant.unknown_endpoint"])


def test_the_words_that_differ() -> None:
    told = difference("The cat sat.", "The  dog sat.")
    assert [(piece.text, piece.own) for piece in told.left] == [
        ("The ", False),
        ("cat", True),
        (" sat.", False),
    ]
    assert [piece.text for piece in told.right] == ["The  ", "dog", " sat."]
    assert told.words == 2
    assert not difference("word " * 4000, "other").compared
    assert difference("", "").words == 0


def test_amounts_are_read_as_people_write_them() -> None:
    assert [amount(text, "x") for text in ("", " 2 ", "$2.50", "0,5")] == [None, 2.0, 2.5, 0.5]
    for wrong in ("much", "-1", "nan", "inf"):
        with pytest.raises(BakeoffError):
            amount(wrong, "x")


def test_what_is_typed_about_answers_is_what_is_asked_for(tmp_path: Path) -> None:
    assert generate_spec("things", "test", Draft(), ("A",)).model_dump(exclude_defaults=True) == {
        "models": ["A"],
        "dataset": "things",
    }
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "properties": {"kind": {"type": "string"}}}', encoding="utf-8")
    draft = Draft(limit=5, longest=40, batch=2, held_to=str(schema), answers_budget="1,5")
    spec = generate_spec("things", "dev", draft, ("A", "B"))
    assert (spec.limit, spec.max_new_tokens, spec.batch_size, spec.budget_usd) == (5, 40, 2, 1.5)
    assert spec.constrain is not None
    assert generate_spec("things", "dev", Draft(held_to="choices"), ("A",)).constrain == "choices"
    assert generate_spec("things", "dev", Draft(stops="END\n\n\\n\\nQ: "), ("A",)).stop == ["END", "\n\nQ: "]
    with pytest.raises(BakeoffError):
        generate_spec("things", "dev", Draft(held_to=str(tmp_path / "none.json")), ("A",))
