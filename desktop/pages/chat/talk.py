"""A conversation under way: its models answer in threads, what they say is told a few times a second. QtCore only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.language import tr
from desktop.problem import Problem, problem_of
from desktop.services import Services
from engine.errors import BakeoffError
from engine.progress import SilentReporter

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Conversation, Pane
    from engine.inference.chat.session import ChatSession, Heard
    from engine.models.library import ExportedFile, ModelFiles
    from engine.workspace import Workspace

#: Milliseconds between two looks at what was said.
_EVERY: Final = 60
#: Seconds that the models of the conversation before may take to end.
_FAREWELL: Final = 20.0
#: What is made of a model that has no GGUF file yet.
QUANTISATION: Final = "q8_0"


@dataclass(frozen=True)
class Wish:
    """How the models are to answer.

    Attributes:
        seed: None: drawn when the conversation begins.
        most: Tokens of an answer; None: until it ends.
    """

    system: str = ""
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    most: int | None = None


@dataclass
class _Live:
    """What a thread has heard since it was looked at last; guarded by the talk's lock."""

    pieces: dict[int, list[str]] = field(default_factory=dict)
    speaking: int | None = None
    offers: dict[int, int] = field(default_factory=dict)
    fresh: Conversation | None = None
    notes: list[str] = field(default_factory=list)


