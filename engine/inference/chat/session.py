"""A conversation that goes on: asks the panes, keeps what they say, saves it after every answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.errors import BakeoffError
from engine.inference.chat import store
from engine.inference.chat.answering import Answering
from engine.inference.chat.conversation import Answer, Conversation, Turn
from engine.inference.chat.errors import ChatError
from engine.workspace import Workspace

_FULL = "answers.context_full"


@dataclass(frozen=True)
class Heard:
    """Something that a pane said.

    Attributes:
        pane: Its number, from 0.
        what: A piece of text, the finished answer, or why there is none.
        to_leave_out: Where the conversation has become too long for it: so many of its oldest turns could be left
            out, which only the user decides.
    """

    pane: int
    what: str | Answer | BakeoffError
    to_leave_out: int | None = None


class ChatSession:
    """A conversation and those who answer in it.

    Args:
        workspace: Where it is saved.
        conversation: As far as it has come; held (see `engine.inference.chat.store`), where others could open it.
        answering: One per pane.
    """

    def __init__(
        self, workspace: Workspace, conversation: Conversation, answering: Sequence[Answering]
    ) -> None:
        self._workspace = workspace
        self.conversation = conversation
        self._answering = list(answering)
        self._lock = threading.RLock()

    def snapshot(self) -> Conversation:
        """A copy of the conversation as it is now, also while panes answer in other threads."""
        with self._lock:
            return self.conversation.model_copy(deep=True)

    def ask(self, prompt: str, stopped: Callable[[], bool] = lambda: False) -> Iterator[Heard]:
        """Put a prompt to all panes, one after another (`engine.inference.chat.together` has them speak at once).

        Args:
            prompt: The user's message.
            stopped: Asked before each token; ends the answer of the pane that is speaking. Whoever stops only
                one pane takes it back when that one has ended, before listening on.

        Raises:
            ChatError: The prompt is empty.
        """
        self.put(prompt)
        for pane in range(len(self._answering)):
            yield from self.answer(pane, stopped)

    def put(self, prompt: str) -> None:
        """Begin a turn; nobody has answered in it yet.

        Raises:
            ChatError: The prompt is empty.
        """
        if not prompt.strip():
            raise ChatError("chat.empty", "There is nothing to ask.", fix="Write a message.")
        with self._lock:
            self.conversation.turns.append(Turn(prompt=prompt))
            self.save()

    def answer(self, pane: int, stopped: Callable[[], bool] = lambda: False) -> Iterator[Heard]:
        """Let one pane answer the last prompt, or answer it again; a vote on it is forgotten.

        Several panes may answer at the same time, each in a thread.

        Raises:
            ChatError: Nothing was asked yet, or there is no such pane.
        """
        if not self.conversation.turns:
            raise ChatError("chat.nothing_asked", "Nothing was asked yet.", fix="Write a message.")
        if not 0 <= pane < len(self._answering):
            raise ChatError(
                "chat.no_pane",
                "There is no pane {number}.",
                fix="There are {count}.",
                number=pane + 1,
                count=len(self._answering),
            )
        turn = self.conversation.turns[-1]
        messages = self.conversation.messages(pane, len(self.conversation.turns) - 1)
        sampling, system = self.conversation.sampling, self.conversation.system
        if pane in turn.answers:
            # The same seed would say the same again.
            sampling = sampling.model_copy(
                update={"seed": (turn.answers[pane].sampling.seed + 1) % (2**32 - 1)}
            )
        try:
            for piece in self._answering[pane].answer(
                messages, sampling, self.conversation.max_new_tokens, stopped
            ):
                if isinstance(piece, Answer):
                    asked = self.conversation.panes[pane]
                    identity = {"sha256": asked.sha256, "quantisation": asked.quantisation}
                    shown = {"left_out": asked.left_out, "system": system}
                    piece = piece.model_copy(update={**identity, **shown})
                    with self._lock:
                        turn.answers[pane] = piece
                        turn.failures.pop(pane, None)
                        turn.vote = None
                        self.save()
                yield Heard(pane, piece)
        except BakeoffError as error:
            full = error.code == _FULL
            with self._lock:
                turn.failures[pane] = error.sentence()
                self.save()
            yield Heard(pane, error, self.conversation.to_leave_out(pane) if full else None)

    def vote(self, better: int | Literal["tie"]) -> None:
        """Say whose answer to the last prompt is better, and keep that (see `Conversation.vote`)."""
        with self._lock:
            self.conversation.vote(better)
            self.save()

    def save(self) -> None:
        """Write it to disk."""
        with self._lock:
            store.save(self._workspace, self.conversation)

    def close(self) -> None:
        """End all panes."""
        for one in self._answering:
            one.close()
