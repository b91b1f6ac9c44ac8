"""The widgets of the Settings page."""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QFileDialog, QInputDialog, QLineEdit, QVBoxLayout, QWidget

from desktop.language import LANGUAGES, tr
from desktop.pages.settings.view_model import SettingsModel
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.shell.dialogs import ask
from desktop.theme.look import Look, Scheme
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, IconLabel, card, clear, column, heading, label, row
from desktop.widgets.fields import combo, form
from desktop.widgets.page import Page
from desktop.widgets.segments import Segments
from desktop.widgets.table import Cell, Column, Rows, table
from desktop.words import size
from engine.workspace.secrets import HUB

_SYSTEM: Final = "system"


def build(context: Context) -> Page:
    """Make the page."""
    return SettingsPage(context, SettingsModel(context.services))


class SettingsPage(Page):
    """Cards below each other."""

    model: SettingsModel

    def __init__(self, context: Context, model: SettingsModel) -> None:
        super().__init__(context, model, tr("Settings"), tr("This window, this workspace, this machine."))
        look = context.look
        self._theme = Segments(
            tr("Light or dark"),
            [("system", tr("As the system")), ("light", tr("Light")), ("dark", tr("Dark"))],
        )
        self._theme.choose(look.scheme)
        self._theme.chosen.connect(self._choose_theme)
        self._language = combo(tr("Language"), 200)
        for code, name in ((_SYSTEM, tr("As the system")), *LANGUAGES.items()):
            self._language.addItem(name, code)
        self._language.setCurrentIndex(max(0, self._language.findData(context.recall("language") or _SYSTEM)))
        self._language.activated.connect(lambda at: self._choose_language(self._language.itemData(at)))
        self._language_note = label("", "small", wrap=True)
        self._folder = label("", "mono", wrap=True)
        self._sizes_rows = Rows(look, _size_columns())
        self._sizes = table(
            tr("Sizes of the workspace's folders"), self._sizes_rows, _size_columns(), flat=True, row=28
        )
        self._sizes.setMinimumHeight(232)
        self._endpoint_rows = Rows(look, _endpoint_columns())
        self._endpoints = table(tr("Endpoints"), self._endpoint_rows, _endpoint_columns(), flat=True)
        self._endpoints.setMinimumHeight(150)
        self._keyring = label("", "small", wrap=True)
        self._hub = label("", "muted", wrap=True)
        self._machine = QVBoxLayout()
        self._machine.setSpacing(6)
        self._about = label("", "muted", wrap=True)
        self._licence_rows = Rows(look, _licence_columns())
        self._build(look)

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        self._folder.setText(str(state.folder or ""))
        names = {
            "models": tr("Models"),
            "datasets": tr("Datasets"),
            "outputs": tr("Answers"),
            "exports": tr("GGUF files"),
            "jobs": tr("Jobs and their logs"),
            "reports": tr("Reports"),
            "trash": tr("Trash"),
        }
        self._sizes_rows.set_rows(
            [(name, (names.get(name, name), size(nbytes))) for name, nbytes in state.sizes]
        )
        sources = {"keyring": tr("in the keyring"), "environment": tr("in the environment")}
        self._endpoint_rows.set_rows(
            [
                (
                    one.name,
                    (one.name, one.base_url, Cell(sources[one.key], "good") if one.key else tr("no key")),
                )
                for one in state.endpoints
            ]
        )
        self._keyring.setText(
            tr("Keys are kept in the system's keyring, and never in the workspace.")
            if state.keyring
            else tr(
                "This machine has no keyring: give keys in environment variables, such as OPENAI_API_KEY."
            )
        )
        self._hub.setText(
            tr("There is a token for the Hugging Face Hub, {where}.", where=sources[state.hub_token])
            if state.hub_token
            else tr("There is no token for the Hugging Face Hub; gated models and pushing releases need one.")
        )
        clear(self._machine)
        for icon, tone, sentences in (
            ("check-circle", "good", state.can),
            ("x-circle", "warn", state.cannot),
        ):
            for sentence in sentences:
                line = row(
                    IconLabel(self.context.look, icon, tone, 16), label(sentence, wrap=True), gap=8, top=True
                )
                line.setStretch(1, 1)
                self._machine.addLayout(line)
        self._about.setText(
            tr(
                "Bakeoff {version}, under the Apache License 2.0. The window is made with Qt (PySide6), which is "
                "under the LGPL 3: it is used as a library, and you may replace it by your own.",
                version=state.version,
            )
        )
        self._licence_rows.set_rows(
            [(one.name, (one.name, one.version, one.licence)) for one in state.licences]
        )

    def commands(self) -> list[Command]:
        """See `Page`."""
        return [
            Command(tr("Save the diagnostics"), "floppy-disk", self.ask_diagnostics),
            Command(tr("Add an endpoint"), "plus", self.ask_endpoint),
        ]

    def ask_diagnostics(self) -> None:
        """Ask where the diagnostics go."""
        file, _ = QFileDialog.getSaveFileName(
            self, tr("Save the diagnostics"), "bakeoff-diagnostics.zip", "*.zip"
        )
        if file:
            self.model.write_diagnostics(Path(file))

    def ask_endpoint(self) -> None:
        """Ask where an endpoint is."""
        EndpointDialog(self.context.look, self.model, self).open()

    def ask_key(self, name: str) -> None:
        """Ask for a key; it is shown nowhere."""
        key, accepted = QInputDialog.getText(
            self,
            tr("Key of {name}", name=name),
            tr("The key, which nobody will see"),
            QLineEdit.EchoMode.Password,
        )
        if accepted and key.strip():
            self.model.store_key(name, key)

    def _build(self, look: Look) -> None:
        appearance = card(
            heading(tr("This window")),
            form((tr("Look"), self._theme), (tr("Language"), self._language)),
            self._language_note,
        )
        workspace = card(
            heading(
                tr("Workspace"),
                Button(look, tr("Show folder"), "folder-open", does=self._show_folder),
                Button(look, tr("Empty the trash"), "trash", "danger", self._ask_empty),
            ),
            self._folder,
            self._sizes,
        )
        endpoints = card(
            heading(
                tr("Endpoints and keys"),
                Button(look, tr("Try it"), "play", does=lambda: self._with_endpoint(self.model.try_endpoint)),
                Button(look, tr("Store its key"), "key", does=lambda: self._with_endpoint(self.ask_key)),
                Button(
                    look, tr("Remove"), "trash", does=lambda: self._with_endpoint(self.model.remove_endpoint)
                ),
                Button(look, tr("Add"), "plus", does=self.ask_endpoint),
            ),
            self._endpoints,
            self._keyring,
            row(self._hub, Button(look, tr("Store a token"), "key", does=lambda: self.ask_key(HUB)), gap=10),
        )
        machine = card(heading(tr("This machine")), self._machine)
        licences = table(tr("Licences"), self._licence_rows, _licence_columns(), flat=True, row=28)
        licences.setMinimumHeight(220)
        about = card(
            heading(
                tr("About and licences"),
                Button(look, tr("Save the diagnostics"), "floppy-disk", does=self.ask_diagnostics),
            ),
            self._about,
            licences,
        )
        left, right = column(appearance, workspace, None, gap=GAP), column(endpoints, machine, None, gap=GAP)
        beside = row(gap=GAP, top=True)
        beside.addLayout(left, 45)
        beside.addLayout(right, 55)
        whole = QWidget()
        whole.setLayout(column(beside, about, None, gap=GAP))
        self.body.addWidget(whole, 1)

    def _with_endpoint(self, does: object) -> None:
        """Do something with the endpoint that is selected, else with the first."""
        if self._endpoint_rows.rowCount() and callable(does):
            does(self._endpoint_rows.key(max(0, self._endpoints.currentIndex().row())))

    def _choose_theme(self, scheme: str) -> None:
        self.context.look.force(cast(Scheme, scheme))
        self.context.remember("theme", scheme)

    def _choose_language(self, code: str) -> None:
        self.context.remember("language", code)
        self._language_note.setText(tr("The window speaks it when it is opened again."))

    def _show_folder(self) -> None:
        if self.model.state.folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.model.state.folder)))

    def _ask_empty(self) -> None:
        ask(
            self.context.look,
            tr("Empty the trash?"),
            tr(
                "What lies in it, models and datasets with their answers and verdicts, is gone for good then."
            ),
            tr("Empty the trash"),
            self.model.empty_trash,
            self,
        )


