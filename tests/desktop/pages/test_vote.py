"""The Vote page: blind, by keyboard alone, kept at once, taken back, compared with the judges, names at the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QSpinBox,
    QTableView,
    QTextEdit,
    QWidget,
)

from desktop.pages.vote.page import VotePage
from desktop.shell.window import MainWindow
from engine.judging.ledger import CatalogueLedger
from engine.judging.verdicts import IDENTICAL, Verdict
from engine.judging.votes import BOTH_BAD
from engine.workspace import Workspace
from tests.answered import COUNT, fill, judge, prompts
from tests.desktop.conftest import Until

#: What could tell whose answers they are.
NAMES = ("secret-one", "secret-two")


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill(workspace, tmp_path, names=NAMES)
    for prompt in prompts(workspace):
        judge(workspace, prompt, *NAMES, "a", judge="reference")
    return workspace


@pytest.fixture
def page(filled: Workspace, window: MainWindow, until: Until) -> VotePage:
    window.go("vote")
    assert isinstance(window.page, VotePage)
    found = window.page
    until(lambda: found.model.state.names)
    return found


def texts(widget: QWidget) -> list[str]:
    return [one.text() for one in widget.findChildren(QLabel) if one.isVisible() and one.text()]


def press(widget: QWidget, name: str) -> None:
    """Press a button by keyboard."""
    (found,) = [
        one
        for one in widget.findChildren(QAbstractButton)
        if one.isVisible() and one.accessibleName().startswith(name)
    ]
    found.setFocus()
    QTest.keyClick(found, Qt.Key.Key_Space)


def begin(page: VotePage, until: Until) -> None:
    press(page, "Start voting")
    until(lambda: page.model.state.phase == "voting")


def key(page: VotePage, which: Qt.Key, until: Until) -> None:
    """Press a key on the page and wait until it has had its effect."""
    number = page.model.state.seen.number  # type: ignore[union-attr]
    QTest.keyClick(focused(), which)
    until(lambda: page.model.state.seen.number > number)  # type: ignore[union-attr]


def focused() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None
    return found


def answers(page: VotePage) -> list[str]:
    return [
        one.toPlainText() for one in page.findChildren(QTextEdit) if one.accessibleName().endswith("answer")
    ]


def votes(page: VotePage, judge: str = "human") -> list[Verdict]:
    found = CatalogueLedger(page.model.services.workspace.catalogue, "d1", "test").all(judge)
    return [vote for vote in found if vote.explanation != IDENTICAL]


def everything_said(widget: QWidget) -> str:
    """All that could be seen or read aloud, hidden widgets included; what is to be deleted goes first."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    said = [widget.windowTitle()]
    for one in (widget, *widget.findChildren(QWidget)):
        said += [one.accessibleName(), one.accessibleDescription(), one.toolTip()]
        for name in ("text", "toPlainText", "currentText"):
            if hasattr(one, name):
                said.append(str(getattr(one, name)()))
    return "\n".join(said)


def test_an_empty_workspace_says_what_comes_first(window: MainWindow, until: Until) -> None:
    window.go("vote")
    until(lambda: window.page.model.loaded)
    assert any("have to answer the prompts" in text for text in texts(window.page))


def test_no_name_is_anywhere_before_the_end(page: VotePage, window: MainWindow, until: Until) -> None:
    assert "secret-one" in everything_said(page)  # one chooses by names
    begin(page, until)
    for which in (Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Right):
        # The answers of this test hold their names, so they are looked at apart from all else.
        for one in page.findChildren(QTextEdit):
            one.clear()
        assert "secret" not in everything_said(window)
        assert "secret" not in repr(page.model.state.last) + repr(page.model.state.cast)
        key(page, which, until)
    until(lambda: page.model.state.courses and page.model.state.courses[0].now)
    for one in page.findChildren(QTextEdit):
        one.clear()
    assert "secret" not in everything_said(window)
    press(page, "Finish")
    until(lambda: len(page.model.state.cast) == 3)
    shown = page.findChildren(QTableView)
    (told,) = [one for one in shown if one.accessibleName() == "Your votes"]
    row = [str(told.model().index(0, column).data()) for column in range(5)]
    assert set(row[1:3]) == set(NAMES)
    assert row[3] == "right"
    assert row[4] in ("Reference: left", "Reference: right")


def test_voting_begins_with_what_was_changed_a_moment_ago(page: VotePage, until: Until) -> None:
    page.model.change(limit=2)
    page.model.start()
    until(lambda: page.model.state.phase == "voting")
    seen = page.model.state.seen
    assert seen is not None
    assert seen.count.left == 2


def test_the_seed_decides_which_pairs_come_first(page: VotePage, until: Until) -> None:
    (seed,) = [one for one in page.findChildren(QSpinBox) if one.accessibleName() == "Seed"]
    seen: set[str] = set()
    for number in range(6):
        seed.setValue(number)
        page.model.start()
        until(lambda: page.model.state.phase == "voting")
        shown = page.model.state.seen
        assert shown is not None
        seen.add(str(shown.pair))
        page.model.finish()
        until(lambda: page.model.state.phase == "over")
        page.model.again()
        until(lambda: page.model.state.phase == "choosing")
    assert len(seen) > 1


