"""The Settings page: look, workspaces, endpoints and keys, prices, jobs and network, diagnostics, licences."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from PySide6.QtCore import QMetaObject, QPoint, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QTableView,
    QWidget,
)

from desktop.pages.settings.dialogs import EndpointDialog, KeyDialog, PriceDialog
from desktop.pages.settings.licences import licence_text, licences
from desktop.pages.settings.page import SettingsPage
from desktop.pages.settings.trash import TrashDialog
from desktop.problem import Problem
from desktop.shell import places
from desktop.shell.places import remember_place
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.datasets.library import open_dataset
from engine.datasets.managing import remove_dataset
from engine.inference.access import prices
from engine.models.library import find_model
from engine.models.managing import remove_model
from engine.workspace import Workspace, open_workspace
from engine.workspace.settings import change, settings_of
from tests.desktop.conftest import Until, gone
from tests.fake_openai.server import FakeOpenAI
from tests.here import add_model, import_rows
from tests.tiny import tiny_model

SECRET = "sk-secret-of-mine"


@pytest.fixture
def page(workspace: Workspace, window: MainWindow, until: Until) -> SettingsPage:
    window.go("settings")
    assert isinstance(window.page, SettingsPage)
    found = window.page
    until(lambda: found.model.loaded)
    return found


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A keyring that forgets with the test."""
    kept: dict[str, str] = {}

    def delete(_service: str, name: str) -> None:
        if kept.pop(name, None) is None:
            raise keyring.errors.PasswordDeleteError(name)

    monkeypatch.setattr(keyring, "set_password", lambda _service, name, key: kept.__setitem__(name, key))
    monkeypatch.setattr(keyring, "get_password", lambda _service, name: kept.get(name))
    monkeypatch.setattr(keyring, "delete_password", delete)
    monkeypatch.setattr("engine.workspace.secrets.keyring_available", lambda: True)
    return kept


@pytest.fixture
def _own_environment() -> Iterator[None]:
    """What a test sets there is gone after it, and this machine's proxy and certificates are not seen in it."""
    before = dict(os.environ)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        for spelt in (name, name.lower()):
            os.environ.pop(spelt, None)
    yield
    os.environ.clear()
    os.environ.update(before)


def texts(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


def button(page: QWidget, name: str) -> QAbstractButton:
    return next(
        one for one in page.findChildren(QAbstractButton) if one.accessibleName() == name and one.isVisible()
    )


def press(page: QWidget, name: str) -> None:
    """Press a button by keyboard."""
    found = button(page, name)
    found.setFocus()
    QTest.keyClick(found, Qt.Key.Key_Space)


def field(widget: QWidget, name: str, kind: Any = QLineEdit) -> Any:
    (found,) = [one for one in widget.findChildren(kind) if one.accessibleName() == name]
    return found


def view(page: SettingsPage, name: str) -> QTableView:
    return next(one for one in page.findChildren(QTableView) if one.accessibleName() == name)


def rows(page: SettingsPage, name: str, column: int = 0) -> list[str]:
    model = view(page, name).model()
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def dialog(page: SettingsPage, kind: type[QDialog]) -> Any:
    (found,) = [one for one in page.findChildren(kind) if one.isVisible()]
    return found


def leave(widget: QWidget) -> None:
    """What a field hears when the keyboard goes elsewhere."""
    QMetaObject.invokeMethod(widget, "editingFinished")


# Window and workspace


def test_the_workspace_is_told_with_its_sizes(page: SettingsPage, workspace: Workspace, until: Until) -> None:
    said = texts(page)
    assert str(workspace.root) in said
    assert "are free on this disk" in said
    assert rows(page, "Sizes of the workspace's folders")[-1] == "Catalogue and the rest"


def test_light_and_dark_apply_at_once_by_keyboard(page: SettingsPage, look: Look) -> None:
    press(page, "Dark")
    assert look.tokens.name == "dark"
    press(page, "Light")
    assert look.tokens.name == "light"


def test_language_part_and_theme_are_remembered(
    workspace: Workspace, look: Look, tmp_path: Path, until: Until
) -> None:
    settings = QSettings(str(tmp_path / "place.ini"), QSettings.Format.IniFormat)
    other = open_workspace(tmp_path / "Übung 2").root
    remember_place(settings, other)
    remember_place(settings, workspace.root)
    shown = MainWindow(workspace, look, settings)
    shown.show()
    shown.go("settings")
    page = shown.page
    assert isinstance(page, SettingsPage)
    until(lambda: page.model.loaded)
    language = field(page, "Language", QComboBox)
    language.setFocus()
    QTest.keyClick(language, Qt.Key.Key_End)
    language.activated.emit(language.currentIndex())
    assert settings.value("language") == "de"
    assert button(page, "Open again").isVisible()
    press(page, "About")
    shown.close()
    again = MainWindow(workspace, look, settings)
    again.show()
    again.go("settings")
    assert isinstance(again.page, SettingsPage)
    assert again.page.about.isVisible()
    again.close()


def test_another_workspace_opens_in_a_window_of_its_own(
    page: SettingsPage, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Path] = []
    monkeypatch.setattr(places, "open_window", begun.append)
    new = tmp_path / "Ärzte und Briefe"
    new.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(new))
    failures: list[Any] = []
    page.model.failed.disconnect(page._fail)
    page.model.failed.connect(failures.append)
    press(page, "Open")  # it is no workspace yet
    until(lambda: failures)
    assert failures[0].code == "workspace.none"
    assert not (new / "workspace.json").exists()
    press(page, "New")
    until(lambda: begun)
    assert begun == [new]
    assert (new / "workspace.json").is_file()


