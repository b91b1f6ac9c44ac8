"""The dialogs of the Settings page: an endpoint, a key, a price. Each stays open until what it asks for is done."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from desktop.language import tr
from desktop.pages.settings.state import EndpointRow, PriceRow
from desktop.pages.settings.view_model import SettingsModel
from desktop.problem import Problem
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.fields import Decimal, form


class Form(QDialog):
    """A title, a sentence, fields, and a button that does it; what is wrong is told in it.

    It can be closed while that is done; what is wrong is told by the window then.
    """

    _model: SettingsModel

    def __init__(
        self,
        look: Look,
        title: str,
        about: str,
        action: str,
        fields: list[tuple[str, QWidget]],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(500)
        self._wrong: QLabel = label("", tone="bad", wrap=True)
        self._wrong.setAccessibleName(tr("What is wrong"))
        self._wrong.hide()
        self._go = Button(look, action, kind="primary", does=self._begin)
        self._go.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(14)
        layout.addLayout(column(label(title, "title"), label(about, "muted", wrap=True), gap=6))
        layout.addLayout(form(*fields))
        layout.addWidget(self._wrong)
        layout.addLayout(row(None, Button(look, tr("Cancel"), does=self.reject), self._go))
        fields[0][1].setFocus()

    def perform(self) -> None:
        """Do what the button says; ends in `finish` or `refuse`."""
        raise NotImplementedError

    def finish(self) -> None:
        """It is done."""
        if isValid(self):
            self.accept()

    def refuse(self, problem: Problem) -> None:
        """Say what is wrong; the fields stay."""
        if not isValid(self):
            self._model.failed.emit(problem)
            return
        self._go.setEnabled(True)
        self._wrong.setText(f"{problem.message} {problem.fix}".strip())
        self._wrong.show()

    def _begin(self) -> None:
        self._go.setEnabled(False)
        self._wrong.hide()
        self.perform()


class EndpointDialog(Form):
    """Asks for name, address and key of an endpoint.

    Args:
        row: What to change; None for a new one.
    """

    def __init__(self, look: Look, model: SettingsModel, row: EndpointRow | None, parent: QWidget) -> None:
        self._model = model
        self._name = _line(tr("Name"), "lab")
        self._url = _line(tr("Address"), "http://127.0.0.1:8000/v1")
        self._variable = _line(tr("Environment variable of its key"), tr("its name in capitals and _API_KEY"))
        self._key = key_line(tr("Key"))
        fields: list[tuple[str, QWidget]] = [(tr("Name"), self._name), (tr("Address"), self._url)]
        self._key.setPlaceholderText(tr("stays as it is") if row is not None and row.key else "")
        fields.append((tr("Key"), self._key))
        fields.append((tr("Variable"), self._variable))
        about = tr(
            "Any program that speaks as OpenAI's API: vLLM, llama-server, LM Studio, Ollama, or a provider."
        )
        title = tr("Add an endpoint") if row is None else tr("Change an endpoint")
        super().__init__(look, title, about, tr("Add") if row is None else tr("Change"), fields, parent)
        if row is not None:
            self._name.setText(row.name)
            self._name.setReadOnly(True)
            self._url.setText(row.base_url)
            self._variable.setText(row.key_env)
            self._url.setFocus()

    def perform(self) -> None:
        """See `Form`."""
        wanted = EndpointRow(
            self._name.text().strip(), self._url.text().strip(), self._variable.text().strip(), ""
        )
        self._model.save_endpoint(wanted, self._key.text().strip(), self.finish, self.refuse)


class KeyDialog(Form):
    """Asks for a key, which is shown nowhere.

    Args:
        name: Of the endpoint, or of the Hub.
        about: What it is for.
    """

    def __init__(self, look: Look, model: SettingsModel, name: str, about: str, parent: QWidget) -> None:
        self._model = model
        self._name = name
        self._key = key_line(tr("The key, which nobody will see"))
        title = tr("Key of {name}", name=name)
        super().__init__(look, title, about, tr("Store"), [(tr("Key"), self._key)], parent)

    def perform(self) -> None:
        """See `Form`."""
        self._model.store_key(self._name, self._key.text(), self.finish, self.refuse)


class PriceDialog(Form):
    """Asks what a model costs.

    Args:
        row: What to begin with; None for a model that has no price yet.
    """

    def __init__(self, look: Look, model: SettingsModel, row: PriceRow | None, parent: QWidget) -> None:
        self._model = model
        self._name = _line(tr("Model"), "gpt-4o, lab:my-model")
        self._input = _usd(tr("USD per million tokens of prompts"))
        self._output = _usd(tr("USD per million tokens of answers"))
        super().__init__(
            look,
            tr("Set a price"),
            tr(
                "In USD per million tokens; 0 for a model that is free. Write ENDPOINT:MODEL for a price that holds "
                "for one endpoint only."
            ),
            tr("Set the price"),
            [(tr("Model"), self._name), (tr("Prompts"), self._input), (tr("Answers"), self._output)],
            parent,
        )
        if row is not None:
            self._name.setText(row.model)
            self._input.setValue(row.input)
            self._output.setValue(row.output)
            self._input.setFocus()

    def perform(self) -> None:
        """See `Form`."""
        row = PriceRow(self._name.text().strip(), self._input.value(), self._output.value(), own=True)
        self._model.set_price(row, self.finish, self.refuse)


def key_line(name: str) -> QLineEdit:
    """A line whose text is not shown, and is neither completed nor corrected by anybody."""
    made = _line(name, "")
    made.setEchoMode(QLineEdit.EchoMode.Password)
    made.setInputMethodHints(
        Qt.InputMethodHint.ImhHiddenText
        | Qt.InputMethodHint.ImhSensitiveData
        | Qt.InputMethodHint.ImhNoPredictiveText
        | Qt.InputMethodHint.ImhNoAutoUppercase
    )
    return made


def opened(dialog: Form) -> Form:
    """Show a dialog, without waiting for it."""
    dialog.open()
    return dialog


def _line(name: str, hint: str) -> QLineEdit:
    made = QLineEdit(placeholderText=hint)
    made.setAccessibleName(name)
    return made


def _usd(name: str) -> Decimal:
    made = Decimal(minimum=0.0, maximum=100_000.0, decimals=4, singleStep=0.1)
    made.setAccessibleName(name)
    made.setFixedWidth(170)
    return made