def test_four_keys_vote_and_a_fifth_takes_back(page: VotePage, until: Until) -> None:
    begin(page, until)
    assert "0 of 12" in texts(page)
    first = answers(page)
    key(page, Qt.Key.Key_Left, until)
    assert answers(page) != first
    (vote,) = votes(page)
    assert (vote.winner, vote.judge) == ("a", "human")
    assert first[0].split()[2] == vote.name_a  # the left one
    key(page, Qt.Key.Key_Right, until)
    key(page, Qt.Key.Key_Up, until)
    key(page, Qt.Key.Key_Down, until)
    assert [one.winner for one in votes(page)] == ["a", "b", "tie", "tie"]
    assert votes(page)[-1].explanation == BOTH_BAD
    assert "4 of 12" in texts(page)
    key(page, Qt.Key.Key_Backspace, until)
    assert len(votes(page)) == 3
    key(page, Qt.Key.Key_S, until)
    assert len(votes(page)) == 3
    until(lambda: any("1 skipped" in text for text in texts(page)))


def test_the_keys_work_wherever_the_focus_is(page: VotePage, until: Until) -> None:
    begin(page, until)
    for one in (page.findChildren(QTextEdit)[-1], page._undo, page._ballot._buttons["left"]):
        one.setFocus()
        number = page.model.state.seen.number  # type: ignore[union-attr]
        QTest.keyClick(one, Qt.Key.Key_Right)
        until(lambda number=number: page.model.state.seen.number > number)  # type: ignore[misc, union-attr]
    assert [one.winner for one in votes(page)] == ["b"] * 3


def test_a_key_pressed_twice_votes_once(page: VotePage, until: Until) -> None:
    begin(page, until)
    for _ in range(2):
        QTest.keyClick(focused(), Qt.Key.Key_Left)  # the second one before the next pair is on the screen
    until(lambda: not page.model.services.background.busy)
    assert len(votes(page)) == 1


def test_agreement_runs_along_as_a_sentence_a_curve_and_a_table(page: VotePage, until: Until) -> None:
    begin(page, until)
    for _ in range(COUNT):
        left = answers(page)[0].split()[2] == NAMES[0]
        key(page, Qt.Key.Key_Left if left else Qt.Key.Key_Right, until)
    until(lambda: page.model.state.courses[0].now and page.model.state.courses[0].now.pairs == COUNT)
    shown = texts(page._agreement)
    assert "You and Reference agree" in shown
    assert "100%" in shown
    assert "12 of 12 pairs" in shown
    chart = page._agreement._chart
    assert "After 12 pairs you agree in 100%" in chart.accessibleDescription()
    press(page._agreement, "Show as a table")
    (table,) = [one for one in page._agreement.findChildren(QTableView) if one.isVisible()]
    assert table.model().rowCount() == COUNT
    assert table.model().index(0, 0).data() == "12"
    # Nothing is left: the last vote can still be taken back, until the names are told.
    assert "No pair is left" in texts(page)
    key(page, Qt.Key.Key_Backspace, until)
    assert "No pair is left" not in texts(page)
    key(page, Qt.Key.Key_Up, until)
    press(page, "Show the names")
    until(lambda: page.model.state.phase == "over")
    until(lambda: len(page.model.state.cast) == COUNT)
    press(page, "Vote on more")
    until(lambda: page.model.state.phase == "choosing" and page.model.state.names)
    begin(page, until)
    until(lambda: "No pair is left" in texts(page))  # the engine knows what was judged


def test_names_told_after_a_vote_make_it_final(page: VotePage, until: Until) -> None:
    page._chooser._reveal.setFocus()
    QTest.keyClick(page._chooser._reveal, Qt.Key.Key_Space)
    QTest.keyClicks(page._chooser._voter, "Ada")
    begin(page, until)
    assert not page._last.isVisible()
    key(page, Qt.Key.Key_Left, until)
    assert page._last.text().startswith("Before: left was secret-")
    assert not page._undo.isEnabled()
    QTest.keyClick(focused(), Qt.Key.Key_Backspace)
    until(lambda: not page.model.services.background.busy)
    assert len(votes(page, "human:Ada")) == 1


def test_a_ballot_that_cannot_be_is_refused_in_words(page: VotePage, until: Until) -> None:
    told: list[str] = []
    page.model.failed.connect(lambda problem: told.append(problem.code))
    page.model.change(voter="a/b")
    page.model.start()
    until(lambda: told == ["name.unusable"])
    assert page.model.state.phase == "choosing"
    page.model.change(names=NAMES[:1])
    until(lambda: any("Choose at least two contestants." in text for text in texts(page)))
    assert not page._chooser._start.isEnabled()


def test_what_compare_shows_is_what_is_voted_on(page: VotePage, window: MainWindow, until: Until) -> None:
    window.go("vote", {"dataset": "things", "split": "test", "contestants": list(NAMES)})
    assert page.model.choosing.names == NAMES
    begin(page, until)
    window.go("vote", {"dataset": "other"})  # an open ballot stays
    assert page.model.choosing.dataset == "things"
