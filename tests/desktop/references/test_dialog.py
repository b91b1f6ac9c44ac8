"""References and judge of a study, asked for on Home and Study: nothing is paid without a ceiling and a yes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QDialog, QWidget

from desktop.pages.home.page import HomePage
from desktop.pages.study.page import StudyPage
from desktop.references.dialog import ExtrasDialog
from desktop.shell.window import MainWindow
from engine.inference.endpoints import add_endpoint
from engine.inference.own_prices import set_price
from engine.jobs.directory import all_jobs
from engine.studies.spec import StudySpec
from engine.workspace import Workspace
from engine.workspace.tables import Study as StudyRow
from tests.desktop.conftest import Until
from tests.desktop.keyboard import bring_forward, name_of, press, tab_to, texts, write
from tests.engine.studies.test_extending import add_dataset
from tests.engine.studies.test_picture import save
from tests.engine.studies.test_quick import add_base


@pytest.fixture(autouse=True)
def lab(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint with a key and a priced model, one without a key, and no other keys."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("LAB_API_KEY", "sk-lab")
    add_endpoint(workspace, "lab", "https://lab.example.org/v1", "LAB_API_KEY")
    add_endpoint(workspace, "far", "https://far.example.org/v1", "FAR_API_KEY")
    for model in ("lab:large", "lab:strict", "far:away"):
        set_price(workspace, model, 2.0, 8.0)


def shown(page: QWidget, until: Until) -> ExtrasDialog:
    """The dialog that was asked for, its cost reckoned."""
    dialog = page.findChild(ExtrasDialog)
    assert isinstance(dialog, ExtrasDialog)
    until(lambda: dialog.model.loaded and dialog.model.reckoned)
    bring_forward(dialog, until)
    return dialog


def button(within: QWidget, name: str) -> QAbstractButton:
    (found,) = [
        one
        for one in within.findChildren(QAbstractButton)
        if one.accessibleName() == name and one.isVisible()
    ]
    return found


def typed(dialog: ExtrasDialog, field: str, text: str, until: Until) -> None:
    """Type over a field, and wait for the cost of that."""
    write(dialog, field, text)
    kind = {"Another reference": "typed", "Which judge": "judge", "Ceiling in USD": "budget"}[field]
    until(lambda: getattr(dialog.model.draft, kind) == text and dialog.model.reckoned)


def gone(window: MainWindow) -> bool:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return not window.findChildren(ExtrasDialog)


@pytest.fixture
def home(window: MainWindow, until: Until) -> HomePage:
    """Home with the sample brought."""
    window.go("home")
    page = window.page
    assert isinstance(page, HomePage)
    until(lambda: page.model.loaded)
    page.model.take_sample()
    until(lambda: page.model.state.ready)
    return page


def asked(home: HomePage, until: Until) -> ExtrasDialog:
    """The dialog, opened on Home by keyboard."""
    opener = button(home, "References and judge")
    opener.setFocus()
    QTest.keyClick(opener, Qt.Key.Key_Space)
    return shown(home, until)


def test_a_reference_is_ranked_beside_the_bases_within_a_ceiling(
    window: MainWindow, home: HomePage, workspace: Workspace, until: Until
) -> None:
    dialog = asked(home, until)
    assert "Costs nothing" in texts(dialog)
    typed(dialog, "Another reference", "lab:large", until)
    QTest.keyClick(tab_to(dialog, "Another reference"), Qt.Key.Key_Return)
    assert dialog.isVisible()  # Return has added it, and taken nothing yet
    assert (dialog.model.draft.references, dialog.model.draft.typed) == (("lab:large",), "")
    until(lambda: dialog.model.reckoned and "This costs money, and no ceiling is given." in texts(dialog))
    assert not button(dialog, "Take").isEnabled()
    typed(dialog, "Ceiling in USD", "0,50", until)
    until(lambda: button(dialog, "Take").isEnabled())
    money = texts(dialog)
    assert "About $" in money
    assert "lab:large answers library-intents: $" in money
    QTest.keyClick(tab_to(dialog, "Ceiling in USD"), Qt.Key.Key_Return)
    until(lambda: home.model.state.extras.names == ("lab:large",) and "Beside it: lab:large." in texts(home))
    until(lambda: "never over $0.50" in texts(home))
    until(lambda: gone(window))
    # Nothing is sent before a yes.
    for answer in ("Cancel", "Start"):
        start = button(home, "Start")
        start.setFocus()
        QTest.keyClick(start, Qt.Key.Key_Space)
        question = next(one for one in home.findChildren(QDialog) if one.isVisible())
        assert "Your prompts are sent to lab:large." in texts(question)
        assert not list(all_jobs(workspace.jobs))
        bring_forward(question, until)
        press(question, answer)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    until(lambda: isinstance(window.page, StudyPage) and window.page.model.state.picture is not None)
    with workspace.catalogue.reading() as rows:
        (row,) = rows.query(StudyRow).all()
        study = StudySpec.model_validate(row.definition).study
    assert study.references[-1] == "lab:large"
    assert (study.budget_usd, study.judging.judge) == (0.5, "reference")
    assert home.model.state.extras.plain or not home.model.shown  # the next study begins without them


BAD = (
    (
        {"judge": "lab:strict"},
        "This costs money, and no ceiling is given. Say how much may be spent at most.",
    ),
    ({"judge": "lab:strict", "budget": "viel"}, "'viel' is no number from 0 up."),
    ({"judge": "lab:strict", "budget": "-1"}, "'-1' is no number from 0 up."),
    ({"typed": "lab:", "budget": "1"}, "lab:"),
    ({"typed": "lab:unpriced", "budget": "1"}, "Set its price under Settings, Endpoints and prices."),
    ({"typed": "far:away", "budget": "1"}, "Store it under Settings, Endpoints and prices."),
    ({"typed": "nowhere:model", "budget": "1"}, "nowhere"),
    ({"judge": "local:nobody"}, "nobody"),
    ({"judge": "nonsense"}, "nonsense"),
)


def test_what_cannot_be_asked_is_told_in_words_and_not_taken(
    window: MainWindow, home: HomePage, until: Until
) -> None:
    dialog = asked(home, until)
    good = dialog.model.draft
    for change, words in BAD:
        dialog.model.change(**change)
        until(lambda: dialog.model.reckoned and dialog.model.state.cost.problem is not None)
        told = texts(dialog).replace("\n", " ")
        assert words in told, change
        assert "--" not in told, change
        assert "bakeoff " not in told, change
        assert not button(dialog, "Take").isEnabled(), change
        dialog.model.change(**{name: getattr(good, name) for name in change})
        until(lambda: dialog.model.reckoned and button(dialog, "Take").isEnabled())
    for judge, words in (
        ("reference", "Free, and on this machine."),
        ("local:one", "A model of this workspace reads both answers."),
        ("lab:strict", "Costs money; prompts are sent there."),
    ):
        dialog.model.change(judge=judge)
        until(lambda words=words: words in texts(dialog))  # type: ignore[misc]
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    until(lambda: gone(window))
    assert home.model.state.extras.plain
    assert home.model.state.ready


def test_every_control_is_reached_and_what_was_added_is_left_out_by_keyboard(
    window: MainWindow, home: HomePage, until: Until
) -> None:
    dialog = asked(home, until)
    for name in (
        "Another reference",
        "Add",
        "Endpoints and keys",
        "Which judge",
        "Ceiling in USD",
        "Cancel",
        "Take",
    ):
        tab_to(dialog, name)
    write(dialog, "Another reference", "lab:large")
    press(dialog, "Add")
    until(lambda: dialog.model.reckoned and "lab:large" in texts(dialog))
    press(dialog, "Leave out lab:large")
    until(lambda: not dialog.model.draft.references and button(dialog, "Take").isEnabled())
    assert {name_of(one) for one in dialog.findChildren(QAbstractButton)} >= {"Add", "Take", "Cancel"}
    press(dialog, "Endpoints and keys")
    until(lambda: window.page.accessibleName() == "Settings")
    until(lambda: gone(window))


def test_references_are_added_to_a_study_that_is_there(
    window: MainWindow, workspace: Workspace, until: Until
) -> None:
    for name in ("one", "two"):
        add_base(workspace, name, 2)
    for name in ("intents", "fields", "lost"):
        add_dataset(workspace, name, sealed=True)
    save(workspace).change(state="paused")
    window.go("study")
    page = window.page
    assert isinstance(page, StudyPage)
    until(lambda: page.model.state.additions)
    menu = button(page, "Add").menu()  # type: ignore[attr-defined]
    menu.aboutToShow.emit()
    parts = {part.text(): part for part in menu.actions()}
    (another,) = [one for one in parts["A reference"].menu().actions() if "endpoint" in one.text()]
    another.trigger()
    dialog = shown(page, until)
    assert "Add references to town desk" in texts(dialog)
    assert "Which judge" not in texts(dialog)  # it has one
    add = dialog.findChildren(QAbstractButton)[-1]
    assert (add.accessibleName(), add.isEnabled()) == ("Add", False)  # nobody is named
    typed(dialog, "Another reference", "untuned:one", until)
    assert "has the reference untuned:one already" in texts(dialog)
    typed(dialog, "Another reference", "lab:large", until)
    assert not add.isEnabled()
    typed(dialog, "Ceiling in USD", "2.5", until)
    until(add.isEnabled)
    QTest.keyClick(tab_to(dialog, "Ceiling in USD"), Qt.Key.Key_Return)
    until(
        lambda: (
            page.model.state.picture is not None
            and "lab:large" in [one.name for one in page.model.state.picture.entrants]
        )
    )
    picture = page.model.state.picture
    assert picture is not None
    assert picture.ceiling_usd == 2.5
    until(lambda: "lab:large has been added to town desk." in texts(window))
    until(lambda: gone(window))
