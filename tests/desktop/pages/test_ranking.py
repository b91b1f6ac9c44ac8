"""The Ranking page: what the command line ranks, as a picture and as numbers; choosing, comparing, exporting."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QFileDialog, QLabel, QWidget

from desktop.pages.compare.page import ComparePage
from desktop.pages.ranking.chart import RankChart, scale_of, ticks
from desktop.pages.ranking.health import HealthCard
from desktop.pages.ranking.matrix import HeadMatrix
from desktop.pages.ranking.page import RankingPage
from desktop.shell.window import MainWindow
from engine.judging.standings import standings
from engine.ranking.result import Standing
from engine.workspace import Workspace
from tests.answered import fill, judge, prompts
from tests.conftest import Cli
from tests.desktop.conftest import Until


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Good mostly beats Bad, and Copy is in between."""
    fill(workspace, tmp_path)
    for place, prompt in enumerate(prompts(workspace)):
        for one, other in (("Good", "Bad"), ("Good", "Copy"), ("Copy", "Bad")):
            for first, second, winner in ((one, other, "a"), (other, one, "b")):
                upset = place % 6 == 0
                told = winner if not upset else "b" if winner == "a" else "a"
                judge(workspace, prompt, first, second, told)  # type: ignore[arg-type]
        judge(workspace, prompt, "Good", "Bad", "a", judge="human")
    return workspace


@pytest.fixture
def page(filled: Workspace, window: MainWindow, until: Until) -> RankingPage:
    window.go("ranking")
    assert isinstance(window.page, RankingPage)
    found = window.page
    until(lambda: found.model.state.standings is not None)
    return found


def texts(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


def test_an_empty_workspace_says_what_is_needed(window: MainWindow, until: Until) -> None:
    window.go("ranking")
    until(lambda: window.page.model.loaded)
    assert "Nothing was judged yet" in texts(window.page)


def test_it_shows_what_the_command_line_ranks(page: RankingPage, filled: Workspace, cli: Cli) -> None:
    ranked = cli("rank", "--dataset", "things", "--judge", "lab:judge", "--json").json
    table = page.model.state.table
    assert table is not None
    assert table.as_dict()["contestants"] == ranked["contestants"]
    said = page.findChild(RankChart).accessibleDescription()  # type: ignore[union-attr]
    for row in ranked["contestants"]:
        assert f"{row['name']}: place" in said
        assert f"rating {row['elo']:.0f}" in said
    assert f"{ranked['comparisons']} comparisons" in texts(page)


def test_the_judge_is_measured_and_compared_with_people(page: RankingPage) -> None:
    said = texts(page.findChild(HealthCard))  # type: ignore[arg-type]
    # Both orders say the same; people prefer Good in the two of twelve where the judge does not.
    assert "100%" in said
    assert "12 pairs" in said
    assert "83%" in said
    assert "$0.72" in texts(page)


def test_another_judge_counts_by_keyboard(page: RankingPage, until: Until) -> None:
    choice = next(box for box in page.findChildren(QComboBox) if box.accessibleName() == "Whose verdicts")
    assert choice.currentText() == "Judge: lab:judge"
    choice.setFocus()
    QTest.keyClick(choice, Qt.Key.Key_Down)
    until(lambda: page.model.state.judge == "human")
    until(lambda: [row.name for row in page.model.state.table.contestants] == ["Good", "Bad"])  # type: ignore[union-attr]


def test_pictures_are_tables_too(page: RankingPage) -> None:
    page.show()
    tables = [
        one
        for one in page.findChildren(QAbstractButton)
        if one.accessibleName() == "Table" and one.isVisible()
    ]
    for button in tables:
        button.setFocus()
        QTest.keyClick(button, Qt.Key.Key_Space)
    assert not page.findChild(RankChart).isVisible()  # type: ignore[union-attr]
    assert not page.findChild(HeadMatrix).isVisible()  # type: ignore[union-attr]


def test_a_pair_leads_to_its_answers(page: RankingPage, window: MainWindow) -> None:
    matrix = page.findChild(HeadMatrix)
    assert isinstance(matrix, HeadMatrix)
    matrix.resize(400, 300)
    QTest.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=QPoint(140 + 68 + 10, 22 + 10))
    assert isinstance(window.page, ComparePage)


@pytest.mark.parametrize("form", ["png", "svg", "csv"])
def test_it_leaves_as_a_file(
    page: RankingPage, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    out = tmp_path / f"out.{form}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out.with_suffix("")), ""))
    page.ask_where(form)  # type: ignore[arg-type]
    until(out.exists)
    content = out.read_bytes()
    assert content.startswith({"png": b"\x89PNG", "svg": b"<?xml", "csv": b"task,rank,name"}[form])
    if form == "csv":
        rows = list(csv.DictReader(content.decode().splitlines()))
        assert [row["name"] for row in rows] == ["Good", "Copy", "Bad"]
        assert all(float(row["lo"]) < float(row["rating"]) < float(row["hi"]) for row in rows)


def test_a_place_that_cannot_be_written_is_told(
    page: RankingPage, window: MainWindow, until: Until, tmp_path: Path
) -> None:
    told: list[object] = []
    page.model.failed.connect(told.append)
    (tmp_path / "out.csv").mkdir()
    page.model.export(tmp_path / "out.csv", dark=False)
    until(lambda: told)


def test_verdicts_that_connect_nobody_are_told_as_such(
    workspace: Workspace, window: MainWindow, until: Until, tmp_path: Path
) -> None:
    fill(workspace, tmp_path)
    for prompt in prompts(workspace):
        judge(workspace, prompt, "Good", "Bad", "a")
    window.go("ranking")
    until(lambda: window.page.model.loaded)
    assert "There is no scored verdict" in texts(window.page)  # the other orders are missing
    for prompt in prompts(workspace):
        judge(workspace, prompt, "Bad", "Good", "b")
    until(lambda: window.page.model.state.standings is not None)
    assert "Nobody has a finite rating" in texts(window.page)
    assert "Good" in window.page.findChild(RankChart).accessibleDescription()  # type: ignore[union-attr]


def test_standings_of_some_contestants(filled: Workspace) -> None:
    found = standings(filled, ["things"], "lab:judge", {"things": ["Good", "Copy"]})
    assert [row.name for row in found.ranking.contestants] == ["Good", "Copy"]
    assert found.heads[""].names == ("Good", "Copy")
    assert set(found.kinds.values()) == {"reference"}
    assert json.dumps(found.health.as_dict())


def test_scales_hold_all_ratings_and_no_interval_out_of_proportion() -> None:
    def row(rating: float, lo: float | None, hi: float | None) -> Standing:
        return Standing("x", rating, lo, hi, 1, 1, 1, 0, 0, 0)

    low, high = scale_of([row(0.0, -0.1, 0.1), row(1.0, 0.9, 400.0), row(-1.0, None, -0.5)])
    assert 780 < low < 830
    assert 1174 < high < 1230
    assert ticks(low, high, 5) == [900.0, 1000.0, 1100.0, 1200.0][: len(ticks(low, high, 5))]
    assert scale_of([Standing("x", None, None, None, 1, 1, 1, 0, 0, 0)]) == (900.0, 1100.0)
