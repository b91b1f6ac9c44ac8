"""The part of the Settings page that serves models to programs on this machine."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

from desktop.language import tr
from desktop.pages.settings.part import Part
from desktop.pages.settings.serving_model import ServingModel, ServingState, Wanted
from desktop.pages.settings.state import SettingsState
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, card, chip, column, heading, label, retone, row
from desktop.widgets.fields import Suggested, form, spin
from desktop.words import count

_PORTS: Final = 65_535
_LEAST_CONTEXT, _MOST_CONTEXT = 16, 1_000_000
#: How a program asks; the address, the key and the name of a model are put in.
_PROGRAM: Final = """from openai import OpenAI

client = OpenAI(
    base_url="{base_url}",
    api_key="{key}",
)
answer = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.choices[0].message.content)
"""


class ServingPart(Part):
    """Which models, where, and how a program reaches them."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.model = ServingModel(context.services, self)
        self.model.changed.connect(self._show)
        self.model.failed.connect(context.show_problem)
        look = context.look
        self._models: list[Suggested] = []
        self._lines = column(gap=8)
        self._more = Button(look, tr("One more"), "plus", "ghost", lambda: self._add().setFocus())
        self._port = spin(tr("Port"), _PORTS, tr("a free one"))
        self._context_tokens = spin(tr("Tokens of context"), _MOST_CONTEXT, least=_LEAST_CONTEXT, value=8192)
        self._own_key = QLineEdit(placeholderText=tr("a new one each time"))
        self._own_key.setAccessibleName(tr("Key of your own"))
        self._own_key.setEchoMode(QLineEdit.EchoMode.Password)
        self._state = chip("")
        self._start = Button(look, tr("Serve"), "play-fill", "primary", self.start)
        self._stop = Button(look, tr("Stop"), "stop", does=self.model.stop)
        self._says = label("", "muted", wrap=True)
        self._address, self._key = _shown(tr("Address")), _shown(tr("Key"))
        self._program = QPlainTextEdit()
        self._program.setReadOnly(True)
        self._program.setProperty("role", "code")
        self._program.setAccessibleName(tr("A program that asks"))
        self._program.setMinimumHeight(210)
        what = card(
            heading(tr("Models for your own programs"), self._state),
            label(
                tr(
                    "Programs on this machine can ask these models as they ask OpenAI's, with the key. Only "
                    "127.0.0.1 is listened on, and it ends with this window."
                ),
                "muted",
                wrap=True,
            ),
            self._lines,
            row(self._more, None),
            form(
                (tr("Port"), self._port),
                (tr("Tokens of context"), self._context_tokens),
                (tr("Key"), self._own_key),
            ),
            self._says,
            row(None, self._stop, self._start),
        )
        copy_address = Button(
            look, tr("Copy the address"), "copy", "ghost", lambda: _copy(self._address.text())
        )
        copy_key = Button(look, tr("Copy the key"), "copy", "ghost", lambda: _copy(self._key.text()))
        copy_program = Button(look, tr("Copy"), "copy", "ghost", lambda: _copy(self._program.toPlainText()))
        copy_program.setAccessibleName(tr("Copy the program"))
        self._reach = card(
            heading(tr("How to reach them")),
            form(
                (tr("Address"), self._address),
                (tr("Key"), self._key),
            ),
            row(copy_address, copy_key, None),
            heading(tr("In Python"), copy_program),
            self._program,
        )
        self.setLayout(self.put(column(what, None, gap=GAP), column(self._reach, None, gap=GAP), (50, 50)))
        self._add()
        self._show()

    def show_state(self, _state: SettingsState) -> None:
        """See the other parts; this one has a state of its own."""

    def offer(self, model: str) -> None:
        """Have this model chosen, unless something is served."""
        if not self.model.on:
            self._models[0].setEditText(model)
            self._start.setFocus()

    def start(self) -> None:
        """Serve what is chosen."""
        names = [text for box in self._models if (text := box.currentText().strip())]
        self.model.start(
            Wanted(
                tuple(dict.fromkeys(names)),
                self._port.value(),
                self._context_tokens.value(),
                self._own_key.text().strip(),
            )
        )

    def _add(self) -> Suggested:
        box = Suggested(tr("Model {number}", number=len(self._models) + 1), tr("MODEL or MODEL@QUANTISATION"))
        box.offer(self.model.state.offered)
        box.line.textChanged.connect(lambda _text: self._check())
        self._lines.addWidget(box)
        self._models.append(box)
        return box

    def _show(self) -> None:
        state = self.model.state
        for box in self._models:
            box.offer(state.offered)
            box.setEnabled(state.phase == "off")
        for widget in (self._port, self._context_tokens, self._own_key, self._more):
            widget.setEnabled(state.phase == "off")
        words, tone = _phase_words(state)
        self._state.setText(words)
        retone(self._state, tone=tone)
        self._says.setText(_says(state))
        self._says.setVisible(bool(self._says.text()))
        self._start.setVisible(state.phase == "off")
        self._stop.setVisible(state.phase != "off")
        self._reach.setVisible(state.phase == "on")
        for field, words in ((self._address, state.base_url), (self._key, state.key)):
            field.setText(words)
            field.setCursorPosition(0)
        model = state.models[0] if state.models else ""
        program = _PROGRAM.format(base_url=state.base_url, key=state.key, model=model) if model else ""
        if program != self._program.toPlainText():
            self._program.setPlainText(program)
        self._check()

    def _check(self) -> None:
        self._start.setEnabled(any(box.currentText().strip() for box in self._models))


def _shown(name: str) -> QLineEdit:
    made = QLineEdit(readOnly=True)
    made.setAccessibleName(name)
    return made


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


def _phase_words(state: ServingState) -> tuple[str, str]:
    return {
        "off": (tr("Off"), ""),
        "making": (tr("Making files"), "info"),
        "starting": (tr("Starting"), "info"),
        "on": (tr("On"), "good"),
    }[state.phase]


def _says(state: ServingState) -> str:
    if state.phase == "making":
        return tr("GGUF files are being made first, under Jobs: {names}.", names=", ".join(state.making))
    parts = []
    if state.phase == "on":
        parts.append(count(state.answers, tr("{count} answer so far."), tr("{count} answers so far.")))
    if state.last:
        parts.append(state.last)
    if state.plain:
        parts.append(tr("Calls of tools come as text from: {names}.", names=", ".join(state.plain)))
    return " ".join(parts)