class Talk(QObject):
    """One conversation; it is held, so that nobody else goes on with it, until it is closed."""

    #: There are panes now, or others.
    opened = Signal()
    #: Somebody has said something, or has ended.
    heard = Signal()
    #: It could not be opened or gone on with; carries a `Problem`.
    failed = Signal(object)
    #: A model has no GGUF file; carries ``MODEL@QUANTISATION`` of what to make.
    missing = Signal(str)

    def __init__(self, services: Services, parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        self._session: ChatSession | None = None
        self._held = ExitStack()
        self._stop = threading.Event()
        self._stopped_pane: int | None = None
        self._lock = threading.Lock()
        self._live = _Live()
        #: Ends the models of the conversation before; its lock is given back then.
        self._ending: threading.Thread | None = None
        self._timer = QTimer(self, interval=_EVERY)
        self._timer.timeout.connect(self._look)
        #: As it was after the last answer.
        self.conversation: Conversation | None = None
        #: What panes are saying at the moment, by their numbers.
        self.saying: dict[int, str] = {}
        #: Who is speaking; None: nobody.
        self.speaking: int | None = None
        #: Panes whose conversation has become too long, and how many of the oldest turns could be left out.
        self.offers: dict[int, int] = {}
        #: What endpoints have said about themselves.
        self.notes: list[str] = []
        self.busy = False

    def begin(
        self, names: tuple[str, ...], wish: Wish, budget_usd: float | None, context: int = 8192
    ) -> None:
        """Open a new conversation with some models."""
        workspace = self._services.workspace

        def work() -> tuple[ChatSession, ExitStack]:
            return _opened(workspace, names, None, wish, budget_usd, context, self._note)

        self._open(work)

    def resume(self, conversation: str, budget_usd: float | None) -> None:
        """Open one that was saved."""
        workspace = self._services.workspace

        def work() -> tuple[ChatSession, ExitStack]:
            return _opened(workspace, (), conversation, None, budget_usd, 8192, self._note)

        self._open(work)

    def set_up(self, wish: Wish) -> None:
        """Answer otherwise from now on."""
        session = self._session
        if session is None or self.busy:
            return
        try:
            _apply(session.conversation, wish)
        except (BakeoffError, ValueError) as error:
            self.failed.emit(problem_of(error))
            return
        self.conversation = session.conversation.model_copy(deep=True)

    def ask(self, prompt: str) -> None:
        """Put a prompt to all."""
        session = self._session
        if session is not None and not self.busy:
            self._run(lambda: session.ask(prompt, self._is_stopped))

    def again(self, pane: int) -> None:
        """Let one answer again."""
        session = self._session
        if session is not None and not self.busy:
            self._run(lambda: session.answer(pane, self._is_stopped))

    def leave_out(self, pane: int) -> None:
        """Do not show the oldest turns to a pane any more, and let it answer."""
        session, turns = self._session, self.offers.pop(pane, 0)
        if session is not None and not self.busy and turns:
            session.conversation.leave_out(pane, turns)
            self.again(pane)

    def vote(self, better: int | str) -> None:
        """Say whose answer to the last prompt is better, or that they are alike (``tie``)."""
        session = self._session
        if session is None or self.busy:
            return
        try:
            session.conversation.vote(better)  # type: ignore[arg-type]
        except BakeoffError as error:
            self.failed.emit(problem_of(error))
            return
        self.conversation = session.conversation.model_copy(deep=True)
        self._services.background.run(self, session.save, lambda _none: None, self.failed.emit)
        self.heard.emit()

    def stop(self) -> None:
        """End what is being said; those who have not begun say nothing."""
        self._stop.set()

    def stop_pane(self, pane: int) -> None:
        """End what one is saying; the next goes on."""
        self._stopped_pane = pane

    def close(self) -> None:
        """End all models."""
        self._stop.set()
        self._timer.stop()
        session, self._session = self._session, None
        held, self._held = self._held, ExitStack()
        self.conversation, self.saying, self.speaking, self.offers = None, {}, None, {}
        if session is not None:
            # Ends their processes, and so what a thread may still listen to.
            self._ending = threading.Thread(target=_end, args=(session, held), daemon=True)
            self._ending.start()

    def _open(self, work: Callable[[], tuple[ChatSession, ExitStack]]) -> None:
        self.close()
        self.busy = True
        ending = self._ending

        def open_next() -> tuple[ChatSession, ExitStack]:
            if ending is not None:
                ending.join(_FAREWELL)
            return work()

        def done(opened: tuple[ChatSession, ExitStack]) -> None:
            self.busy = False
            self._session, self._held = opened
            self.conversation = opened[0].conversation.model_copy(deep=True)
            self.notes = []
            self.opened.emit()

        def failed(problem: Problem) -> None:
            self.busy = False
            if problem.code == "chat.no_file":
                self.missing.emit(problem.file)
            else:
                self.failed.emit(problem)

        self._services.background.run(self, open_next, done, failed)

    def _run(self, speak: Callable[[], Iterator[Heard]]) -> None:
        session = self._session
        if session is None:
            return
        self.busy = True
        self._stop.clear()
        self._stopped_pane = None
        with self._lock:
            self._live = _Live()
        self.saying = {}

        def work() -> None:
            from engine.inference.chat.conversation import Answer

            for one in speak():
                with self._lock:
                    live = self._live
                    live.speaking = one.pane
                    if isinstance(one.what, str):
                        live.pieces.setdefault(one.pane, []).append(one.what)
                        continue
                    if isinstance(one.what, Answer) or one.to_leave_out is None:
                        live.offers.pop(one.pane, None)
                    else:
                        live.offers[one.pane] = one.to_leave_out
                    live.fresh = session.conversation.model_copy(deep=True)
                if self._stopped_pane == one.pane:
                    self._stopped_pane = None
                if self._stop.is_set():
                    break

        def done(_none: object) -> None:
            self._end(session)

        def failed(problem: Problem) -> None:
            self._end(session)
            self.failed.emit(problem)

        self._timer.start()
        self._services.background.run(self, work, done, failed)
        self.conversation = session.conversation.model_copy(deep=True)
        self.heard.emit()

    def _end(self, session: ChatSession) -> None:
        self._timer.stop()
        if session is not self._session:
            return
        self._look()
        self.busy, self.speaking, self.saying = False, None, {}
        self.conversation = session.conversation.model_copy(deep=True)
        self.heard.emit()

    def _is_stopped(self) -> bool:
        with self._lock:
            speaking = self._live.speaking
        return self._stop.is_set() or (self._stopped_pane is not None and self._stopped_pane == speaking)

    def _note(self, sentence: str) -> None:
        with self._lock:
            self._live.notes.append(sentence)

    def _look(self) -> None:
        """Take over what was heard since the last look."""
        with self._lock:
            live, self._live = self._live, _Live(speaking=self._live.speaking, offers=dict(self._live.offers))
        if live.fresh is not None:
            self.conversation = live.fresh
            turn = live.fresh.turns[-1] if live.fresh.turns else None
            done = set() if turn is None else {*turn.answers, *turn.failures}
            self.saying = {
                pane: text for pane, text in self.saying.items() if pane not in done or pane == live.speaking
            }
        for pane, pieces in live.pieces.items():
            self.saying[pane] = self.saying.get(pane, "") + "".join(pieces)
        self.notes += live.notes
        self.speaking, self.offers = live.speaking, dict(live.offers)
        if live.fresh is not None or live.pieces or live.notes:
            self.heard.emit()


def _end(session: ChatSession, held: ExitStack) -> None:
    session.close()
    held.close()


class _Told(SilentReporter):
    """Passes on what an endpoint does not take, and why nothing comes from it for a while."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        """Tell it."""
        self._note(f"{subject}: {choice} ({reason})")

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


def _opened(
    workspace: Workspace,
    names: tuple[str, ...],
    conversation: str | None,
    wish: Wish | None,
    budget_usd: float | None,
    context: int,
    note: Callable[[str], None],
) -> tuple[ChatSession, ExitStack]:
    from engine.inference.budget import Budget
    from engine.inference.chat import store
    from engine.inference.chat.opening import open_panes
    from engine.inference.chat.session import ChatSession

    held = ExitStack()
    with ExitStack() as stack:
        before = None if conversation is None else stack.enter_context(store.resumed(workspace, conversation))
        panes, answering = open_panes(
            workspace,
            names,
            lambda name, old: _file(workspace, name, old),
            before=before,
            budget=Budget(budget_usd),
            context=context,
            reporter=_Told(note),
        )
        talk = before or stack.enter_context(store.begun(workspace, panes))
        talk.panes = panes
        if wish is not None:
            _apply(talk, wish)
        held = stack.pop_all()
    return ChatSession(workspace, talk, answering), held


def _file(workspace: Workspace, name: str, old: Pane | None) -> tuple[ModelFiles, ExportedFile]:
    """The file that speaks for a name; it is not made here.

    Raises:
        BakeoffError: There is none yet (``chat.no_file``).
    """
    from engine.inference.contestants import local_file, recorded_file

    if old is not None:
        found = recorded_file(workspace, old.name, old.sha256)
        if found is not None:
            return found
    files, quantisation, export = local_file(workspace, name)
    if export is None:
        raise BakeoffError(
            "chat.no_file",
            "'{name}' has no GGUF file yet.",
            fix="Make one first.",
            name=name,
            file=f"{files.name}@{quantisation or QUANTISATION}",
        )
    return files, export


def _apply(conversation: Conversation, wish: Wish) -> None:
    import secrets

    from engine.inference.sampling import Sampling

    changes = {
        name: value
        for name in ("temperature", "top_p", "top_k", "seed")
        if (value := getattr(wish, name)) is not None
    }
    if not conversation.turns:
        changes.setdefault("seed", secrets.randbits(31))
    conversation.sampling = Sampling.model_validate({**conversation.sampling.model_dump(), **changes})
    conversation.system = wish.system
    conversation.max_new_tokens = wish.most
