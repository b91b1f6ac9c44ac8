"""The Settings page: look, workspace, endpoints and keys, diagnostics, licences."""

from __future__ import annotations

import zipfile
from pathlib import Path

import keyring
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QFileDialog,
    QInputDialog,
    QLabel,
    QLineEdit,
    QTableView,
    QWidget,
)

from desktop.pages.settings.page import EndpointDialog, SettingsPage
from desktop.pages.settings.view_model import licences
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.workspace import Workspace
from tests.desktop.conftest import Until
from tests.fake_openai.server import FakeOpenAI


@pytest.fixture
def page(workspace: Workspace, window: MainWindow, until: Until) -> SettingsPage:
    window.go("settings")
    assert isinstance(window.page, SettingsPage)
    found = window.page
    until(lambda: found.model.loaded)
    return found


def texts(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


def button(page: QWidget, name: str) -> QAbstractButton:
    return next(one for one in page.findChildren(QAbstractButton) if one.accessibleName() == name)


def rows(page: SettingsPage, name: str) -> list[str]:
    view = next(one for one in page.findChildren(QTableView) if one.accessibleName() == name)
    model = view.model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def test_workspace_machine_and_licences_are_told(page: SettingsPage, workspace: Workspace) -> None:
    said = texts(page)
    assert str(workspace.root) in said
    assert "LGPL 3" in said
    assert "There is no token for the Hugging Face Hub" in said
    assert "openai" in rows(page, "Endpoints")
    assert "PySide6_Essentials" in [one.name for one in licences()] or "PySide6-Essentials" in rows(
        page, "Licences"
    )
    assert any("MIT" in one.licence for one in licences())


def test_light_and_dark_apply_at_once_by_keyboard(page: SettingsPage, look: Look) -> None:
    dark = button(page, "Dark")
    dark.setFocus()
    QTest.keyClick(dark, Qt.Key.Key_Space)
    assert look.tokens.name == "dark"
    button(page, "Light").click()
    assert look.tokens.name == "light"


def test_an_endpoint_is_added_tried_and_removed(
    page: SettingsPage, workspace: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    page.model.told.connect(told.append)
    with FakeOpenAI() as fake:
        page.ask_endpoint()
        dialog = page.findChild(EndpointDialog)
        assert isinstance(dialog, EndpointDialog)
        for name, value in (("Name", "lab"), ("Address", fake.base_url)):
            field = next(one for one in dialog.findChildren(QLineEdit) if one.accessibleName() == name)
            field.setText(value)
        button(dialog, "Add").click()
        until(lambda: "lab" in rows(page, "Endpoints"))
        monkeypatch.setenv("LAB_API_KEY", "sk-test")
        page.model.try_endpoint("lab")
        until(lambda: any("lab answers in" in one for one in told))
    page.model.remove_endpoint("lab")
    until(lambda: "lab" not in rows(page, "Endpoints"))
    failures: list[object] = []
    page.model.failed.connect(failures.append)
    page.model.add_endpoint("human", "http://127.0.0.1:9/v1", "")
    until(lambda: failures)


def test_a_key_goes_into_the_keyring_and_nowhere_else(
    page: SettingsPage, workspace: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: dict[tuple[str, str], str] = {}
    monkeypatch.setattr(
        keyring, "set_password", lambda service, name, key: stored.__setitem__((service, name), key)
    )
    monkeypatch.setattr(QInputDialog, "getText", lambda *_args, **_more: ("sk-secret-of-mine", True))
    page.ask_key("openai")
    until(lambda: stored)
    assert stored == {("bakeoff", "openai"): "sk-secret-of-mine"}
    for file in workspace.root.rglob("*"):
        if file.is_file():
            assert b"sk-secret-of-mine" not in file.read_bytes()


def test_diagnostics_are_saved(
    page: SettingsPage, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "d.zip"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    page.ask_diagnostics()
    until(out.exists)
    with zipfile.ZipFile(out) as bundle:
        assert "machine.json" in bundle.namelist()


def test_the_trash_is_emptied_only_when_that_is_confirmed(
    page: SettingsPage, workspace: Workspace, until: Until
) -> None:
    rubbish = workspace.root / "trash" / "x"
    rubbish.mkdir(parents=True)
    (rubbish / "file").write_bytes(b"x" * 1000)
    page.model.empty_trash()
    until(lambda: not rubbish.exists())
