"""A conversation under way: its models answer in threads, what they say is told a few times a second. QtCore only."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.language import numeral, tr
from desktop.pages.chat.opening import NO_FILE, Asked, Opened, Wish, open_chat
from desktop.pages.chat.run import News, Run
from desktop.problem import Problem
from desktop.services import Services

if TYPE_CHECKING:
    from threading import Thread

    from engine.inference.chat.conversation import Conversation

#: Milliseconds between two looks at what was said.
_EVERY: Final = 60
#: Pieces of an answer, and seconds, before its speed is told.
_PACED: Final = 8
_PACED_SECONDS: Final = 0.3
#: Seconds that the models of the conversation before may take to end.
_FAREWELL: Final = 20.0


class Talk(QObject):
    """One conversation; it is held, so that nobody else goes on with it, until it is closed."""

    #: There are panes now, or others.
    opened = Signal()
    #: Somebody has said something, or has ended.
    heard = Signal()
    #: It could not be opened or gone on with; carries a `Problem`.
    failed = Signal(object)
    #: One could not be opened; carries who was asked for (`Asked`) and a `Problem`.
    refused = Signal(object, object)
    #: A model has no GGUF file; carries who was asked for (`Asked`) and ``MODEL@QUANTISATION`` of what to make.
    missing = Signal(object, str)

    def __init__(self, services: Services, parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        self._open: Opened | None = None
        self._run: Run | None = None
        #: How to answer from the next question on; None: as before.
        self._wish: Wish | None = None
        self._said: list[str] = []  # notes of other threads; appending is atomic
        #: Ends the models of conversations before; their locks are given back then.
        self._ending: list[Thread] = []
        self._timer = QTimer(self, interval=_EVERY)
        self._timer.timeout.connect(self._look)
        #: As it was when somebody ended last.
        self.conversation: Conversation | None = None
        #: Who was asked for.
        self.asked = Asked()
        #: What panes are saying at the moment, by their numbers.
        self.saying: dict[int, str] = {}
        #: When the first piece of each came, and how many have come.
        self._pace: dict[int, tuple[float, int]] = {}
        #: Who is speaking.
        self.speaking: set[int] = set()
        #: Who speaks after them.
        self.waiting: set[int] = set()
        #: Panes whose conversation has become too long, and how many of the oldest turns could be left out.
        self.offers: dict[int, int] = {}
        #: What the models' files and endpoints have said about themselves.
        self.notes: list[str] = []
        #: Whether somebody is still to say something; ``opening``: whether a conversation is being opened.
        self.busy = False
        self.opening = False

    @property
    def budget_usd(self) -> float | None:
        """The ceiling for paid answers."""
        return None if self._open is None else self._open.budget.limit_usd

    @property
    def spent_usd(self) -> float:
        """Spent under this ceiling."""
        return 0.0 if self._open is None else self._open.budget.spent_usd

    def begin(self, asked: Asked) -> None:
        """Open a new conversation, or go on with one; the one before stays until this one is there."""
        if self.opening:
            return
        if self.conversation is not None and asked.conversation == self.conversation.id:
            self.allow(asked.budget_usd)
            return
        self.opening = True
        workspace, ending = self._services.workspace, list(self._ending)
        notes: list[str] = []

        def work() -> Opened:
            for thread in ending:
                thread.join(_FAREWELL)  # it may hold the same conversation
            return open_chat(workspace, asked, notes.append)

        def done(opened: Opened) -> None:
            self.opening = False
            self.close()
            self._open, self.asked = opened, asked
            self.conversation, self._said = opened.now, notes
            self.notes = list(notes)
            self.opened.emit()

        def failed(problem: Problem) -> None:
            self.opening = False
            if problem.code == NO_FILE:
                self.missing.emit(asked, problem.file)
            else:
                self.refused.emit(asked, problem)

        self._services.background.run(self, work, done, failed)

    def allow(self, budget_usd: float | None) -> None:
        """Let paid answers cost so much from now on."""
        if self._open is not None and budget_usd is not None and budget_usd >= 0:
            self._open.budget.allow(budget_usd)
            self.heard.emit()

    def set_up(self, wish: Wish) -> None:
        """Answer otherwise from the next question on."""
        self._wish = wish

    def ask(self, prompt: str) -> None:
        """Put a prompt to all."""
        if self._open is not None and self.conversation is not None:
            session = self._open.session
            self._begin(range(len(self.conversation.panes)), lambda: session.put(prompt))

    def again(self, pane: int) -> None:
        """Let one answer again."""
        self._begin((pane,), lambda: None)

    def leave_out(self, pane: int) -> None:
        """Do not show the oldest turns to a pane any more, and let it answer."""
        turns = self.offers.get(pane, 0)
        if self._open is not None and not self.busy and turns:
            del self.offers[pane]
            conversation = self._open.session.conversation
            self._begin((pane,), lambda: conversation.leave_out(pane, turns))

    def vote(self, better: int | Literal["tie"]) -> None:
        """Say whose answer to the last prompt is better, or that they are alike."""
        if self._open is None or self.busy:
            return
        opened = self._open

        def work() -> Conversation:
            opened.session.vote(better)
            return opened.session.snapshot()

        def done(now: Conversation) -> None:
            if self._open is opened and not self.busy:
                self.conversation = now
                self.heard.emit()

        self._services.background.run(self, work, done, self.failed.emit)

    def stop(self, pane: int | None = None) -> None:
        """End what one pane is saying, or what all are; those who have not begun say nothing."""
        if self._run is not None:
            self._run.stop(pane)

    def close(self) -> None:
        """End all models."""
        self._timer.stop()
        opened, self._open = self._open, None
        run, self._run = self._run, None
        self._wish, self.conversation, self.busy = None, None, False
        self.saying, self.speaking, self.waiting, self.offers, self.notes = {}, set(), set(), {}, []
        self._pace = {}
        if run is not None:
            run.stop()
        if opened is not None:
            ending = self._services.background.tidy(partial(_end, opened, run))
            self._ending = [thread for thread in self._ending if thread.is_alive()] + [ending]

    def _begin(self, panes: Sequence[int], prepare: Callable[[], None]) -> None:
        opened = self._open
        if opened is None or self.busy:
            return
        wish, self._wish = self._wish, None

        def prepared() -> None:
            if wish is not None:
                wish.apply(opened.session.conversation)
            prepare()

        run = self._run = Run(opened.session, panes, prepared)
        self.busy = True
        self.saying, self.speaking, self.waiting, self._pace = {}, set(), set(panes), {}

        def done(_none: object) -> None:
            self._end(run)

        def failed(problem: Problem) -> None:
            if self._end(run):
                self.failed.emit(problem)

        self._timer.start()
        self._services.background.run(self, run.work, done, failed)
        self.heard.emit()

    def _end(self, run: Run) -> bool:
        """All have ended; False where the conversation was closed before."""
        if run is not self._run:
            return False
        self._timer.stop()
        self._take(run.take())
        self._run, self.busy = None, False
        self.saying, self.speaking, self.waiting = {}, set(), set()
        self.heard.emit()
        return True

    def pace(self, pane: int) -> float | None:
        """Tokens a second that come of a pane at the moment, a piece being one; None before that can be told."""
        began, count = self._pace.get(pane, (0.0, 0))
        seconds = time.monotonic() - began
        return count / seconds if count >= _PACED and seconds > _PACED_SECONDS else None

    def _look(self) -> None:
        """Take over what was heard since the last look."""
        if self._run is not None:
            news = self._run.take()
            self._take(news)
            if news or len(self._said) != len(self.notes):
                self.notes = list(self._said)
                self.heard.emit()

    def _take(self, news: News) -> None:
        if news.conversation is not None:
            self.conversation = news.conversation
        self.waiting -= news.begun
        self.speaking |= news.begun
        now = time.monotonic()
        for pane, pieces in news.pieces.items():
            self.saying[pane] = self.saying.get(pane, "") + "".join(pieces)
            began, count = self._pace.get(pane, (now, 0))
            self._pace[pane] = began, count + len(pieces)
        for pane in news.ended:
            self.speaking.discard(pane)
            self._pace.pop(pane, None)
            self.saying.pop(pane, None)
        for pane, turns in news.offers.items():
            self.offers.pop(pane, None)
            if turns:
                self.offers[pane] = turns


def _end(opened: Opened, run: Run | None) -> None:
    """End the models' processes; a model that was just being loaded is ended when it is there."""
    opened.session.close()
    if run is not None:
        run.over.wait(_FAREWELL)
        opened.session.close()
    opened.held.close()


def with_amount(spent: float, allowed: float | None) -> str:
    """What was spent, and under which ceiling."""
    if allowed is None:
        return tr("Spent: ${amount}", amount=numeral(spent, ".4f"))
    return tr("Spent: ${amount} of ${most}", amount=numeral(spent, ".4f"), most=numeral(allowed, ".2f"))
