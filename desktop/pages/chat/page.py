"""The widgets of the Chat page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.language import tr
from desktop.pages.chat.conversations import Conversations
from desktop.pages.chat.new_chat import NewChat
from desktop.pages.chat.opening import Asked, Wish
from desktop.pages.chat.pane import PaneCard, Standing
from desktop.pages.chat.parts import Prompt, SaveMenu, nobody, nothing_said, side_by_side
from desktop.pages.chat.settings import SettingsCard, wish_words
from desktop.pages.chat.talk import with_amount
from desktop.pages.chat.view_model import ChatModel
from desktop.problem import Problem
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, clear, column, frame, label, row
from desktop.widgets.elided import Elided
from desktop.widgets.page import Page

#: What a budget is missing for, as the engine calls it.
_NO_BUDGET: Final = "budget.missing"
#: Panes that a key votes for.
_KEYS: Final = 9


def build(context: Context) -> Page:
    """Make the page."""
    return ChatPage(context, ChatModel(context.services))


class ChatPage(Page):
    """Models side by side, and one prompt box."""

    model: ChatModel

    def __init__(self, context: Context, model: ChatModel) -> None:
        look = context.look
        self._hide = Button(look, tr("Hide names"), "eye-slash", does=self.toggle_names)
        self._set = Button(look, tr("Settings"), "sliders-horizontal", does=self.toggle_settings)
        self._save = Button(look, tr("Save"), "export")
        self._earlier = Button(look, tr("Conversations"), "clock", does=self.ask_which)
        self._new = Button(look, tr("New chat"), "plus", does=self.ask_whom)
        super().__init__(
            context,
            model,
            tr("Chat"),
            tr("One prompt to several models, and which of them answers better."),
            self._hide,
            self._save,
            self._earlier,
            self._new,
        )
        self._names_hidden = False
        self._wish = Wish()
        self._panes: list[PaneCard] = []
        talk = model.talk
        self._save.setMenu(
            SaveMenu(self, self._offered, self.ask_examples, self.import_examples, self.ask_votes)
        )
        self._settings = SettingsCard(self._set_up, talk.allow)
        self._area, self._row = side_by_side()
        self._notes = label("", "small", wrap=True)
        self._how = Elided("", "small")
        self._prompt = Prompt(self._ask)
        self._send = Button(look, tr("Send"), "paper-plane-right", "primary", self._ask)
        self._stop = Button(look, tr("Stop"), "stop", does=talk.stop)
        self._stop.setToolTip(tr("Esc"))
        self._tie = Button(look, tr("Both alike"), "equals", does=lambda: talk.vote("tie"))
        self._tie.setToolTip(tr("Alt+{number}, or {number} outside the message", number=0))
        self._making = label("", "small", wrap=True)
        self._wait = frame(
            "note",
            row(self._making, None, Button(look, tr("Show the job"), "", "ghost", self._go_to_job), gap=10),
            padding=(14, 8, 14, 8),
        )
        self._empty = nothing_said(look, self.ask_whom)
        self._nobody = nobody(look, context.go, self.ask_whom)
        below = row(self._prompt, self._send, self._stop, gap=10)
        below.setStretch(0, 1)
        votes = row(self._tie, self._notes, self._how, self._set, gap=12)
        votes.setStretch(1, 1)
        self._content = QWidget()
        parts = column(self._settings, self._area, votes, below, gap=GAP)
        parts.setStretch(1, 1)
        self._content.setLayout(parts)
        for part in (self._wait, self._empty, self._nobody, self._content):
            self.body.addWidget(part, 0 if part is self._wait else 1)
            part.hide()
        self._settings.hide()
        talk.opened.connect(self._show_opened)
        talk.heard.connect(self._show_heard)
        talk.failed.connect(self._fail)
        talk.refused.connect(self._refuse)
        model.making_changed.connect(self._show_making)
        self._bind()

    def update_page(self) -> None:
        """See `Page`."""
        opened = self.model.talk.conversation is not None
        somebody = bool(self.model.state.models or self.model.state.endpoints)
        self._empty.setVisible(not opened and somebody)
        self._nobody.setVisible(not opened and not somebody)
        self._content.setVisible(opened)
        for button in (self._hide, self._save):
            button.setVisible(opened)
        self._earlier.setVisible(bool(self.model.state.saved or self.model.state.damaged))
        self._show_heard()

    def open(self, target: Any) -> None:
        """Talk with models: a name, or names."""
        names = (target,) if isinstance(target, str) else tuple(map(str, target or ()))
        if names:
            self.begin(Asked(names))

    def close_page(self) -> None:
        """See `Page`."""
        self.model.talk.close()
        super().close_page()

    def commands(self) -> list[Command]:
        """See `Page`."""
        found = [Command(tr("New chat"), "plus", self.ask_whom)]
        if self.model.state.saved:
            found.append(Command(tr("Go on with a conversation"), "clock", self.ask_which))
        if self.model.talk.conversation is not None:
            found += [
                Command(tr("Settings of the chat"), "sliders-horizontal", self.toggle_settings),
                Command(tr("Hide or show the names"), "eye-slash", self.toggle_names),
                Command(
                    tr("Save answers that you voted for, as examples"),
                    "export",
                    lambda: self.ask_examples(None),
                ),
                Command(
                    tr("Make a dataset of the answers that you voted for"),
                    "database",
                    lambda: self.import_examples(None),
                ),
            ]
        return found

    def first_control(self) -> QWidget | None:
        """See `Page`."""
        return self._prompt if self._prompt.isVisible() else super().first_control()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Votes by their numbers, where nothing is typed."""
        number = event.key() - Qt.Key.Key_0.value
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if plain and 0 <= number <= _KEYS:
            self._vote_by_key(number)
        else:
            super().keyPressEvent(event)

    def ask_whom(self) -> None:
        """Ask whom to talk with."""
        asked = self.model.talk.asked
        NewChat(self.context.look, self.model.state, self.begin, self, asked).open()

    def ask_which(self) -> None:
        """Ask which conversation to go on with."""
        Conversations(self.context.look, self.model.state, self.begin, self).open()

    def begin(self, asked: Asked) -> None:
        """Begin a conversation, or go on with one."""
        talk = self.model.talk
        if asked.conversation is None:
            wish, before = self._wish, talk.asked.wish
            if before is not None and before.seed is None and talk.conversation is not None:
                # The seed of the conversation before was drawn, unless another one was chosen since.
                drawn = wish.seed == talk.conversation.sampling.seed
                wish = replace(wish, seed=None if drawn else wish.seed)
            asked = replace(asked, wish=wish)
        talk.begin(asked)

    def toggle_settings(self) -> None:
        """Show the settings, or hide them."""
        self._settings.setVisible(not self._settings.isVisible())

    def toggle_names(self) -> None:
        """Hide who is who, or show it."""
        self._names_hidden = not self._names_hidden
        self._show_heard()

    def ask_examples(self, pane: int | None) -> None:
        """Ask where to write examples: what one pane said, or all that won votes (None)."""
        file = self._where(tr("Save examples"), "chat.jsonl", "*.jsonl")
        if file is not None:
            self.model.write_examples(file, pane)

    def import_examples(self, pane: int | None) -> None:
        """Import the same examples as a dataset: Datasets asks how."""
        self.model.gather_examples(pane, lambda file: self.context.go("datasets", [file]))

    def ask_votes(self) -> None:
        """Ask where to write the votes."""
        file = self._where(tr("Save votes"), "votes.csv", "*.csv")
        if file is not None:
            self.model.write_votes(file)

    @Slot()
    def _show_opened(self) -> None:
        talk = self.model.talk
        conversation = talk.conversation
        if conversation is None:
            return
        self._names_hidden = talk.asked.hidden
        clear(self._row)
        self._panes = [PaneCard(self.context.look, number, self) for number in range(len(conversation.panes))]
        for pane in self._panes:
            self._row.addWidget(pane, 1)
        self._wish = Wish.of(conversation)
        self._how.setText(wish_words(self._wish))
        self._settings.show_wish(self._wish, talk.budget_usd)
        # One who has just chosen whom to ask begins to write.
        self.update_page()
        self._prompt.setFocus()

    @Slot()
    def _show_heard(self) -> None:
        talk = self.model.talk
        conversation = talk.conversation
        if conversation is None or len(self._panes) != len(conversation.panes):
            return
        for number, pane in enumerate(self._panes):
            how = Standing(
                talk.saying.get(number),
                talk.pace(number),
                number in talk.speaking,
                number in talk.waiting,
                talk.busy,
                talk.offers.get(number, 0),
                self.model.state.kind_of(conversation.panes[number].name),
                self._names_hidden,
            )
            pane.show_pane(conversation, how)
        turn = conversation.turns[-1] if conversation.turns else None
        comparable = sum(one.comparable for one in turn.answers.values()) if turn is not None else 0
        several = len(conversation.panes) > 1
        self._tie.setVisible(several)
        self._tie.setText(" " + (tr("Both alike") if len(conversation.panes) == 2 else tr("All alike")))
        self._tie.setEnabled(not talk.busy and comparable > 1)
        self._send.setEnabled(not talk.busy)
        self._stop.setVisible(talk.busy)
        self._send.setVisible(not talk.busy)
        self._prompt.setPlaceholderText(
            tr("Ask all models (Return sends, Shift+Return begins a line)")
            if several
            else tr("Ask the model (Return sends, Shift+Return begins a line)")
        )
        self._hide.setText(" " + (tr("Show names") if self._names_hidden else tr("Hide names")))
        self._hide.show_icon("eye" if self._names_hidden else "eye-slash")
        self._notes.setText(" ".join(self._notes_of(turn.vote if turn is not None else None)))

    def _notes_of(self, vote: int | str | None) -> list[str]:
        talk = self.model.talk
        found = [tr("You found them alike.")] if vote == "tie" else []
        if not self._names_hidden:
            found += talk.notes[-2:]
        if talk.spent_usd or talk.budget_usd is not None:
            found.append(with_amount(talk.spent_usd, talk.budget_usd))
        return found

    @Slot()
    def _show_making(self) -> None:
        making = self.model.making
        self._wait.setVisible(making is not None)
        if making is not None:
            self._making.setText(
                tr(
                    "The GGUF file of {name} is being made; the chat begins when it is there.",
                    name=making.name,
                )
            )

    def _go_to_job(self) -> None:
        if self.model.making is not None:
            self.context.go("jobs", self.model.making.job)

    def _set_up(self, wish: Wish) -> None:
        self._wish = wish
        self.model.talk.set_up(wish)
        self._how.setText(wish_words(wish))

    def _ask(self) -> None:
        text = self._prompt.toPlainText().strip()
        if text and not self.model.talk.busy and self.model.talk.conversation is not None:
            self._prompt.clear()
            self.model.talk.ask(text)

    def again(self, pane: int) -> None:
        """See `Acts`."""
        self.model.talk.again(pane)

    def stop(self, pane: int) -> None:
        """See `Acts`."""
        self.model.talk.stop(pane)

    def leave_out(self, pane: int) -> None:
        """See `Acts`."""
        self.model.talk.leave_out(pane)

    def vote(self, better: int) -> None:
        """See `Acts`."""
        conversation = self.model.talk.conversation
        if conversation is not None and better < len(conversation.panes):
            self.model.talk.vote(better)

    def _vote_by_key(self, number: int) -> None:
        if number == 0:
            self.model.talk.vote("tie")
        else:
            self.vote(number - 1)

    def _offered(self) -> list[str]:
        conversation = self.model.talk.conversation
        panes = conversation.panes if conversation is not None else []
        return [
            tr("Model {number}", number=number) if self._names_hidden else pane.name
            for number, pane in enumerate(panes, start=1)
        ]

    def _where(self, title: str, name: str, kind: str) -> Path | None:
        # The engine refuses a file that exists; the dialog would offer to overwrite it.
        file, _ = QFileDialog.getSaveFileName(
            self, title, name, kind, options=QFileDialog.Option.DontConfirmOverwrite
        )
        return Path(file) if file else None

    def _bind(self) -> None:
        """Esc stops, Alt and a number votes."""

        def bind(key: Any, does: Any) -> None:
            made = QShortcut(QKeySequence(key), self)
            made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            made.activated.connect(does)

        bind(Qt.Key.Key_Escape, self.model.talk.stop)
        for number in range(_KEYS + 1):
            key = Qt.Key(Qt.Key.Key_0.value + number)
            bind(Qt.KeyboardModifier.AltModifier | key, lambda number=number: self._vote_by_key(number))

    @Slot(object, object)
    def _refuse(self, asked: Asked, problem: Problem) -> None:
        """One could not be opened; where only the budget is missing, it is asked for."""
        look, state = self.context.look, self.model.state
        if problem.code != _NO_BUDGET:
            self.context.show_problem(problem)
        elif asked.conversation is None:
            NewChat(look, state, self.begin, self, asked, _needs_budget()).open()
        else:
            Conversations(look, state, self.begin, self, asked.conversation, _needs_budget()).open()


def _needs_budget() -> str:
    return tr("One of the models costs money. Say how much may be spent at most.")
