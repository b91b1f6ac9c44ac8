"""Who can be talked with, what was talked, and the conversation under way. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from desktop.language import tr
from desktop.pages.chat.talk import QUANTISATION, Talk
from desktop.services import Services
from desktop.view_model import ViewModel
from engine.errors import Words


@dataclass(frozen=True)
class Saved:
    """A conversation on disk.

    Attributes:
        models: Names of those who took part.
        first: What was asked first.
    """

    id: str
    created: float
    models: tuple[str, ...]
    turns: int
    votes: int
    first: str


@dataclass(frozen=True)
class ChatState:
    """What the page shows beside the conversation.

    Attributes:
        models: Names of models, each with the quantisations of its GGUF files.
        endpoints: Names of those whose models can be asked.
        saved: Newest first.
    """

    models: tuple[tuple[str, tuple[str, ...]], ...] = ()
    endpoints: tuple[str, ...] = ()
    saved: tuple[Saved, ...] = ()


class ChatModel(ViewModel[ChatState]):
    """Lists models and conversations, and holds the one under way."""

    #: A file of examples was written; carries its path.
    examples = Signal(object)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, ChatState(), parent)
        self.talk = Talk(services, self)
        self.talk.heard.connect(self._follow)
        self.talk.opened.connect(self.refresh)
        self._turns = 0

    def read(self) -> Callable[[], ChatState]:
        """See `ViewModel`."""
        workspace = self.services.workspace

        def read() -> ChatState:
            from sqlalchemy import select

            from engine.inference.chat import store
            from engine.workspace.tables import Endpoint, Export, Model

            with workspace.catalogue.reading() as session:
                files: dict[str, list[str]] = {}
                for export in session.scalars(select(Export).order_by(Export.created_at)):
                    files.setdefault(export.model_id, []).append(export.quantisation)
                models = tuple(
                    (row.name, tuple(dict.fromkeys(files.get(row.id, []))))
                    for row in session.scalars(select(Model).order_by(Model.created_at.desc()))
                )
                endpoints = tuple(session.scalars(select(Endpoint.name).order_by(Endpoint.name)))
            kept, _ = store.saved(workspace)
            saved = tuple(
                Saved(
                    one.id,
                    one.created,
                    tuple(pane.name for pane in one.panes),
                    len(one.turns),
                    sum(turn.vote is not None for turn in one.turns),
                    one.turns[0].prompt if one.turns else "",
                )
                for one in kept
            )
            return ChatState(models, endpoints, saved)

        return read

    def make_file(self, name: str, done: Callable[[str], None]) -> None:
        """Make the GGUF file ``MODEL@QUANTISATION`` that a conversation wants; tells under which job."""
        client = self.services.client
        model, _, quantisation = name.rpartition("@")

        def submit() -> str:
            from engine.exporting.spec import ExportSpec

            spec = ExportSpec(model=model, quantisation=quantisation or QUANTISATION)
            job = client.submit(
                "export", spec, Words("Export {model} as {form}", model=model, form=spec.quantisation)
            )
            client.ensure_runner()
            return job.id

        self.do(submit, done)

    def export_examples(self, file: Path, pane: int | None) -> None:
        """Write the answers that won a vote, or the last one of a pane, as examples of a dataset."""
        conversation = self.talk.conversation
        if conversation is None:
            return

        def write() -> tuple[int, int]:
            from engine.inference.chat.exporting import write_examples

            return write_examples(conversation, file, pane)

        def done(numbers: tuple[int, int]) -> None:
            self.told.emit(tr("{count} examples are in {file}.", count=numbers[0], file=file.name))
            self.examples.emit(file)

        self.do(write, done)

    def export_votes(self, file: Path) -> None:
        """Write all votes as verdicts that a ranking can be made of."""
        workspace = self.services.workspace

        def write() -> int:
            from engine.inference.chat.exporting import write_votes

            return write_votes(workspace, file, None)[0]

        def done(number: int) -> None:
            self.told.emit(tr("{count} verdicts are in {file}.", count=number, file=file.name))

        self.do(write, done)

    @Slot()
    def _follow(self) -> None:
        """The list of conversations shows how many turns there are."""
        conversation = self.talk.conversation
        turns = len(conversation.turns) if conversation is not None else 0
        if turns != self._turns:
            self._turns = turns
            self.refresh()
