"""The sealed task on the Study page: closed until all else is done, opened after a question, seen from then on."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QDialog, QPushButton

from desktop.pages.study.page import StudyPage
from desktop.pages.study.sealed import SealedCard
from desktop.shell.window import MainWindow
from engine.studies.spec import StudySpec
from engine.workspace import Workspace
from engine.workspace.tables import Study as StudyRow
from tests.desktop.conftest import Until
from tests.desktop.keyboard import bring_forward, press, texts
from tests.desktop.pages.test_study import opened
from tests.engine.studies.test_opening import definition, finish, ready
from tests.engine.studies.test_picture import save


def sealed_card(page: StudyPage) -> SealedCard:
    (found,) = page.findChildren(SealedCard)
    return found


def opening(page: StudyPage, until: Until) -> QDialog:
    """The question, asked for by keyboard."""
    button = sealed_card(page).findChild(QPushButton)
    assert isinstance(button, QPushButton)
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    (found,) = [one for one in page.findChildren(QDialog) if one.isVisible()]
    bring_forward(found, until)
    return found


def test_it_is_locked_until_everything_else_is_done_and_one_chooses_who_opens_it(
    window: MainWindow, workspace: Workspace, until: Until
) -> None:
    ready(workspace)
    save(workspace).change(state="paused")
    page = opened(window, until)
    until(lambda: page.model.state.picture is not None)
    assert not sealed_card(page).isVisible()
    assert "Open the sealed task" not in [one.title for one in page.commands()]
    page.model.open_sealed()  # and nobody else can ask for it
    until(lambda: "has no ranking yet whose winner could be validated" in texts(window))
    assert definition(workspace).study.opening == "at_end"
    (add,) = [one for one in page.findChildren(QAbstractButton) if one.accessibleName() == "Add"]
    menu = add.menu()  # type: ignore[attr-defined]
    for by_hand in (True, False):
        menu.aboutToShow.emit()
        (keep,) = [one for one in menu.actions() if one.text() == "Keep lost sealed until I open it"]
        assert keep.isChecked() is not by_hand
        keep.trigger()
        until(
            lambda by_hand=by_hand: (
                page.model.state.picture is not None  # type: ignore[misc]
                and page.model.state.picture.by_hand is by_hand
            )
        )
        assert not sealed_card(page).isVisible()


def test_it_is_opened_once_after_a_question(window: MainWindow, workspace: Workspace, until: Until) -> None:
    ready(workspace)
    first = save(workspace, opening="by_hand")
    first.change(state="done")
    finish(workspace)
    page = opened(window, until)
    until(lambda: sealed_card(page).isVisible())
    shown = texts(page)
    assert "It is finished, and lost stays sealed until you open it." in shown
    assert "lost is still sealed" in shown
    assert (
        "Nobody has looked at it. Opened, it shows whether SLERP of Alder and Birch is better there" in shown
    )
    question = opening(page, until)
    assert "Open lost?" in texts(question)
    assert "It can be looked at only once." in texts(question)
    QTest.keyClick(question, Qt.Key.Key_Return)  # what has the keyboard at first takes nothing
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert definition(workspace).study.opening == "by_hand"
    assert "Open the sealed task" in [one.title for one in page.commands()]
    press(opening(page, until), "Open it")
    until(lambda: not sealed_card(page).isVisible())
    with workspace.catalogue.reading() as rows:
        row = rows.get_one(StudyRow, "town desk")
        assert row.job_id != first.id
        assert StudySpec.model_validate(row.definition).study.opening == "at_end"
    assert "Open the sealed task" not in [one.title for one in page.commands()]
    until(lambda: "stays sealed" not in texts(page))
