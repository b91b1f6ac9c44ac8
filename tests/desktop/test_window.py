"""The frame of the window: pages by keyboard and by the list, the palette, its remembered place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QLineEdit, QListWidget

from desktop.pages.models.adding import AddDialog
from desktop.shell.commands import Command, Palette, matching
from desktop.shell.dialogs import ask
from desktop.shell.pages import PAGES
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.resources import resource
from engine.workspace import Workspace, open_workspace
from tests.desktop.conftest import Until
from tests.here import import_rows


def test_every_page_has_an_icon_and_opens_without_a_warning(window: MainWindow, until: Until) -> None:
    for entry in PAGES:
        assert resource("icons", f"{entry.icon}.svg").is_file()
        window.go(entry.key)
        until(lambda: window.page.model.loaded)
        assert window.page.accessibleName()


def test_no_page_makes_the_window_wider_than_a_small_screen(window: MainWindow, until: Until) -> None:
    for entry in PAGES:
        window.go(entry.key)
        until(lambda: window.page.model.loaded)
        least = window.page.widget().minimumSizeHint()
        assert least.width() <= 1148, f"{entry.key} needs {least.width()} pixels"


def test_pages_are_chosen_by_number_and_from_the_list(window: MainWindow, until: Until) -> None:
    window.activateWindow()
    until(window.isActiveWindow)
    (pages,) = [one for one in window.findChildren(QListWidget) if one.accessibleName() == "Pages"]
    names = [pages.item(row).text() for row in range(pages.count())]
    assert "Jobs" in names
    pages.setFocus()
    pages.setCurrentRow(names.index("Jobs"))
    until(lambda: window.page.accessibleName() == "Jobs")
    QTest.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    until(lambda: window.page.accessibleName() == PAGES[0].title)


def test_a_page_that_is_gone_to_gets_the_keyboard_and_one_that_is_looked_at_does_not(
    window: MainWindow, qapp: QApplication, until: Until
) -> None:
    window.activateWindow()
    until(window.isActiveWindow)
    (pages,) = [one for one in window.findChildren(QListWidget) if one.accessibleName() == "Pages"]

    def has_keyboard() -> bool:
        widget = qapp.focusWidget()
        return widget is not None and window.page.isAncestorOf(widget)

    for key in (Qt.Key.Key_3, Qt.Key.Key_9, Qt.Key.Key_0):
        pages.setFocus()
        QTest.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        until(has_keyboard)
    pages.setFocus()
    QTest.keyClick(pages, Qt.Key.Key_Down)
    until(lambda: window.page.model.loaded)
    assert qapp.focusWidget() is pages
    item = pages.selectedItems()[0]
    QTest.mouseClick(pages.viewport(), Qt.MouseButton.LeftButton, pos=pages.visualItemRect(item).center())
    until(has_keyboard)


def test_the_palette_offers_what_can_be_done(window: MainWindow, until: Until) -> None:
    useless = {
        "datasets": "Search in the dataset",
        "merge": "Save the merge recipe",
        "compare": "Show where they differ",
        "ranking": "Export the ranking as a picture",
        "vote": "Start voting",
    }
    for key, title in useless.items():
        window.go(key)
        until(lambda: window.page.model.loaded)
        assert title not in {command.title for command in window.page.commands()}


def test_the_palette_finds_a_page_by_a_few_letters(window: MainWindow, until: Until) -> None:
    window.activateWindow()
    until(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    until(lambda: window.findChild(Palette))
    palette = window.findChild(Palette)
    assert isinstance(palette, Palette)
    typed = palette.findChild(QLineEdit)
    assert isinstance(typed, QLineEdit)
    QTest.keyClicks(typed, "gojobs")
    QTest.keyClick(typed, Qt.Key.Key_Return)
    until(lambda: window.page.accessibleName() == "Jobs")


def test_the_closest_commands_come_first() -> None:
    commands = [Command(title, "x", lambda: None) for title in ("Pause all jobs", "Go to Jobs", "Add a base")]
    assert [one.title for one in matching(commands, "jobs")] == ["Go to Jobs", "Pause all jobs"]
    assert matching(commands, "zzz") == []
    assert len(matching(commands, "")) == 3


def test_dialogs_close_with_the_window(workspace: Workspace, look: Look) -> None:
    made = MainWindow(workspace, look)
    made.show()
    made.show_palette()
    asked = ask(look, "Remove it?", "It is gone then.", "Remove", lambda: pytest.fail("nobody said so"), made)
    assert asked.isVisible()
    made.close()
    assert not [one for one in made.findChildren(QDialog) if one.isVisible()]


def test_threads_that_compute_do_not_keep_the_interpreter_long(window: MainWindow) -> None:
    assert window.isVisible()
    assert sys.getswitchinterval() <= 0.001


def test_the_window_remembers_its_place(workspace: Workspace, look: Look, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "place.ini"), QSettings.Format.IniFormat)
    first = MainWindow(workspace, look, settings)
    first.show()
    first.go("jobs")
    first.close()
    second = MainWindow(workspace, look, settings)
    assert second.page.accessibleName() == "Jobs"
    second.close()


def test_what_was_chosen_on_a_page_is_chosen_again_and_another_workspace_has_its_own(
    workspace: Workspace, look: Look, tmp_path: Path, until: Until
) -> None:
    for name in ("first", "second"):
        import_rows(workspace, [{"prompt": f"{name} {at}", "completion": "x"} for at in range(9)], name)
    settings = QSettings(str(tmp_path / "place.ini"), QSettings.Format.IniFormat)

    def opened(where: Workspace) -> MainWindow:
        window = MainWindow(where, look, settings)
        window.show()
        window.go("datasets")
        until(lambda: window.page.model.loaded)
        return window

    window = opened(workspace)
    assert window.page.model.state.selected == "second"
    window.page.open("first")
    until(lambda: window.page.model.state.selected == "first")
    window.close()
    window = opened(workspace)
    assert window.page.model.state.selected == "first"
    window.close()
    other = open_workspace(tmp_path / "other")
    window = opened(other)
    assert window.page.model.state.selected == ""
    window.close()
    other.catalogue.close()


def test_the_look_chosen_in_the_palette_stays(workspace: Workspace, look: Look, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "place.ini"), QSettings.Format.IniFormat)
    window = MainWindow(workspace, look, settings)
    window.show()
    {one.title: one for one in window.commands()}["Dark window"].does()
    try:
        assert settings.value("theme") == "dark"
        window.go("settings")
        chosen = [one for one in window.page.findChildren(QAbstractButton) if one.text() == "Dark"]
        assert [one.isChecked() for one in chosen] == [True]
    finally:
        look.force("light")
        window.close()


def test_what_is_done_often_is_found_from_every_page(window: MainWindow, until: Until) -> None:
    window.go("home")
    by_title = {one.title: one for one in window.commands()}
    assert {"Add a base", "Import examples", "Load a merge recipe", "Dark window"} <= set(by_title)
    by_title["Add a base"].does()
    until(lambda: bool(window.findChildren(AddDialog)))
    assert window.page.accessibleName() == "Models"
    assert [one.title for one in window.commands()].count("Add a base") == 1
    window.findChildren(AddDialog)[0].reject()
    by_title["Dark window"].does()
    assert window._look.tokens.name == "dark"
    window._look.force("light")


def test_a_search_without_a_command_says_so_and_does_nothing(window: MainWindow) -> None:
    window.show_palette()
    palette = window.findChild(Palette)
    assert isinstance(palette, Palette)
    typed, listed = palette.findChild(QLineEdit), palette.findChild(QListWidget)
    assert isinstance(typed, QLineEdit)
    assert isinstance(listed, QListWidget)
    QTest.keyClicks(typed, "zzzz")
    assert [listed.item(at).text() for at in range(listed.count())] == ["Nothing is called like that."]
    QTest.keyClick(typed, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.reject()


def test_jobs_has_a_key(window: MainWindow, until: Until) -> None:
    window.activateWindow()
    until(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    until(lambda: window.page.accessibleName() == "Jobs")