def test_the_trash_is_emptied_only_when_that_is_confirmed(
    page: SettingsPage, workspace: Workspace, until: Until
) -> None:
    rubbish = workspace.root / "trash" / "x"
    rubbish.mkdir(parents=True)
    (rubbish / "file").write_bytes(b"x" * 1000)

    def confirming(word: str) -> None:
        press(page, "Trash")
        trash = dialog(page, TrashDialog)
        until(lambda: trash.model.state.bytes)
        assert "The trash is empty" in texts(trash)  # nothing that could be brought back
        press(trash, "Empty the trash")
        (asked,) = [one for one in trash.findChildren(QDialog) if one.isVisible()]
        press(asked, word)
        trash.reject()
        gone(trash)

    confirming("Cancel")
    assert rubbish.exists()
    confirming("Empty the trash")
    until(lambda: not rubbish.exists())


def test_single_things_are_brought_back_from_the_trash(
    page: SettingsPage, workspace: Workspace, until: Until, tmp_path: Path
) -> None:
    add_model(workspace, tiny_model(tmp_path / "tiny"), "tiny")
    import_rows(workspace, [{"prompt": f"q{n}", "completion": "a"} for n in range(20)], "questions")
    remove_model(workspace, "tiny")
    remove_dataset(workspace, "questions")
    press(page, "Trash")
    trash = dialog(page, TrashDialog)
    until(lambda: len(trash.model.state.things) == 2)
    shown = trash.findChild(QTableView)
    assert shown is not None
    rows = [shown.model().index(at, 0).data() for at in range(2)]
    assert rows == ["questions", "tiny"]  # the last removed first
    assert "dataset: 0 sets of answers" in shown.model().index(0, 1).data()
    shown.setFocus()
    QTest.keyClick(shown, Qt.Key.Key_Down)
    press(trash, "Bring back")
    until(lambda: len(trash.model.state.things) == 1)
    assert find_model(workspace, "tiny").name == "tiny"
    press(trash, "Bring back")
    until(lambda: not trash.model.state.things)
    assert open_dataset(workspace, "questions", "preview").name == "questions"
    assert not trash._back.isEnabled()
    trash.accept()


def test_the_workspace_is_copied_to_a_folder_that_is_empty(
    page: SettingsPage, workspace: Workspace, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_rows(workspace, [{"prompt": f"q{n}", "completion": "a"} for n in range(20)], "questions")
    said: list[str] = []
    page.model.told.connect(said.append)
    target = tmp_path / "copy"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(target))
    press(page, "Copy")
    until(lambda: any("has been copied" in one for one in said))
    assert open_dataset(open_workspace(target), "questions", "preview").name == "questions"
    failures: list[Problem] = []
    page.model.failed.connect(failures.append)
    press(page, "Copy")
    until(lambda: failures)
    assert "copy" in failures[0].message


def test_a_copy_ends_with_the_window(
    window: MainWindow, page: SettingsPage, workspace: Workspace, tmp_path: Path
) -> None:
    import_rows(workspace, [{"prompt": f"q{n}", "completion": "a"} for n in range(20)], "questions")
    page.model.services.background._closed = True
    with pytest.raises(InterruptedError):
        copier_of(page, tmp_path / "copy")()
    page.model.services.background._closed = False
    assert not (tmp_path / "copy").exists()
    assert list(tmp_path.glob(".copy*")) == []


