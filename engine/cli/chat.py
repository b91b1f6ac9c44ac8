"""``bakeoff chat``: talk with one model or several side by side, in the terminal."""

from __future__ import annotations

import argparse
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.chat_export import export_examples, export_verdicts
from engine.cli.chat_terminal import SETTINGS, Terminal, changed
from engine.cli.session import Session, table
from engine.cli.visible import visible, whole
from engine.errors import BakeoffError, UsageError
from engine.progress import SilentReporter

if TYPE_CHECKING:
    from engine.inference.chat.answering import Answering
    from engine.inference.chat.conversation import Conversation, Pane

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    chat = commands.add_parser(
        "chat", help="talk with one model or several side by side", parents=[everywhere]
    )
    chat.add_argument(
        "models", nargs="*", metavar="MODEL", help="a model, MODEL@QUANT for a GGUF file, or ENDPOINT:MODEL"
    )
    chat.add_argument("--continue", dest="continued", metavar="ID", help="go on with a saved conversation")
    chat.add_argument("--list", action="store_true", help="list saved conversations")
    chat.add_argument(
        "--dataset-export",
        metavar="FILE",
        help="with --continue: only write its answers that won votes as dataset examples",
    )
    chat.add_argument(
        "--verdicts",
        metavar="FILE.csv",
        help="only write the votes of all conversations, for: bakeoff rank --verdicts FILE.csv",
    )
    chat.add_argument("--system", metavar="TEXT", help="the system message")
    chat.add_argument(
        "--temperature", type=float, metavar="T", help="0 takes the likeliest token (default: 0.7)"
    )
    chat.add_argument("--top-k", type=int, metavar="K")
    chat.add_argument("--top-p", type=float, metavar="P")
    chat.add_argument("--min-p", type=float, metavar="P")
    chat.add_argument("--repeat-penalty", type=float, metavar="R")
    chat.add_argument(
        "--seed", type=int, metavar="S", help="the same seed draws the same (default: another each time)"
    )
    chat.add_argument("--max-new-tokens", type=int, metavar="N", help="longest answer")
    chat.add_argument(
        "--context", type=int, default=8192, metavar="N", help="tokens of a conversation (default: 8192)"
    )
    chat.add_argument("--budget-usd", type=float, metavar="X", help="ceiling for paid answers")
    chat.set_defaults(run=_chat)


def _chat(options: argparse.Namespace, session: Session) -> Result:
    from engine.inference.chat import store
    from engine.inference.chat.session import ChatSession

    if options.list:
        return _listed(session)
    if options.verdicts is not None:
        return export_verdicts(session, Path(options.verdicts), options.continued)
    if options.continued is None and not options.models:
        raise UsageError("usage.chat", "Nobody is named to talk with.", fix="Name a model, or --continue ID.")
    if options.max_new_tokens is not None and options.max_new_tokens < 1:
        raise UsageError(
            "usage.chat_tokens", "--max-new-tokens has to be 1 or more.", fix="Leave it out for no limit."
        )
    if options.context < 16:
        raise UsageError("usage.chat_context", "--context has to be 16 tokens or more.", fix="Leave it out.")
    if options.dataset_export is not None:
        if options.continued is None:
            raise UsageError(
                "usage.chat_export", "--dataset-export needs --continue ID.", fix="See: bakeoff chat --list"
            )
        kept = store.load(session.workspace, options.continued)
        return export_examples(kept, Path(options.dataset_export), None)
    with ExitStack() as stack:
        before = None
        if options.continued is not None:
            before = stack.enter_context(store.resumed(session.workspace, options.continued))
            _require_same(before, options.models)
        panes, answering = _opened(options, session, before)
        for one in answering:
            stack.enter_context(closing(one))
        conversation = before or stack.enter_context(store.begun(session.workspace, panes))
        conversation.panes = panes
        _set_up(conversation, options)
        talk = ChatSession(session.workspace, conversation, answering)
        try:
            session.end_progress()
            Terminal(session, talk).run()
        except KeyboardInterrupt:
            if conversation.turns:
                talk.save()
                session.say(_saved_as(conversation))
            raise
        kept_it = store.is_saved(session.workspace, conversation)
        return conversation.model_dump(mode="json"), _saved_as(conversation) if kept_it else ""


def _saved_as(conversation: Conversation) -> str:
    return f"Saved as {conversation.id}; go on with: bakeoff chat --continue {conversation.id}"


class _Told(SilentReporter):
    """Tells a person what an endpoint does not take, and why nothing comes from it for a while."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        """Say it."""
        self._session.say(visible(f"  {subject}: {choice} ({reason})"))

    def event(self, type: str, /, **data: Any) -> None:
        """Say that it is asked again."""
        if type == "endpoint.retry":
            self._session.say(visible(f"  {data['reason']} It is asked again in {data['wait']:.0f} s."))


def _opened(
    options: argparse.Namespace, session: Session, before: Conversation | None
) -> tuple[list[Pane], list[Answering]]:
    """The panes, and who answers in them; files that are not there yet are made."""
    from engine.cli.exported import gguf_of, gguf_of_pane
    from engine.inference.budget import Budget
    from engine.inference.chat.opening import open_panes

    return open_panes(
        session.workspace,
        options.models,
        lambda name, old: gguf_of(session, name) if old is None else gguf_of_pane(session, old),
        before=before,
        budget=Budget(options.budget_usd),
        context=options.context,
        reporter=_Told(session),
    )


def _require_same(conversation: Conversation, names: list[str]) -> None:
    """See that those who go on with a conversation, where they are named, are those who began it."""
    before = [pane.name for pane in conversation.panes]
    if names and before != names:
        raise BakeoffError(
            "chat.others",
            "The conversation was held with {names}.",
            fix="Leave the models out to go on with them, or begin a new conversation.",
            names=", ".join(before),
        )


def _set_up(conversation: Conversation, options: argparse.Namespace) -> None:
    """What the command line says about system message, sampling and length."""
    import secrets

    changes = {name: getattr(options, name) for name in SETTINGS if getattr(options, name) is not None}
    if not conversation.turns:
        changes.setdefault("seed", secrets.randbits(31))
    conversation.sampling = changed(conversation.sampling, changes)
    if options.system is not None:
        conversation.system = whole(options.system)
    if options.max_new_tokens is not None:
        conversation.max_new_tokens = options.max_new_tokens


def _listed(session: Session) -> Result:
    from engine.inference.chat import store

    found, damaged = store.saved(session.workspace)
    for error in damaged:
        session.say(visible(error.sentence()))
    document: list[dict[str, Any]] = [
        {
            "id": one.id,
            "created": datetime.fromtimestamp(one.created, UTC).isoformat(timespec="seconds"),
            "models": [pane.name for pane in one.panes],
            "turns": len(one.turns),
            "votes": sum(turn.vote is not None for turn in one.turns),
            "first": one.turns[0].prompt if one.turns else "",
        }
        for one in found
    ]
    rows = [
        [row["id"], ", ".join(row["models"]), str(row["turns"]), " ".join(row["first"].split())[:50]]
        for row in document
    ]
    text = table(["ID", "Models", "Turns", "First message"], rows) if rows else "No conversations yet."
    return document, visible(text)
