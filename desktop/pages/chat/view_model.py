"""Who can be talked with, what was talked, and the conversation under way. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from desktop.gguf_files import FileMaker, Local, local_models
from desktop.language import filled, tr
from desktop.pages.chat.opening import Asked
from desktop.pages.chat.talk import Talk
from desktop.problem import Problem
from desktop.services import Services
from desktop.view_model import ViewModel
from desktop.ways import in_the_window
from engine.errors import BakeoffError


@dataclass(frozen=True)
class Saved:
    """A conversation on disk.

    Attributes:
        models: Names of those who took part.
        paid: Whether models behind endpoints are among them.
        first: What was asked first.
    """

    id: str
    created: float
    models: tuple[str, ...]
    paid: bool
    turns: int
    votes: int
    first: str


@dataclass(frozen=True)
class Making:
    """A GGUF file that a conversation waits for.

    Attributes:
        name: ``MODEL@QUANTISATION``.
        job: The job that makes it.
    """

    name: str
    job: str


@dataclass(frozen=True)
class ChatState:
    """What the page shows beside the conversation.

    Attributes:
        endpoints: Names of those whose models can be asked.
        saved: Newest first.
        damaged: Why other conversations cannot be read, a sentence each.
    """

    models: tuple[Local, ...] = ()
    endpoints: tuple[str, ...] = ()
    saved: tuple[Saved, ...] = ()
    damaged: tuple[str, ...] = ()

    def kind_of(self, name: str) -> str:
        """The kind of the model that a name, ``MODEL`` or ``MODEL@QUANTISATION``, is of; empty where unknown."""
        names = (name, name.rpartition("@")[0])
        return next((model.kind for model in self.models if model.name in names), "")


class ChatModel(ViewModel[ChatState]):
    """Lists models and conversations, and holds the one under way."""

    #: A file that a conversation waits for is being made, or is no longer.
    making_changed = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, ChatState(), parent)
        self.talk = Talk(services, self)
        self.making: Making | None = None
        #: Who is to be talked with when the file is there.
        self._waits: Asked | None = None
        self._maker = FileMaker(services, self)
        self._turns = 0
        self.talk.heard.connect(self._follow)
        self.talk.opened.connect(self._drop_making)
        self.talk.missing.connect(self._make_file)
        self._maker.begun.connect(self._show_making)
        self._maker.made.connect(self._go_on)
        self._maker.failed.connect(self._not_made)
        self._maker.stopped.connect(self._drop_making)

    def read(self) -> Callable[[], ChatState]:
        """See `ViewModel`."""
        workspace = self.services.workspace

        def read() -> ChatState:
            from sqlalchemy import select

            from engine.inference.chat import store
            from engine.workspace.tables import Endpoint

            with workspace.catalogue.reading() as session:
                endpoints = tuple(session.scalars(select(Endpoint.name).order_by(Endpoint.name)))
            kept, damaged = store.saved(workspace)
            saved = tuple(
                Saved(
                    one.id,
                    one.created,
                    tuple(pane.name for pane in one.panes),
                    any(pane.kind == "api" for pane in one.panes),
                    len(one.turns),
                    sum(turn.vote is not None for turn in one.turns),
                    one.turns[0].prompt if one.turns else "",
                )
                for one in kept
            )
            return ChatState(
                local_models(workspace), endpoints, saved, tuple(_words(error) for error in damaged)
            )

        return read

    def write_examples(self, file: Path, pane: int | None) -> None:
        """Write the answers that won a vote, or all that one pane said, as examples of a dataset."""
        conversation = self.talk.conversation
        if conversation is None:
            return

        def write() -> tuple[int, int]:
            from engine.inference.chat.exporting import write_examples

            return write_examples(conversation, file, pane)

        def done(numbers: tuple[int, int]) -> None:
            written, left_out = numbers
            if left_out:
                self.told.emit(
                    tr(
                        "Examples in {file}: {count}. Left out: {left_out} empty, refused or stopped answers.",
                        count=written,
                        file=file.name,
                        left_out=left_out,
                    )
                )
            else:
                self.told.emit(
                    tr(
                        "Examples in {file}: {count}. Drop the file on Datasets to train on it.",
                        count=written,
                        file=file.name,
                    )
                )

        self.do(write, done)

    def gather_examples(self, pane: int | None, done: Callable[[Path], None]) -> None:
        """Make the same examples ready for an import; ``done`` gets their file."""
        conversation, workspace = self.talk.conversation, self.services.workspace
        if conversation is None:
            return

        def gather() -> Path:
            from engine.inference.chat.exporting import gather_examples

            return gather_examples(workspace, conversation, pane)

        self.do(gather, done)

    def write_votes(self, file: Path) -> None:
        """Write all votes as verdicts that a ranking can be made of."""
        workspace = self.services.workspace

        def write() -> tuple[int, int]:
            from engine.inference.chat.exporting import write_votes

            number, damaged = write_votes(workspace, file, None)
            return number, len(damaged)

        def done(numbers: tuple[int, int]) -> None:
            written, damaged = numbers
            if damaged:
                self.told.emit(
                    tr(
                        "Verdicts in {file}: {count}. Conversations that could not be read: {damaged}.",
                        count=written,
                        file=file.name,
                        damaged=damaged,
                    )
                )
            else:
                self.told.emit(tr("Verdicts in {file}: {count}.", count=written, file=file.name))

        self.do(write, done)

    @Slot(object, str)
    def _make_file(self, asked: Asked, name: str) -> None:
        """Make the GGUF file that a conversation wants; it begins by itself when the file is there."""
        self._waits = asked
        self._maker.make((name,))

    @Slot()
    def _show_making(self) -> None:
        """The file is on its way."""
        ((name, job),) = self._maker.jobs.items()
        if self._waits is not None:
            self.making = Making(name, job)
            self.making_changed.emit()

    @Slot()
    def _go_on(self) -> None:
        """Begin: the file that a conversation waits for is there."""
        asked = self._waits
        self._drop_making()
        if asked is not None:
            self.talk.begin(asked)

    @Slot(object)
    def _not_made(self, problem: Problem) -> None:
        """The file that a conversation waits for could not be made."""
        self._drop_making()
        self.failed.emit(problem)

    @Slot()
    def _drop_making(self) -> None:
        """Nothing is waited for any more."""
        self._maker.drop()
        self._waits = None
        if self.making is not None:
            self.making = None
            self.making_changed.emit()

    @Slot()
    def _follow(self) -> None:
        """The list of conversations shows how many turns there are."""
        conversation = self.talk.conversation
        turns = len(conversation.turns) if conversation is not None else 0
        if turns != self._turns:
            self._turns = turns
            self.refresh()


def _words(error: BakeoffError) -> str:
    return " ".join(filter(None, error.told(in_the_window, filled)))
