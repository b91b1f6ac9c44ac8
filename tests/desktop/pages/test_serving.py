"""Models served from the window: a missing file is made first, address and key work, and it ends with the window."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QWidget

from desktop.pages.models.page import ModelsPage
from desktop.pages.settings.page import SettingsPage
from desktop.pages.settings.serving_model import Wanted
from desktop.problem import Problem
from desktop.shell.window import MainWindow
from engine.exporting.spec import ExportSpec
from engine.inference.contestants import local_file
from engine.workspace import Workspace
from tests.desktop.conftest import Until
from tests.here import add_model, do
from tests.tiny import tiny_model
from tests.tiny_families import exportable_model

ASKED: Any = {"messages": [{"role": "user", "content": "The river"}], "max_tokens": 8, "temperature": 0}


@pytest.fixture
def served(workspace: Workspace, tmp_path: Path) -> Workspace:
    add_model(workspace, exportable_model(tmp_path / "one"), "one")
    do(workspace, "export", ExportSpec(model="one", quantisation="q8_0"))
    return workspace


@pytest.fixture
def page(served: Workspace, window: MainWindow, until: Until) -> SettingsPage:
    window.go("settings", "serving")
    assert isinstance(window.page, SettingsPage)
    found = window.page
    until(lambda: found.serving.model.state.offered)
    return found


def texts(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def button(page: QWidget, name: str) -> QPushButton:
    (found,) = [
        one
        for one in page.findChildren(QPushButton)
        if one.accessibleName() == name and one.isVisibleTo(page)
    ]
    return found


def line(page: QWidget, name: str) -> QLineEdit:
    (found,) = [one for one in page.findChildren(QLineEdit) if one.accessibleName() == name]
    return found


def refused(page: SettingsPage) -> list[Problem]:
    """What is told from now on, instead of being shown."""
    failures: list[Problem] = []
    page.serving.model.failed.disconnect()
    page.serving.model.failed.connect(failures.append)
    return failures


def children() -> set[int]:
    found = set()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            if "engine.inference.serving.child" in child.cmdline():
                found.add(child.pid)
    return found


def client_of(page: SettingsPage) -> openai.OpenAI:
    state = page.serving.model.state
    return openai.OpenAI(base_url=state.base_url, api_key=state.key, max_retries=0, timeout=60)


def test_a_model_is_served_by_keyboard_asked_and_stopped(page: SettingsPage, until: Until) -> None:
    model = page.serving.model
    assert model.state.offered == ("one", "one@q8_0")
    serve = button(page, "Serve")
    assert not serve.isEnabled()
    first = line(page, "Model 1")
    first.setFocus()
    QTest.keyClicks(first, "one")
    serve.setFocus()
    QTest.keyClick(serve, Qt.Key.Key_Space)
    until(lambda: model.state.phase == "on")
    assert line(page, "Address").text() == model.state.base_url
    assert line(page, "Key").text() == model.state.key
    answer = client_of(page).chat.completions.create(model="one", **ASKED)
    assert answer.choices[0].message.content
    until(lambda: model.state.answers == 1)
    assert "1 answer so far." in texts(page)
    assert "one: " in texts(page)
    button(page, "Copy the key").click()
    assert QGuiApplication.clipboard().text() == model.state.key
    button(page, "Copy the program").click()
    assert model.state.base_url in QGuiApplication.clipboard().text()
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=model.state.base_url, api_key="wrong", max_retries=0).models.list()
    address = model.state.base_url
    button(page, "Stop").click()
    assert model.state.phase == "off"
    until(lambda: not children())
    with pytest.raises(openai.APIConnectionError):
        openai.OpenAI(base_url=address, api_key="any", max_retries=0).models.list()
    assert "How to reach them" not in texts(page)


def test_programs_can_have_a_key_that_stays(page: SettingsPage, until: Until) -> None:
    model = page.serving.model
    line(page, "Model 1").setText("one")
    key = line(page, "Key of your own")
    assert key.echoMode() == QLineEdit.EchoMode.Password
    refused: list[Problem] = []
    model.failed.disconnect()
    model.failed.connect(refused.append)
    key.setText("short")
    button(page, "Serve").click()
    until(lambda: refused)
    assert (refused[0].code, model.state.phase) == ("serve.key", "off")
    assert "short" not in repr(Wanted(("one",), key="short-and-secret"))
    key.setText("my-own-key-1234")
    button(page, "Serve").click()
    until(lambda: model.state.phase == "on")
    assert model.state.key == "my-own-key-1234"
    assert [one.id for one in client_of(page).models.list()] == ["one"]


def test_a_file_that_is_missing_is_made_first(
    page: SettingsPage, served: Workspace, tmp_path: Path, until: Until
) -> None:
    add_model(served, exportable_model(tmp_path / "two", seed=2), "two")
    page.serving.model.start(Wanted(("two@q4_k_m", "one")))
    until(lambda: page.serving.model.state.phase == "making")
    assert "two@q4_k_m" in texts(page)
    until(lambda: page.serving.model.state.phase == "on")
    assert page.serving.model.state.models == ("two@q4_k_m", "one")
    assert local_file(served, "two@q4_k_m")[2] is not None
    names = [one.id for one in client_of(page).models.list()]
    assert names == ["two@q4_k_m", "one"]


def test_what_cannot_be_served_is_told(
    page: SettingsPage, served: Workspace, tmp_path: Path, until: Until
) -> None:
    failures = refused(page)
    page.serving.model.start(Wanted(("nobody",)))
    until(lambda: len(failures) == 1)
    assert "nobody" in failures[0].message
    add_model(served, tiny_model(tmp_path / "strange"), "strange")
    page.serving.model.start(Wanted(("strange",)))
    until(lambda: len(failures) == 2)
    assert "strange" in failures[1].title
    assert page.serving.model.state.phase == "off"


def test_a_taken_port_is_told_with_the_windows_way(page: SettingsPage, until: Until) -> None:
    failures = refused(page)
    page.serving.model.start(Wanted(("one",)))
    until(lambda: page.serving.model.state.phase == "on")
    port = int(page.serving.model.state.base_url.rpartition(":")[2].partition("/")[0])
    other = type(page.serving.model)(page.model.services, page)
    other.failed.connect(failures.append)
    other.start(Wanted(("one",), port=port))
    until(lambda: failures)
    assert str(port) in failures[0].message
    assert "--port" not in failures[0].fix
    assert other.state.phase == "off"
    other.close()


def test_a_process_that_dies_is_told(page: SettingsPage, until: Until) -> None:
    failures = refused(page)
    page.serving.model.start(Wanted(("one",)))
    until(lambda: page.serving.model.state.phase == "on")
    (child,) = children()
    psutil.Process(child).kill()
    until(lambda: failures)
    assert failures[0].code == "serve.process_ended"
    assert page.serving.model.state.phase == "off"


def test_it_ends_with_the_window(window: MainWindow, page: SettingsPage, until: Until) -> None:
    page.serving.model.start(Wanted(("one",)))
    until(lambda: page.serving.model.state.phase == "on")
    window.go("home")  # another page leaves it on
    assert page.serving.model.state.phase == "on"
    window.close()
    until(lambda: not children())


def test_the_models_page_leads_here(window: MainWindow, served: Workspace, until: Until) -> None:
    window.go("models")
    models = window.page
    assert isinstance(models, ModelsPage)
    until(lambda: models.model.state.selected)
    button(models, "Serve").click()
    assert isinstance(window.page, SettingsPage)
    assert line(window.page, "Model 1").text() == "one"
