"""The part of the Settings page about jobs: what they begin with, what they keep, and how they reach the network."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QFileDialog, QLineEdit, QWidget

from desktop.language import tr
from desktop.pages.settings.part import Part
from desktop.pages.settings.state import SettingsState
from desktop.pages.settings.view_model import SettingsModel
from desktop.problem import Problem
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, card, column, heading, label, retone, row
from desktop.widgets.fields import Decimal, combo, form, spin


class JobsPart(Part):
    """Defaults of jobs, and the network."""

    def __init__(self, context: Context, model: SettingsModel) -> None:
        super().__init__()
        self._context = context
        self._model = model
        look = context.look
        self._quantisation = combo(tr("Quantisation of GGUF files"), 170)
        self._quantisation.activated.connect(
            lambda _at: self._set("quantisation", self._quantisation.currentText())
        )
        self._free = Decimal(minimum=0.0, maximum=10_000.0, decimals=1, suffix=" GB")
        self._free.setAccessibleName(tr("Free space that a job needs to begin"))
        self._free.setSpecialValueText(tr("any"))
        self._free.setFixedWidth(170)
        self._free.editingFinished.connect(lambda: self._set("least_free_gb", self._free.value()))
        self._days = spin(tr("Days for which checkpoints are kept"), 3650, tr("not at all"))
        self._days.setSuffix(tr(" days"))
        self._days.editingFinished.connect(lambda: self._set("checkpoint_days", self._days.value()))
        self._awake = QCheckBox(tr("This machine does not fall asleep while a job runs"))
        self._awake.clicked.connect(lambda on: self._set("keep_awake", on))
        self._proxy = _line(tr("Proxy"), "http://proxy.example:3128")
        self._direct = _line(tr("Hosts without the proxy"), "intranet.example, 10.0.0.1")
        self._certificates = _line(tr("File with own certificates"), "/etc/ssl/authority.pem")
        for name, field in self._lines().items():
            field.editingFinished.connect(
                lambda name=name, field=field: self._set(name, field.text().strip())
            )
        self._choose = Button(look, tr("Choose"), "folder-open", does=self.ask_certificates)
        self._wrong = label("", tone="bad", wrap=True)
        self._wrong.setAccessibleName(tr("What is wrong"))
        self._wrong.hide()
        self._outside = label("", "small", tone="warn", wrap=True)
        defaults = card(
            heading(tr("Jobs")),
            form(
                (tr("GGUF files"), self._quantisation),
                (tr("Free space"), self._free),
                (tr("Checkpoints"), self._days),
            ),
            self._awake,
            label(
                tr(
                    "GGUF files are written in this quantisation unless another one is asked for. A job begins only "
                    "while this much of the disk is free. A finished training keeps its checkpoints for these days; "
                    "what it has made stays."
                ),
                "small",
                wrap=True,
            ),
        )
        chosen = QWidget()
        chosen.setLayout(row(self._certificates, self._choose, gap=8))
        network = card(
            heading(tr("Network")),
            form(
                (tr("Proxy"), self._proxy),
                (tr("Without it"), self._direct),
                (tr("Own certificates"), chosen),
            ),
            self._wrong,
            self._outside,
            label(
                tr(
                    "For downloads, endpoints and pushes, in this window and in jobs that begin from now on. A proxy "
                    "with a password belongs into the environment variable HTTPS_PROXY. Own certificates are trusted "
                    "beside the system's."
                ),
                "small",
                wrap=True,
            ),
        )
        left, right = column(defaults, None, gap=GAP), column(network, None, gap=GAP)
        self.setLayout(self.put(left, right, (45, 55)))

    def show_state(self, state: SettingsState) -> None:
        """Show what was read; a field that has the keyboard keeps what is typed there."""
        settings = state.settings
        if self._quantisation.count() != len(state.quantisations):
            with QSignalBlocker(self._quantisation):
                self._quantisation.clear()
                self._quantisation.addItems(list(state.quantisations))
        self._quantisation.setCurrentText(settings.quantisation)
        if not self._free.hasFocus():
            self._free.setValue(settings.least_free_gb)
        if not self._days.hasFocus():
            self._days.setValue(settings.checkpoint_days)
        self._awake.setChecked(settings.keep_awake)
        for name, field in self._lines().items():
            if not field.hasFocus() and field.property("state") != "bad":
                field.setText(getattr(settings, name))
        words = {
            "proxy": tr("Your environment sets a proxy, which counts instead of this one."),
            "certificates": tr("Your environment names certificates, which count instead of these."),
        }
        self._outside.setText("\n".join(words[name] for name in words if name in state.from_environment))
        self._outside.setVisible(bool(state.from_environment))

    def ask_certificates(self) -> None:
        """Ask for the file with own certificates."""
        file, _ = QFileDialog.getOpenFileName(
            self, tr("File with own certificates"), "", tr("Certificates (*.pem *.crt *.cer);;All files (*)")
        )
        if file:
            self._certificates.setText(file)
            self._set("certificates", file)

    def _lines(self) -> dict[str, QLineEdit]:
        """The lines of the network, by the names of their settings."""
        return {"proxy": self._proxy, "direct": self._direct, "certificates": self._certificates}

    def _set(self, name: str, value: Any) -> None:
        """Change a setting, if it is another one; what cannot be is told below its card."""
        field = self._lines().get(name)
        if field is not None:
            retone(field, state="")
        self._wrong.hide()
        if value == getattr(self._model.state.settings, name):
            return

        def failed(problem: Problem) -> None:
            if field is None:
                self._context.show_problem(problem)
                return
            retone(field, state="bad")
            self._wrong.setText(f"{problem.message} {problem.fix}".strip())
            self._wrong.show()

        self._model.change(name, value, failed)


def _line(name: str, hint: str) -> QLineEdit:
    made = QLineEdit(placeholderText=hint)
    made.setAccessibleName(name)
    made.setMinimumWidth(200)
    return made
