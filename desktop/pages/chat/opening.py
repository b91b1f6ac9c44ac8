"""Opening a conversation for the window: its models, the settings that were wished, and what endpoints say. No Qt."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from desktop.decision_words import decision_words
from desktop.gguf_files import QUANTISATION
from desktop.language import tr
from engine.errors import BakeoffError
from engine.progress import SilentReporter

if TYPE_CHECKING:
    from engine.inference.budget import Budget
    from engine.inference.chat.conversation import Conversation, Pane
    from engine.inference.chat.session import ChatSession
    from engine.models.library import ExportedFile, ModelFiles
    from engine.workspace import Workspace

#: Code of the failure that there is none; its file is ``MODEL@QUANTISATION`` of what to make.
NO_FILE: Final = "chat.no_file"
#: Tokens of a conversation at most, where nothing else is said.
CONTEXT: Final = 8192


@dataclass(frozen=True)
class Wish:
    """How the models are to answer.

    Attributes:
        seed: None: drawn.
        most: Tokens of an answer; None: until it ends.
    """

    system: str = ""
    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    seed: int | None = None
    most: int | None = None

    @classmethod
    def of(cls, conversation: Conversation) -> Wish:
        """What a conversation has."""
        sampling = conversation.sampling
        return cls(
            conversation.system,
            sampling.temperature,
            sampling.top_p,
            sampling.top_k,
            sampling.min_p,
            sampling.repeat_penalty,
            sampling.seed,
            conversation.max_new_tokens,
        )

    def apply(self, conversation: Conversation) -> None:
        """Let a conversation go on so."""
        from engine.inference.sampling import Sampling

        changes = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "min_p": self.min_p,
            "repeat_penalty": self.repeat_penalty,
            "seed": secrets.randbits(31) if self.seed is None else self.seed,
        }
        conversation.sampling = Sampling.model_validate({**conversation.sampling.model_dump(), **changes})
        conversation.system = self.system
        conversation.max_new_tokens = self.most


@dataclass(frozen=True)
class Asked:
    """Who is to be talked with.

    Attributes:
        names: In the order of the panes.
        conversation: The id of one to go on with; its names count then.
        budget_usd: Ceiling for paid answers; None: there are only free ones.
        context: Tokens of a conversation at most, for local models.
        wish: How they are to answer; None: as before.
        hidden: The names are not shown.
    """

    names: tuple[str, ...] = ()
    conversation: str | None = None
    budget_usd: float | None = None
    context: int = CONTEXT
    wish: Wish | None = None
    hidden: bool = False


@dataclass(frozen=True)
class Opened:
    """A conversation that can go on.

    Attributes:
        held: Gives it back to others when it is closed.
        now: The conversation as it is.
    """

    session: ChatSession
    held: ExitStack
    budget: Budget
    now: Conversation


def open_chat(workspace: Workspace, asked: Asked, note: Callable[[str], None]) -> Opened:
    """Open a conversation; slow, for another thread.

    Args:
        workspace: Where the models are and the conversation is kept.
        asked: Who, and how.
        note: Hears what a user should know, now and while models of endpoints answer; called in other threads.

    Raises:
        BakeoffError: There is no such model or conversation, a budget is missing, or a file has to be made first
            (`NO_FILE`).
    """
    from engine.inference.budget import Budget
    from engine.inference.chat import store
    from engine.inference.chat.opening import open_panes
    from engine.inference.chat.session import ChatSession

    budget = Budget(asked.budget_usd)
    with ExitStack() as stack:
        before = None
        if asked.conversation is not None:
            before = stack.enter_context(store.resumed(workspace, asked.conversation))
        panes, answering = open_panes(
            workspace,
            asked.names,
            lambda name, old: _file(workspace, name, old, note),
            before=before,
            budget=budget,
            context=_context(asked, before),
            reporter=_Told(note),
        )
        talk = before or stack.enter_context(store.begun(workspace, panes))
        talk.panes = panes
        if asked.wish is not None:
            asked.wish.apply(talk)
        session = ChatSession(workspace, talk, answering)
        return Opened(session, stack.pop_all(), budget, session.snapshot())


def _context(asked: Asked, before: Conversation | None) -> int:
    """Tokens of a conversation: as many as it has had so far."""
    panes: Sequence[Pane] = before.panes if before is not None else ()
    return max((pane.context or 0 for pane in panes), default=0) or asked.context


def _file(
    workspace: Workspace, name: str, old: Pane | None, note: Callable[[str], None]
) -> tuple[ModelFiles, ExportedFile]:
    """The file that speaks for a name; it is not made here.

    Raises:
        BakeoffError: There is none yet (`NO_FILE`).
    """
    from engine.inference.contestants import local_file, recorded_file

    if old is not None:
        found = recorded_file(workspace, old.name, old.sha256)
        if found is not None:
            return found
    files, quantisation, export = local_file(workspace, name)
    if export is None:
        raise BakeoffError(
            NO_FILE,
            "'{name}' has no GGUF file yet.",
            fix="Make one first.",
            name=name,
            file=f"{files.name}@{quantisation or QUANTISATION}",
        )
    if old is not None and old.sha256 not in ("", export.sha256):
        note(
            tr(
                "The file that {name} has answered from is gone; it goes on from another one, which counts as "
                "another contestant.",
                name=name,
            )
        )
    return files, export


class _Told(SilentReporter):
    """Passes on what an endpoint does not take, and why nothing comes from it for a while."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        """Tell it."""
        self._note(decision_words(subject, choice, reason))

    def event(self, type: str, /, **data: Any) -> None:
        """Tell that it is asked again."""
        if type == "endpoint.retry":
            self._note(
                tr(
                    "{reason} It is asked again in {seconds} s.",
                    reason=data["reason"],
                    seconds=round(data["wait"]),
                )
            )
