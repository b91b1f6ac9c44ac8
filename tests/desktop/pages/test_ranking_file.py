"""The Ranking page with verdicts from a file: what ``bakeoff rank --verdicts`` ranks, as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QWidget

from desktop.pages.ranking import reading
from desktop.pages.ranking.health import HealthCard
from desktop.pages.ranking.page import RankingPage
from desktop.shell.window import MainWindow
from engine.inference.chat.store import save
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.desktop.conftest import Until
from tests.engine.inference.chat.test_votes import talk


@pytest.fixture
def page(workspace: Workspace, window: MainWindow, until: Until) -> RankingPage:
    window.go("ranking")
    assert isinstance(window.page, RankingPage)
    found = window.page
    until(lambda: found.model.loaded)
    return found


@pytest.fixture
def verdicts(tmp_path: Path) -> Path:
    """Ada wins most, on two tasks."""
    file = tmp_path / "verdicts.csv"
    lines = ["a,b,winner,prompt_id,task"]
    for number in range(60):
        task = "first" if number % 2 else "second"
        lines.append(f"Ada,Bob,{'b' if number % 7 == 0 else 'a'},p{number},{task}")
        lines.append(f"Bob,Cyd,{'b' if number % 3 == 0 else 'a'},p{number},{task}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def texts(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def sources(page: RankingPage) -> QComboBox:
    (box,) = [one for one in page.findChildren(QComboBox) if one.accessibleName() == "Which study"]
    return box


def test_a_file_is_ranked_as_the_command_does(
    page: RankingPage, verdicts: Path, until: Until, cli_here: Cli
) -> None:
    assert "Nothing was judged yet" in texts(page)
    page.model.choose_file(verdicts)
    until(lambda: page.model.state.standings is not None)
    told = cli_here("rank", "--verdicts", verdicts, "--json").json
    table = page.model.state.table
    assert table is not None
    assert [(row.name, row.rating) for row in table.contestants] == [
        (row["name"], pytest.approx(row["rating"])) for row in told["contestants"]
    ]
    assert [one.dataset for one in page.model.state.tasks] == ["second", "first"]
    assert sources(page).currentText() == "verdicts.csv"
    assert not page.findChild(HealthCard).isVisible()
    assert not page._more.isEnabled()
    assert not page._legend.isVisible()  # nobody knows who was merged or tuned
    assert not page._chat.isEnabled()
    assert "The judge has cost" not in texts(page)
    page.model.choose_task("first")
    until(lambda: page.model.state.task == "first")
    page.model.choose_reference("Bob")
    until(lambda: page.model.state.standings is not None and page.model.state.reference == "Bob")
    until(lambda: page.model.state.standings.ranking.reference == "Bob")  # type: ignore[union-attr]


def test_it_is_brought_out_as_a_table_and_a_chart(
    page: RankingPage, verdicts: Path, until: Until, tmp_path: Path
) -> None:
    page.model.choose_file(verdicts)
    until(lambda: page.model.state.standings is not None)
    for name in ("out.csv", "out.svg"):
        page.model.export(tmp_path / name, dark=False)
        until((tmp_path / name).is_file)
    assert "Ada" in (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_a_file_without_verdicts_is_told_and_another_can_be_chosen(
    page: RankingPage, verdicts: Path, until: Until, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text(json.dumps({"one": 1}) + "\n", encoding="utf-8")
    for file in (wrong, tmp_path / "nowhere.csv"):
        page.model.choose_file(file)
        until(lambda file=file: page.model.state.file == file and page.model.state.problem is not None)  # type: ignore[misc]
        assert file.name in texts(page)
    page.model.choose_file(verdicts)
    until(lambda: page.model.state.standings is not None)
    page.model.choose_study("")
    until(lambda: page.model.state.file is None)
    assert "Nothing was judged yet" in texts(page)


def test_the_last_entry_asks_for_a_file(page: RankingPage, verdicts: Path, until: Until) -> None:
    page.model.choose_file(verdicts)
    until(lambda: page.model.state.standings is not None)
    box = sources(page)
    box.setCurrentIndex(box.count() - 1)
    box.activated.emit(box.count() - 1)
    dialog = page.findChild(QFileDialog)
    assert dialog is not None
    assert box.currentText() == "verdicts.csv"
    dialog.reject()


def test_a_file_that_names_no_prompts_and_tasks_claims_none(
    page: RankingPage, until: Until, tmp_path: Path
) -> None:
    file = tmp_path / "plain.csv"
    file.write_text("a,b,winner\n" + "Ada,Bob,a\nAda,Bob,b\nAda,Bob,a\n" * 9, encoding="utf-8")
    page.model.choose_file(file)
    until(lambda: page.model.state.standings is not None)
    assert "27 comparisons, Bradley-Terry" in texts(page)
    assert not page._tasks.isVisible()
    assert not page._task_list.isVisible()


def test_a_large_file_is_ranked_in_another_process(
    page: RankingPage, verdicts: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ASIDE", 10)
    page.model.choose_file(verdicts)
    until(lambda: page.model.state.counting > 0)
    assert "The verdicts of verdicts.csv are being ranked." in texts(page)
    until(lambda: page.model.state.standings is not None)
    assert page.model.state.standings is not None
    assert page.model.state.standings.ranking.contestants[0].name == "Ada"


def test_votes_in_conversations_are_ranked(
    page: RankingPage, workspace: Workspace, window: MainWindow, until: Until
) -> None:
    told: list[str] = []
    page.model.failed.connect(lambda problem: told.append(problem.message))
    box = sources(page)
    box.setCurrentIndex(box.findText("Votes in conversations"))
    box.activated.emit(box.currentIndex())
    until(lambda: told == ["There are no votes yet."])
    assert page.model.state.standings is None
    for number, votes in enumerate(([0, 1, 0, "tie"], [0, 0, 1])):
        save(workspace, talk(f"talk{number}", votes))  # type: ignore[arg-type]
    next(one for one in page.commands() if one.title == "Rank the votes in conversations").does()
    until(lambda: page.model.state.standings is not None)
    table = page.model.state.table
    assert table is not None
    assert [(row.name, row.wins, row.ties, row.losses) for row in table.contestants] == [
        ("m0", 4, 1, 2),
        ("m1", 2, 1, 4),
    ]
    assert sources(page).currentText() == "chat votes.csv"
