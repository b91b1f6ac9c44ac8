"""The widgets of the Chat page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QMenu, QPlainTextEdit, QScrollArea, QWidget

from desktop.language import tr
from desktop.pages.chat.dialogs import NewChat, SettingsCard
from desktop.pages.chat.pane import PaneCard
from desktop.pages.chat.talk import Wish
from desktop.pages.chat.view_model import ChatModel
from desktop.problem import Problem
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, clear, column, label, row
from desktop.widgets.empty import Empty
from desktop.widgets.page import Page
from desktop.words import moment

#: Conversations that the menu lists.
_LISTED = 20


def build(context: Context) -> Page:
    """Make the page."""
    return ChatPage(context, ChatModel(context.services))


class Prompt(QPlainTextEdit):
    """Where one writes: Return sends, Shift+Return begins a line."""

    def __init__(self, send: Any) -> None:
        super().__init__()
        self._send = send
        self.setAccessibleName(tr("Your message"))
        self.setTabChangesFocus(True)
        self.setFixedHeight(58)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """See the class."""
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not shift:
            self._send()
        else:
            super().keyPressEvent(event)


class ChatPage(Page):
    """Models side by side, and one prompt box."""

    model: ChatModel

    def __init__(self, context: Context, model: ChatModel) -> None:
        look = context.look
        self._earlier = Button(look, tr("Conversations"), "clock")
        self._save = Button(look, tr("Save"), "export")
        self._set = Button(look, tr("Settings"), "sliders-horizontal", does=self._toggle_settings)
        self._new = Button(look, tr("New chat"), "plus", "primary", self.ask_whom)
        super().__init__(
            context,
            model,
            tr("Chat"),
            tr("One prompt to several models, and which of them answers better."),
            self._set,
            self._save,
            self._earlier,
            self._new,
        )
        self._wanted: tuple[tuple[str, ...], float | None] | None = None
        self._awaited = ""
        self._earlier.setMenu(self._earlier_menu())
        self._save.setMenu(self._save_menu())
        self._settings = SettingsCard(lambda: model.talk.set_up(self._settings.wish()))
        self._panes: list[PaneCard] = []
        self._row = row(gap=GAP)
        inside = QWidget()
        inside.setObjectName("page")
        inside.setLayout(self._row)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._area.setObjectName("pageArea")
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(inside)
        self._notes = label("", "small", wrap=True)
        self._prompt = Prompt(self._ask)
        self._prompt.setPlaceholderText(tr("Ask all models (Return sends, Shift+Return begins a line)"))
        self._send = Button(look, tr("Send"), "paper-plane-right", "primary", self._ask)
        self._stop = Button(look, tr("Stop (Esc)"), "stop", does=model.talk.stop)
        self._tie = Button(look, tr("Both alike"), "equals", does=lambda: model.talk.vote("tie"))
        self._tie.setToolTip(tr("Alt+{number}", number=0))
        self._empty = Empty(
            look,
            "chats-circle",
            tr("Talk with your models"),
            tr(
                "Choose two or more, ask them the same, and say whose answer is better: your votes count as verdicts."
            ),
            Button(look, tr("Choose models"), "plus", "primary", self.ask_whom),
        )
        below = row(self._prompt, column(self._send, self._stop, gap=6), gap=10)
        below.setStretch(0, 1)
        self._content = QWidget()
        parts = column(self._settings, self._area, row(self._tie, self._notes, None, gap=10), below, gap=GAP)
        parts.setStretch(1, 1)
        self._content.setLayout(parts)
        self.body.addWidget(self._empty, 1)
        self.body.addWidget(self._content, 1)
        self._settings.hide()
        self._content.hide()
        talk = model.talk
        talk.opened.connect(self._show_opened)
        talk.heard.connect(self._show_heard)
        talk.failed.connect(self._fail)
        talk.missing.connect(self._make_missing)
        look.changed.connect(self._show_heard)
        self._shortcut(Qt.Key.Key_Escape, talk.stop)
        for number in range(9):
            key = Qt.Key(Qt.Key.Key_1.value + number)
            self._shortcut(
                QKeySequence(Qt.KeyboardModifier.AltModifier | key), lambda number=number: self._vote(number)
            )
        self._shortcut(QKeySequence(Qt.KeyboardModifier.AltModifier | Qt.Key.Key_0), lambda: talk.vote("tie"))

    def update_page(self) -> None:
        """See `Page`."""
        self._fill_earlier()
        if self._wanted is not None and self._awaited and self._there(self._awaited):
            # The file that was missing has been made.
            names, budget = self._wanted
            self._awaited = ""
            self.model.talk.begin(names, self._settings.wish(), budget)
        opened = self.model.talk.conversation is not None
        self._empty.setVisible(not opened)
        self._content.setVisible(opened)
        self._set.setVisible(opened)
        self._save.setVisible(opened)

    def open(self, target: Any) -> None:
        """Talk with models: a name, or names."""
        names = (target,) if isinstance(target, str) else tuple(map(str, target or ()))
        if names:
            self.begin(names, None)

    def close_page(self) -> None:
        """See `Page`."""
        self.model.talk.close()
        super().close_page()

    def commands(self) -> list[Command]:
        """See `Page`."""
        return [Command(tr("New chat"), "plus", self.ask_whom)]

    def first_control(self) -> QWidget | None:
        """See `Page`."""
        return self._prompt if self._prompt.isVisible() else super().first_control()

    def ask_whom(self) -> None:
        """Ask whom to talk with."""
        talk = self.model.talk
        chosen = [pane.name for pane in talk.conversation.panes] if talk.conversation is not None else []
        NewChat(self.context.look, self.model.state, self.begin, self, chosen).open()

    def begin(self, names: tuple[str, ...], budget: float | None) -> None:
        """Begin a conversation with some models."""
        if not names:
            return
        self._wanted = names, budget
        self.model.talk.begin(names, self._settings.wish(), budget)

    def _there(self, name: str) -> bool:
        model, _, quantisation = name.rpartition("@")
        return any(one == model and quantisation in files for one, files in self.model.state.models)

    @Slot(str)
    def _make_missing(self, name: str) -> None:
        """A model has no GGUF file yet: it is made, and then the conversation begins by itself."""
        if self._awaited == name:
            return
        self._awaited = name
        self.model.make_file(
            name,
            lambda _job: self.context.tell(
                tr("The GGUF file of {name} is being made; the chat begins when it is there.", name=name)
            ),
        )

    @Slot()
    def _show_opened(self) -> None:
        talk = self.model.talk
        conversation = talk.conversation
        if conversation is None:
            return
        self._wanted = None
        clear(self._row)
        self._panes = [
            PaneCard(self.context.look, number, talk.again, talk.stop_pane, self._vote, talk.leave_out)
            for number in range(len(conversation.panes))
        ]
        for pane in self._panes:
            self._row.addWidget(pane, 1)
        sampling = conversation.sampling
        self._settings.show_wish(
            Wish(
                conversation.system,
                sampling.temperature,
                sampling.top_p,
                sampling.top_k,
                sampling.seed,
                conversation.max_new_tokens,
            )
        )
        self.update_page()
        self._show_heard()
        self._prompt.setFocus()

    @Slot()
    def _show_heard(self) -> None:
        talk = self.model.talk
        conversation = talk.conversation
        if conversation is None or len(self._panes) != len(conversation.panes):
            return
        for number, pane in enumerate(self._panes):
            saying = talk.saying.get(number)
            if saying is None and talk.busy and talk.speaking == number:
                saying = ""
            pane.show_pane(
                conversation,
                saying,
                speaking=talk.busy and talk.speaking == number,
                busy=talk.busy,
                offer=talk.offers.get(number, 0),
            )
        turn = conversation.turns[-1] if conversation.turns else None
        comparable = sum(one.comparable for one in turn.answers.values()) if turn is not None else 0
        self._tie.setVisible(len(conversation.panes) > 1)
        self._tie.setEnabled(not talk.busy and comparable > 1)
        self._send.setEnabled(not talk.busy)
        self._stop.setEnabled(talk.busy)
        spent = sum(one.cost_usd for each in conversation.turns for one in each.answers.values())
        notes = [*talk.notes[-2:], *([tr("Spent: ${amount}", amount=f"{spent:.4f}")] if spent else [])]
        if turn is not None and turn.vote == "tie":
            notes.insert(0, tr("You found them alike."))
        self._notes.setText(" ".join(notes))

    def _ask(self) -> None:
        text = self._prompt.toPlainText().strip()
        if text and not self.model.talk.busy and self.model.talk.conversation is not None:
            self._prompt.clear()
            self.model.talk.ask(text)

    def _vote(self, number: int) -> None:
        conversation = self.model.talk.conversation
        if conversation is not None and number < len(conversation.panes):
            self.model.talk.vote(number)

    def _toggle_settings(self) -> None:
        self._settings.setVisible(not self._settings.isVisible())

    def _earlier_menu(self) -> QMenu:
        return QMenu(self)

    def _fill_earlier(self) -> None:
        menu = self._earlier.menu()
        menu.clear()
        self._earlier.setVisible(bool(self.model.state.saved))
        for one in self.model.state.saved[:_LISTED]:
            first = " ".join(one.first.split())[:60]
            entry = menu.addAction(f"{moment(one.created)}  {', '.join(one.models)}: {first}")
            entry.triggered.connect(lambda _checked, name=one.id: self.model.talk.resume(name, None))

    def _save_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(tr("Answers that you voted for, as examples..."), lambda: self._ask_examples(None))
        menu.addAction(tr("The first model's conversation, as an example..."), lambda: self._ask_examples(0))
        menu.addSeparator()
        menu.addAction(tr("All votes, as verdicts..."), self._ask_votes)
        return menu

    def _ask_examples(self, pane: int | None) -> None:
        file, _ = QFileDialog.getSaveFileName(self, tr("Save examples"), "chat.jsonl", "*.jsonl")
        if file:
            self.model.export_examples(Path(file), pane)

    def _ask_votes(self) -> None:
        file, _ = QFileDialog.getSaveFileName(self, tr("Save votes"), "votes.csv", "*.csv")
        if file:
            self.model.export_votes(Path(file))

    def _shortcut(self, key: Any, does: Any) -> None:
        made = QShortcut(QKeySequence(key), self)
        made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        made.activated.connect(does)

    @Slot(object)
    def _fail(self, problem: Problem) -> None:
        self._awaited = ""
        self.context.show_problem(problem)
        self._show_heard()