def copier_of(page: SettingsPage, target: Path) -> Callable[[], object]:
    """What the page does in another thread to copy the workspace."""
    found: list[Callable[[], object]] = []
    page.model.do = lambda work, *_: found.append(work)  # type: ignore[method-assign]
    page.model.copy_workspace(target)
    del page.model.do
    return found[0]


def test_the_trash_is_emptied_while_sizes_are_read(
    page: SettingsPage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: not page.model.services.background.busy)
    read = page.model.read()

    def emptied(*_: object) -> None:
        page.model._sizes = None

    monkeypatch.setattr("engine.workspace.secrets.find_key", emptied)
    assert read().sizes.whole > 0


# Endpoints, keys, prices


def test_an_endpoint_is_added_by_keyboard_tried_changed_and_removed(
    page: SettingsPage, workspace: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(page, "Endpoints and prices")
    monkeypatch.setenv("LAB_API_KEY", "sk-test")
    with FakeOpenAI() as fake:
        press(page, "Add")
        form = dialog(page, EndpointDialog)
        QTest.keyClicks(field(form, "Name"), "lab")
        QTest.keyClicks(field(form, "Address"), fake.base_url)
        QTest.keyClick(field(form, "Address"), Qt.Key.Key_Return)
        until(lambda: "lab" in rows(page, "Endpoints"))
        until(lambda: "lab answers in" in texts(page))
        view(page, "Endpoints").selectRow(rows(page, "Endpoints").index("lab"))
        press(page, "Try it")
        until(lambda: "gpt-4" in texts(page))
    press(page, "Change")
    form = dialog(page, EndpointDialog)
    assert field(form, "Name").isReadOnly()
    field(form, "Address").setText("http://127.0.0.1:9/v1")
    page.model.failed.disconnect(page._fail)  # nobody answers there, which is told in a dialog
    press(form, "Change")
    until(lambda: "http://127.0.0.1:9/v1" in rows(page, "Endpoints", 1))
    view(page, "Endpoints").selectRow(rows(page, "Endpoints").index("lab"))
    press(page, "Remove")
    until(lambda: "lab" not in rows(page, "Endpoints"))
    until(lambda: button(page.window(), "Undo").isVisible())
    press(page.window(), "Undo")
    until(lambda: "lab" in rows(page, "Endpoints"))


def test_what_is_wrong_with_an_endpoint_is_told_where_it_was_typed(page: SettingsPage, until: Until) -> None:
    page.show_part("endpoints")
    page.endpoints.ask_add()
    form = dialog(page, EndpointDialog)
    for name, url, words in (
        ("human", "http://127.0.0.1:9/v1", "meaning of its own"),
        ("lab", "nowhere", "no http or https address"),
        ("lab", f"http://anna:{SECRET}@host/v1", "may hold no user name"),
    ):
        field(form, "Name").setText(name)
        field(form, "Address").setText(url)
        press(form, "Add")
        until(lambda words=words: words in texts(form))
        assert SECRET not in texts(form)
    assert rows(page, "Endpoints") == ["openai"]
    form.reject()


def test_a_dialog_may_be_closed_before_what_it_asks_for_is_done(page: SettingsPage, until: Until) -> None:
    told: list[Problem] = []
    page.model.failed.disconnect(page._fail)
    page.model.failed.connect(told.append)
    page.show_part("endpoints")
    for name, url in (("lab", "nowhere"), ("lab", "http://127.0.0.1:9/v1")):
        page.endpoints.ask_add()
        form = dialog(page, EndpointDialog)
        field(form, "Name").setText(name)
        field(form, "Address").setText(url)
        press(form, "Add")
        press(form, "Cancel")
        gone(form)
    until(lambda: "lab" in rows(page, "Endpoints"))
    assert "no http or https address" in told[0].message


def test_a_key_goes_into_the_keyring_is_never_shown_and_is_forgotten(
    page: SettingsPage, workspace: Workspace, until: Until, keys: dict[str, str]
) -> None:
    page.show_part("endpoints")
    page.model.refresh()
    until(lambda: page.model.state.keyring)
    press(page, "Store its key")
    form = dialog(page, KeyDialog)
    line = field(form, "The key, which nobody will see")
    assert line.echoMode() == QLineEdit.EchoMode.Password
    line.setText("two words")
    press(form, "Store")
    until(lambda: "Copy the key again" in texts(form))
    line.setText(SECRET)
    press(form, "Store")
    until(lambda: "in the keyring" in rows(page, "Endpoints", 2))
    assert keys == {"openai": SECRET}
    shown = [one.text() for one in page.window().findChildren(QLineEdit)] + [texts(page.window())]
    assert not any(SECRET in one for one in shown if one)
    for file in workspace.root.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes()
    until(lambda: button(page, "Forget its key").isEnabled())
    press(page, "Forget its key")
    press(asked(page), "Cancel")
    assert keys, "nothing is forgotten unasked"
    press(page, "Forget its key")
    press(asked(page), "Forget it")
    until(lambda: "no key" in rows(page, "Endpoints", 2))
    assert keys == {}


def test_without_a_keyring_a_key_lives_until_the_window_closes(
    page: SettingsPage, workspace: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.workspace.secrets._GIVEN", {})
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    page.show_part("endpoints")
    until(lambda: page.model.loaded)
    assert not page.model.state.keyring
    press(page, "Store its key")
    form = dialog(page, KeyDialog)
    assert "kept until this window closes" in texts(form)
    field(form, "The key, which nobody will see").setText(SECRET)
    press(form, "Store")
    until(lambda: "until the window closes" in rows(page, "Endpoints", 2))
    # Processes that are started from here have it, and no file has.
    assert os.environ["OPENAI_API_KEY"] == SECRET
    for file in workspace.root.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes()
    until(lambda: button(page, "Forget its key").isEnabled())
    press(page, "Forget its key")
    press(asked(page), "Forget it")
    until(lambda: "no key" in rows(page, "Endpoints", 2))
    assert "OPENAI_API_KEY" not in os.environ


def asked(page: SettingsPage) -> QDialog:
    """The question that is open."""
    (found,) = (one for one in page.findChildren(QDialog) if one.isVisible())
    return found


def test_the_token_of_the_hub_is_stored_and_forgotten(
    page: SettingsPage, until: Until, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    page.show_part("endpoints")
    page.model.refresh()
    until(lambda: page.model.state.keyring)
    press(page, "Store a token")
    form = dialog(page, KeyDialog)
    field(form, "The key, which nobody will see").setText("hf_abcdefgh")
    press(form, "Store")
    until(lambda: "There is a token for the Hugging Face Hub, in the keyring." in texts(page))
    assert keys == {"huggingface": "hf_abcdefgh"}
    press(page, "Forget it")
    press(asked(page), "Forget it")
    until(lambda: "There is no token" in texts(page))


def test_a_price_is_set_by_keyboard_and_taken_back(
    page: SettingsPage, workspace: Workspace, until: Until
) -> None:
    press(page, "Endpoints and prices")
    press(page, "Set a price")
    form = dialog(page, PriceDialog)
    QTest.keyClicks(field(form, "Model"), "two words")
    press(form, "Set the price")
    until(lambda: "names no model" in texts(form))
    field(form, "Model").setText("lab:mine")
    field(form, "USD per million tokens of prompts", QDoubleSpinBox).setValue(0.5)
    field(form, "USD per million tokens of answers", QDoubleSpinBox).setValue(1.5)
    press(form, "Set the price")
    until(lambda: rows(page, "Prices")[0] == "lab:mine")
    assert rows(page, "Prices", 3)[:2] == ["yours", ""]
    assert prices(workspace).require("mine", "lab").output == 1.5
    view(page, "Prices").selectRow(0)
    until(lambda: button(page, "Forget my price").isEnabled())
    press(page, "Forget my price")
    until(lambda: "lab:mine" not in rows(page, "Prices"))
    press(page.window(), "Undo")
    until(lambda: "lab:mine" in rows(page, "Prices"))


# Jobs and network


@pytest.mark.usefixtures("_own_environment")
def test_defaults_of_jobs_and_the_network_are_changed_and_bad_values_told(
    page: SettingsPage, workspace: Workspace, until: Until
) -> None:
    press(page, "Jobs and network")
    quantisation = field(page, "Quantisation of GGUF files", QComboBox)
    quantisation.setCurrentText("q8_0")
    quantisation.activated.emit(quantisation.currentIndex())
    until(lambda: settings_of(workspace).quantisation == "q8_0")
    days = field(page, "Days for which checkpoints are kept", QSpinBox)
    days.setFocus()
    days.selectAll()
    QTest.keyClicks(days, "30")
    QTest.keyClick(days, Qt.Key.Key_Return)
    until(lambda: settings_of(workspace).checkpoint_days == 30)
    free = field(page, "Free space that a job needs to begin", QDoubleSpinBox)
    free.setValue(5.0)
    leave(free)
    until(lambda: settings_of(workspace).least_free_gb == 5.0)
    press_box(page, "This machine does not fall asleep while a job runs")
    until(lambda: not settings_of(workspace).keep_awake)
    proxy = field(page, "Proxy")
    proxy.setFocus()
    QTest.keyClicks(proxy, "proxy.example")
    QTest.keyClick(proxy, Qt.Key.Key_Return)
    until(lambda: "write it as http://HOST:PORT" in texts(page))
    assert proxy.property("state") == "bad"
    assert settings_of(workspace).proxy == ""
    proxy.setText("http://proxy.example:3128")
    QTest.keyClick(proxy, Qt.Key.Key_Return)
    until(lambda: settings_of(workspace).proxy == "http://proxy.example:3128")
    until(lambda: os.environ.get("HTTPS_PROXY") == "http://proxy.example:3128")
    assert proxy.property("state") == ""
    change(workspace, "proxy", "")


@pytest.mark.usefixtures("_own_environment")
def test_a_file_that_holds_no_certificate_is_refused(
    page: SettingsPage, workspace: Workspace, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.show_part("jobs")
    letter = tmp_path / "letter.pem"
    letter.write_text("Dear mum", encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(letter), ""))
    press(page, "Choose")
    until(lambda: "cannot be used" in texts(page))
    assert settings_of(workspace).certificates == ""


def press_box(page: SettingsPage, name: str) -> None:
    (box,) = [one for one in page.findChildren(QCheckBox) if one.text() == name]
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)


# About


def test_diagnostics_are_saved_without_asking_torch(
    page: SettingsPage, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(page, "About")
    out = tmp_path / "d.zip"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    press(page, "Save the diagnostics")
    until(out.exists)
    with zipfile.ZipFile(out) as bundle:
        assert {"machine.json", "runner.log", "window.log"} <= set(bundle.namelist())


def test_every_licence_is_listed_and_can_be_read(page: SettingsPage, until: Until) -> None:
    press(page, "About")
    assert "LGPL 3" in texts(page)
    names = rows(page, "Licences")
    assert {"Inter", "JetBrains Mono", "Phosphor Icons"} <= set(names)
    at = next(number for number, name in enumerate(names) if name.lower().startswith("pyside6"))
    view(page, "Licences").selectRow(at)
    text = field(page, "Text of the licence", QPlainTextEdit)
    until(lambda: "GNU LESSER GENERAL PUBLIC LICENSE" in text.toPlainText())
    assert "GNU GENERAL PUBLIC LICENSE" in text.toPlainText()


def test_packages_name_their_licence_or_carry_its_text() -> None:
    found = licences()
    assert len(found) > 40
    for one in found:
        assert one.licence or licence_text(one.name), one.name
    for name in ("Inter", "torch", "bakeoff"):
        assert len(licence_text(name)) > 500, name
    assert licence_text("nobody-has-this") == ""


def test_the_parts_are_chosen_by_commands_and_targets(page: SettingsPage) -> None:
    page.open("jobs")
    assert page.jobs.isVisible()
    page.open("nonsense")
    assert page.jobs.isVisible()
    assert {command.title for command in page.commands()} >= {"Add an endpoint", "Open a workspace"}
    assert QApplication.activeModalWidget() is None


def test_cards_stand_below_each_other_in_a_narrow_window(page: SettingsPage, until: Until) -> None:
    for width, beside in ((1360, True), (980, False)):
        page.window().resize(width, 700)
        for part in ("general", "endpoints", "jobs", "about"):
            page.show_part(part)
            until(lambda: page.widget().minimumSizeHint().width() <= page.viewport().width())
        page.show_part("jobs")
        tops = [
            field(page, name, kind).mapTo(page, QPoint(0, 0)).x()
            for name, kind in (("Proxy", QLineEdit), ("Quantisation of GGUF files", QComboBox))
        ]
        assert (tops[0] > tops[1]) == beside