class EndpointDialog(QDialog):
    """Asks for name and address of an endpoint."""

    def __init__(self, look: Look, model: SettingsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self.setWindowTitle(tr("Add an endpoint"))
        self.setMinimumWidth(480)
        self._name = QLineEdit(placeholderText="lab")
        self._name.setAccessibleName(tr("Name"))
        self._url = QLineEdit(placeholderText="http://127.0.0.1:8000/v1")
        self._url.setAccessibleName(tr("Address"))
        self._variable = QLineEdit(placeholderText=tr("its name in capitals and _API_KEY"))
        self._variable.setAccessibleName(tr("Environment variable of its key"))
        go = Button(look, tr("Add"), "plus", "primary", self._add)
        go.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(14)
        about = tr(
            "Any program that speaks as OpenAI's API: vLLM, llama-server, LM Studio, Ollama, or a provider."
        )
        layout.addLayout(
            column(label(tr("Add an endpoint"), "title"), label(about, "muted", wrap=True), gap=6)
        )
        layout.addLayout(
            form((tr("Name"), self._name), (tr("Address"), self._url), (tr("Variable"), self._variable))
        )
        layout.addLayout(row(None, Button(look, tr("Cancel"), does=self.reject), go))

    def _add(self) -> None:
        self._model.add_endpoint(
            self._name.text().strip(), self._url.text().strip(), self._variable.text().strip()
        )
        self.accept()


def _size_columns() -> list[Column]:
    return [Column(tr("Folder"), 0), Column(tr("Size"), 100, right=True)]


def _endpoint_columns() -> list[Column]:
    return [Column(tr("Name"), 110), Column(tr("Address"), 0), Column(tr("Key"), 130)]


def _licence_columns() -> list[Column]:
    return [Column(tr("Package"), 220), Column(tr("Version"), 120), Column(tr("Licence"), 0)]
