"""Answers under way: heard in a thread, gathered, and taken by the window a few times a second. Knows no Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Conversation
    from engine.inference.chat.session import ChatSession


@dataclass
class News:
    """What happened since the last look.

    Attributes:
        begun: Panes that speak now; ``ended`` those that do no more.
        pieces: What panes have said.
        offers: So many of the oldest turns could be left out for a pane whose conversation is too long; 0: none.
        conversation: As it is now, where somebody has ended.
    """

    begun: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    pieces: dict[int, list[str]] = field(default_factory=dict)
    offers: dict[int, int] = field(default_factory=dict)
    conversation: Conversation | None = None

    def __bool__(self) -> bool:
        return bool(self.begun or self.ended or self.pieces or self.conversation is not None)


class Run:
    """Some panes answer.

    Args:
        session: Where.
        panes: Their numbers.
        prepare: Done first, in the thread.
    """

    def __init__(self, session: ChatSession, panes: Sequence[int], prepare: Callable[[], None]) -> None:
        self.session = session
        self.panes = tuple(panes)
        #: Set when nothing is heard any more.
        self.over = threading.Event()
        self._prepare = prepare
        self._stop = threading.Event()
        self._stopped = set[int]()
        self._lock = threading.Lock()
        self._news = News()

    def work(self) -> None:
        """Listen until all have ended; for another thread."""
        from engine.inference.chat.together import answer_together

        try:
            self._prepare()
            self._tell_conversation()
            for one in answer_together(self.session, self.panes, self._is_stopped):
                if isinstance(one.what, str):
                    with self._lock:
                        self._news.begun.add(one.pane)
                        if one.what:
                            self._news.pieces.setdefault(one.pane, []).append(one.what)
                    continue
                self._tell_conversation(one.pane, one.to_leave_out or 0)
        finally:
            self.over.set()

    def stop(self, pane: int | None = None) -> None:
        """End what one is saying, or what all are; who has not begun says nothing."""
        if pane is None:
            self._stop.set()
        else:
            self._stopped.add(pane)

    def take(self) -> News:
        """What happened since this was asked last."""
        with self._lock:
            news, self._news = self._news, News()
        return news

    def _is_stopped(self, pane: int) -> bool:
        return self._stop.is_set() or pane in self._stopped

    def _tell_conversation(self, ended: int | None = None, offer: int = 0) -> None:
        now = self.session.snapshot()
        with self._lock:
            self._news.conversation = now
            if ended is not None:
                self._news.ended.add(ended)
                self._news.offers[ended] = offer
