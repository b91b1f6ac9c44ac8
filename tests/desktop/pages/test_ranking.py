"""The Ranking page: what the command line ranks, as a picture and as numbers; choosing, comparing, exporting."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QComboBox, QLabel, QWidget
from sqlalchemy import select

from desktop.pages.compare.judging import JudgingDialog
from desktop.pages.compare.page import ComparePage
from desktop.pages.ranking import reading
from desktop.pages.ranking.chart import RankChart, lanes, scale_of, ticks, without_rating
from desktop.pages.ranking.choosing import IntervalMenu, TaskDialog
from desktop.pages.ranking.health import HealthCard
from desktop.pages.ranking.matrix import HeadMatrix
from desktop.pages.ranking.page import RankingPage
from desktop.pages.ranking.state import EVERYTHING
from desktop.shell.window import MainWindow
from engine.judging.aside import Aside, Question
from engine.judging.ledger import CatalogueLedger
from engine.judging.standings import Split, judged_tasks, standings
from engine.judging.verdicts import Winner
from engine.ranking.result import Standing
from engine.studies.result import AnswerFigures
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewContestant, NewDataset, NewModel, adopt
from engine.workspace.naming import NameUnknownError
from engine.workspace.tables import Dataset, Study
from engine.workspace.tables import Verdict as VerdictRow
from tests.answered import NAMES, fill, judge, prompts, said
from tests.conftest import Cli
from tests.desktop.conftest import Until
from tests.desktop.keyboard import save_as
from tests.engine.studies.hand_made import normal


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


def test_comparisons_are_asked_for_before_anything_was_read(window: MainWindow, until: Until) -> None:
    window.go("ranking")
    more = next(
        one
        for one in window.page.findChildren(QAbstractButton)
        if one.accessibleName() == "Run more comparisons"
    )
    QTest.keyClick(more, Qt.Key.Key_Space)
    until(lambda: isinstance(window.page, ComparePage) and window.page.model.loaded)


def test_more_comparisons_are_asked_for_where_they_are_started(
    page: RankingPage, window: MainWindow, until: Until
) -> None:
    more = next(
        one for one in page.findChildren(QAbstractButton) if one.accessibleName() == "Run more comparisons"
    )
    more.setFocus()
    QTest.keyClick(more, Qt.Key.Key_Space)
    until(lambda: isinstance(window.page, ComparePage) and window.page.findChildren(JudgingDialog))
    (dialog,) = window.page.findChildren(JudgingDialog)
    assert dialog.model.dataset == "things"
    until(lambda: dialog.model.state.candidates)
    dialog.reject()


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


def test_a_study_is_ranked_by_its_own_judge(
    filled: Workspace, window: MainWindow, until: Until, tmp_path: Path
) -> None:
    """Somebody else has judged more of the same answers."""
    finished = normal()
    task = finished.tasks[0]
    figures = [replace_figure(one, name) for one, name in zip(task.figures, NAMES, strict=False)]
    finished.tasks = [task.model_copy(update={"dataset": "things", "figures": figures})]
    finished.judge, finished.validation = "human", None
    with filled.catalogue.writing() as rows:
        rows.add(Study(name="desk", definition={}, job_id="desk", result=finished.model_dump(mode="json")))
    window.go("ranking")
    page = window.page
    assert isinstance(page, RankingPage)
    until(lambda: page.model.state.standings is not None)
    assert (page.model.state.study, page.model.state.judge) == ("desk", "human")
    page._exports.ask_where_report()
    save_as(page, tmp_path / "report.html", until)
    until((tmp_path / "report.html").exists)
    assert "Bakeoff study report" in (tmp_path / "report.html").read_text(encoding="utf-8")
    page.model.choose_study("")
    until(lambda: page.model.state.study == "" and page.model.state.standings is not None)
    assert page.model.state.judge == "lab:judge"


def replace_figure(figure: AnswerFigures, name: str) -> AnswerFigures:
    return figure.model_copy(update={"contestant": name, "entrant": name})


def test_another_judge_counts_by_keyboard(page: RankingPage, until: Until) -> None:
    choice = next(box for box in page.findChildren(QComboBox) if box.accessibleName() == "Whose verdicts")
    assert choice.currentText() == "Judge: lab:judge"
    choice.setFocus()
    QTest.keyClick(choice, Qt.Key.Key_Down)
    until(lambda: page.model.state.judge == "human")
    until(lambda: [row.name for row in page.model.state.table.contestants] == ["Good", "Bad"])  # type: ignore[union-attr]


def test_verdicts_that_could_not_be_used_are_counted(
    page: RankingPage, filled: Workspace, until: Until
) -> None:
    assert page.model.state.standings.health.unread_rate == 0  # type: ignore[union-attr]
    for place, prompt in enumerate(prompts(filled)):
        if place < 8:
            judge(filled, prompt, "Good", "Bad", None)
    page.model.services.feed.look()
    until(lambda: page.model.state.standings.health.unread_rate == 0.1)  # type: ignore[union-attr]
    assert "10.0%" in texts(page.findChild(HealthCard))  # type: ignore[arg-type]
    assert "$0.80" in texts(page)  # they have cost as much as others


def test_a_reference_is_1000_by_keyboard(page: RankingPage, until: Until, cli: Cli) -> None:
    choice = next(
        box for box in page.findChildren(QComboBox) if box.accessibleName() == "Whose rating is 1000"
    )
    choice.setFocus()
    for _ in range(2):
        QTest.keyClick(choice, Qt.Key.Key_Down)
    until(lambda: page.model.state.reference == "Copy" and page.model.state.standings is not None)
    until(lambda: page.model.state.standings.ranking.reference == "Copy")  # type: ignore[union-attr]
    ranked = cli("rank", "--dataset", "things", "--judge", "lab:judge", "--reference", "Copy", "--json").json
    assert page.model.state.table.as_dict()["contestants"] == ranked["contestants"]  # type: ignore[union-attr]
    # Where it takes no part, the mean is 1000 again.
    page.model.choose_judge("human")
    until(lambda: page.model.state.judge == "human" and page.model.state.standings is not None)
    until(lambda: choice.currentText() == "1000 = the mean")


def test_the_leader_leaves_and_chats(
    workspace: Workspace, window: MainWindow, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(workspace, tmp_path)
    model = NewModel(id="m1", name="Good", kind="adapter", folder="models/m1", weights_sha256="0")
    adopt(
        workspace.catalogue,
        job_id="train",
        kind="train",
        title="Good",
        study=None,
        summary={},
        what=Adoption(models=[model]),
    )
    for prompt in prompts(workspace):
        judge(workspace, prompt, "Good", "Bad", "a")
        judge(workspace, prompt, "Bad", "Good", "b")
    window.go("ranking")
    page = window.page
    assert isinstance(page, RankingPage)
    until(lambda: page.model.state.leading)
    assert page.model.state.leading == [("things", "Good")]
    asked: list[tuple[str, object]] = []
    monkeypatch.setattr(page.model, "export_model", lambda *what: asked.append(what))
    page._exports.ask_where_model("Good")
    save_as(page, tmp_path / "good", until)
    until(lambda: bool(asked))
    assert asked == [("Good", tmp_path / "good.gguf")]
    gone: list[tuple[str, object]] = []
    page.context = replace(page.context, go=lambda where, what: gone.append((where, what)))
    button = next(
        one for one in page.findChildren(QAbstractButton) if one.text().strip() == "Chat with the leader"
    )
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert gone == [("chat", ("Good",))]


def test_very_many_verdicts_are_ranked_in_another_process(
    filled: Workspace, window: MainWindow, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ASIDE", 10)
    window.go("ranking")
    page = window.page
    assert isinstance(page, RankingPage)
    counting: list[int] = []
    page.model.changed.connect(lambda: counting.append(page.model.state.counting))
    until(lambda: page.model.state.standings is not None)
    assert counting == [72, 0]
    here = standings(filled, ["things"], "lab:judge")
    assert page.model.state.standings.ranking == here.ranking  # type: ignore[union-attr]
    # Another wish takes the place of what is under way.
    page.model.choose_judge("human")
    page.model.choose_judge("lab:judge")
    page.model.choose_judge("human")
    until(lambda: page.model.state.judge == "human" and page.model.state.standings is not None)
    assert page.model.state.standings.judge == "human"  # type: ignore[union-attr]


def test_another_process_tells_failures_and_can_be_cancelled(filled: Workspace) -> None:
    aside = Aside()
    with pytest.raises(NameUnknownError, match="no dataset named 'nothing'"):
        aside.standings(filled, Question(["nothing"], "lab:judge"))
    found: list[object] = []
    asking = Thread(
        target=lambda: found.append(aside.standings(filled, Question(["things"], "lab:judge"))), daemon=True
    )
    asking.start()
    while not aside.busy:
        pass
    aside.cancel()
    asking.join(60)
    assert found == [None]


def test_a_model_that_answers_anew_is_ranked_anew(page: RankingPage, filled: Workspace, until: Until) -> None:
    before = judged_tasks(filled)
    fresh = NewContestant(
        id="c-new", name="Bad", entrant="base of Bad", dataset_id="d1", identity={"n": "new"}
    )
    adopt(
        filled.catalogue,
        job_id="again",
        kind="generate",
        title="Bad",
        study=None,
        summary={},
        what=Adoption(contestants=[fresh]),
    )
    assert judged_tasks(filled)[0].stamp != before[0].stamp
    page.model.services.feed.look()
    until(lambda: [row.name for row in page.model.state.table.contestants] == ["Good", "Copy"])  # type: ignore[union-attr]


def test_a_narrow_window_needs_no_scrolling_to_the_side(page: RankingPage, window: MainWindow) -> None:
    window.resize(1000, 640)
    QCoreApplication.processEvents()
    assert page.horizontalScrollBar().maximum() == 0


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


@pytest.mark.parametrize("form", ["png", "svg", "csv", "html"])
def test_it_leaves_as_a_file(page: RankingPage, until: Until, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"out.{form}"
    page._exports.ask_where(form)  # type: ignore[arg-type]
    save_as(page, out.with_suffix(""), until)
    until(out.exists)
    content = out.read_bytes()
    assert content.startswith(
        {"png": b"\x89PNG", "svg": b"<?xml", "csv": b"task,rank,name", "html": b"<!DOCTYPE"}[form]
    )
    if form == "html":
        told = content.decode()
        assert told.index("Good") < told.index("Copy") < told.index("Bad")
        assert "Both orders agree" in told
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
    more = next(
        one
        for one in window.page.findChildren(QAbstractButton)
        if one.text().strip() == "Run more comparisons"
    )
    assert more.isEnabled()  # it is what helps
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


def test_groups_that_share_rows_stand_beside_each_other() -> None:
    rows = tuple(Standing(name, 0.0, 0.0, 0.0, 1, 1, 1, 1, 1, 1) for name in "abcdefg")
    shown = SimpleNamespace(
        contestants=rows, groups=(("a", "b", "c"), ("b", "c", "d"), ("c", "d", "e"), ("f", "g"))
    )
    assert lanes(shown) == [(0, 2, 0), (1, 3, 1), (2, 4, 2), (5, 6, 0)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wins", "ties", "losses", "said"),
    [
        (0, 0, 3, "lost every comparison"),
        (3, 0, 0, "won every comparison"),
        (3, 0, 1, "not comparable with all"),
    ],
)
def test_a_rating_that_is_not_finite_is_explained(wins: int, ties: int, losses: int, said: str) -> None:
    row = Standing("x", None, None, None, 1, 1, 1, wins, ties, losses)
    assert said in without_rating(row)


def test_level_and_way_of_the_intervals_are_those_of_the_command_line(
    page: RankingPage, cli: Cli, until: Until
) -> None:
    menu = page.findChild(IntervalMenu)
    assert isinstance(menu, IntervalMenu)
    (button,) = (
        one for one in page.findChildren(QAbstractButton) if one.accessibleName().startswith("How sure")
    )
    assert button.text().strip() == "95%"

    def choose(words: str) -> None:
        (action,) = (one for one in menu.actions() if one.text() == words)
        action.trigger()

    choose("80%")
    until(lambda: page.model.state.standings is not None and page.model.state.level == 0.8)
    choose("Every verdict for itself")
    until(lambda: page.model.state.standings is not None and page.model.state.interval == "iid")
    wanted = cli(
        *(
            "rank",
            "--dataset",
            "things",
            "--judge",
            "lab:judge",
            "--level",
            "0.8",
            "--interval",
            "iid",
            "--json",
        )
    ).json
    table = page.model.state.table
    assert table is not None
    assert table.as_dict()["contestants"] == wanted["contestants"]
    assert button.text().strip() == "80%"
    assert [one.text() for one in menu.actions() if one.isChecked()] == ["80%", "Every verdict for itself"]
    assert "80%, verdicts taken as independent" in texts(page)


def judged_too(workspace: Workspace, name: str, split: Split, winner: Winner) -> None:
    """Another dataset on which Good and Bad were compared, in both orders."""
    with workspace.catalogue.reading() as session:
        known = session.scalar(select(Dataset.id).where(Dataset.name == name))
        manifest = session.scalars(select(Dataset.manifest)).first()
    if known is None:
        made = NewDataset(id=name, name=name, folder="datasets/d1", manifest=dict(manifest or {}))
        what = Adoption(datasets=[made])
        adopt(workspace.catalogue, job_id=name, kind="test", title=name, study=None, summary={}, what=what)
    other: Winner = "a" if winner == "b" else "b"
    verdicts = [
        said(f"p{number}", *pair, told)
        for number in range(4)
        for pair, told in ((("Good", "Bad"), winner), (("Bad", "Good"), other))
    ]
    CatalogueLedger(workspace.catalogue, name, split).add(verdicts)


def test_tasks_of_ones_choice_are_ranked_together(
    page: RankingPage, filled: Workspace, cli: Cli, until: Until
) -> None:
    """Three tasks were judged, one of them on its development prompts, too; two of them are wanted."""
    judged_too(filled, "others", "test", "b")
    judged_too(filled, "more", "test", "b")
    judged_too(filled, "more", "dev", "a")

    def ask() -> TaskDialog:
        sources = next(one for one in page.findChildren(QComboBox) if one.accessibleName() == "Which study")
        sources.activated.emit(sources.findText("Tasks of my choice..."))
        until(lambda: bool(page.findChildren(TaskDialog)))
        return page.findChildren(TaskDialog)[-1]

    dialog = ask()
    marks = {one.text().split(",")[0]: one for one in dialog.findChildren(QCheckBox)}
    assert set(marks) == {"things", "others", "more"}
    if marks["others"].isChecked():
        QTest.keyClick(marks["others"], Qt.Key.Key_Space)
    for name in ("things", "more"):
        if not marks[name].isChecked():
            QTest.keyClick(marks[name], Qt.Key.Key_Space)
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    until(lambda: page.model.state.chosen == ("more", "things") and page.model.state.standings is not None)
    wanted = cli("rank", "--dataset", "things", "more", "--judge", "lab:judge", "--json").json
    table = page.model.state.table
    assert table is not None
    assert table.as_dict()["contestants"] == wanted["contestants"]
    sources = next(one for one in page.findChildren(QComboBox) if one.accessibleName() == "Which study")
    assert sources.currentText() == "more, things"

    until(lambda: not page.findChildren(TaskDialog))
    dialog = ask()
    (dev,) = (one for one in dialog.findChildren(QAbstractButton) if one.text() == "Development prompts")
    QTest.keyClick(dev, Qt.Key.Key_Space)
    until(
        lambda: (
            [one.text() for one in dialog.findChildren(QCheckBox) if one.isVisible()] == ["more, 8 verdicts"]
        )
    )
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    until(lambda: page.model.state.split == "dev" and page.model.state.standings is not None)
    assert page.model.state.table is not None
    assert [row.name for row in page.model.state.table.contestants] == ["Good", "Bad"]
    assert sources.currentText() == "more (development)"
    page.model.choose_study(EVERYTHING)
    until(lambda: page.model.state.split == "test" and page.model.state.standings is not None)


def test_the_references_own_interval_is_the_band_of_the_chart(page: RankingPage, until: Until) -> None:
    mean = page.model.state.standings
    assert mean is not None
    assert mean.ranking.band is None
    page.model.choose_reference("Copy")
    until(lambda: page.model.state.reference == "Copy" and page.model.state.standings is not None)
    shown = page.model.state.table
    assert shown is not None
    assert shown.standing("Copy").lo == shown.standing("Copy").hi == 0.0
    own = mean.ranking.standing("Copy")
    assert shown.band is not None
    assert own.lo is not None
    assert own.hi is not None
    assert own.rating is not None
    assert shown.band == pytest.approx((own.lo - own.rating, own.hi - own.rating))


def test_a_reference_that_takes_no_part_is_let_go_of(
    page: RankingPage, filled: Workspace, until: Until
) -> None:
    """Also where the ranking is computed aside, which is announced before."""
    page.model.choose_reference("Copy")
    until(lambda: page.model.state.reference == "Copy" and page.model.state.standings is not None)
    judged_too(filled, "others", "test", "b")
    page.model.choose_datasets(("others",), "test")
    until(lambda: page.model.state.chosen == ("others",) and page.model.state.standings is not None)
    assert page.model.state.reference == ""
    assert page.model.read()().reference == ""
    assert page.model._reference == ""


def test_tasks_whose_answers_the_judge_has_not_seen_are_named(
    page: RankingPage, filled: Workspace, until: Until
) -> None:
    judged_too(filled, "others", "test", "b")
    with filled.catalogue.writing() as session:
        session.query(VerdictRow).filter_by(dataset_id="others").update({"judge": "lab:other"})
    page.model.choose_datasets(("others", "things"), "test")
    until(lambda: page.model.state.chosen == ("others", "things") and page.model.state.standings is not None)
    assert page.model.state.judge == "lab:judge"
    assert "without others, where this judge has judged nothing" in texts(page)


def test_tasks_that_are_gone_give_way_to_what_is_there(
    page: RankingPage, filled: Workspace, until: Until
) -> None:
    judged_too(filled, "more", "dev", "a")
    page.model.choose_datasets(("more",), "dev")
    until(lambda: page.model.state.split == "dev" and page.model.state.standings is not None)
    with filled.catalogue.writing() as session:
        session.query(VerdictRow).filter_by(split="dev").delete()
    page.model.refresh()
    until(lambda: page.model.state.split == "test" and page.model.state.standings is not None)
    assert page.model.state.table is not None
    assert {row.name for row in page.model.state.table.contestants} == {"Good", "Copy", "Bad"}


def test_verdicts_on_development_prompts_are_shown_where_there_are_no_others(
    workspace: Workspace, window: MainWindow, until: Until, tmp_path: Path
) -> None:
    fill(workspace, tmp_path)
    judged_too(workspace, "more", "dev", "a")
    window.go("ranking")
    until(lambda: window.page.model.loaded)
    until(lambda: window.page.model.state.standings is not None)
    assert window.page.model.state.split == "dev"
    assert "Nothing was judged yet" not in texts(window.page)
