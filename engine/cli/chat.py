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
from engine.errors import BakeoffError, UsageError

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
    kept = store.load(session.workspace, options.continued) if options.continued else None
    if options.dataset_export is not None:
        if kept is None:
            raise UsageError(
                "usage.chat_export", "--dataset-export needs --continue ID.", fix="See: bakeoff chat --list"
            )
        return export_examples(kept, Path(options.dataset_export), None)
    names = options.models or [pane.name for pane in kept.panes] if kept else options.models
    with ExitStack() as stack:
        if kept is not None:
            stack.callback(store.hold(session.workspace, kept).release)
        panes, answering = _opened(names, options, session, kept)
        for one in answering:
            stack.enter_context(closing(one))
        conversation = kept or store.begin(panes)
        if kept is None:
            stack.callback(store.hold(session.workspace, conversation).release)
        _require_same(conversation, panes)
        conversation.remember_files()
        conversation.panes = [
            pane.model_copy(update={"left_out": old.left_out})
            for pane, old in zip(panes, conversation.panes, strict=True)
        ]
        _set_up(conversation, options)
        talk = ChatSession(session.workspace, conversation, answering)
        Terminal(session, talk).run()
        document = conversation.model_dump(mode="json")
        return document, f"Saved as {conversation.id}; go on with: bakeoff chat --continue {conversation.id}"


def _opened(
    names: list[str], options: argparse.Namespace, session: Session, kept: Conversation | None
) -> tuple[list[Pane], list[Answering]]:
    """The panes, and who answers in them; local models are loaded with their first question.

    Args:
        kept: A conversation to go on with: the files that answered in it go on, as far as they are there.
    """
    from engine.cli.exported import gguf_of
    from engine.inference.access import open_endpoint
    from engine.inference.budget import Budget
    from engine.inference.chat.answering import LocalAnswering, PaidAnswering
    from engine.inference.chat.conversation import Pane
    from engine.inference.contestants import speaker
    from engine.inference.paid import require_budget
    from engine.inference.talking.client import Loading
    from engine.models.library import export_with
    from engine.progress import SilentReporter

    speakers = [speaker(session.workspace, name) for name in names]
    require_budget(session.workspace, [one for one in speakers if one is not None], options.budget_usd)
    budget = Budget(options.budget_usd)
    panes: list[Pane] = []
    answering: list[Answering] = []
    before = {pane.name: pane for pane in kept.panes} if kept is not None else {}
    for name, paid in zip(names, speakers, strict=True):
        if paid is not None:
            endpoint = open_endpoint(session.workspace, paid[0], budget, SilentReporter())
            panes.append(Pane(name=name, kind="api", model=paid[1]))
            answering.append(PaidAnswering(endpoint, paid[1]))
            continue
        files, export = gguf_of(session, name)
        old = before.get(name)
        if old is not None and old.sha256 and old.sha256 != export.sha256:
            same = export_with(session.workspace, files, old.sha256)
            if same is None:
                session.say(
                    f"  {name}: the file that answered before ({old.quantisation}, {old.sha256[:12]}) is gone; "
                    f"{export.quantisation}, {export.sha256[:12]} goes on, and its votes are its own."
                )
            export = same or export
        panes.append(
            Pane(
                name=name,
                kind="local",
                file=str(export.file),
                sha256=export.sha256,
                quantisation=export.quantisation,
                context=options.context,
            )
        )
        answering.append(
            LocalAnswering(Loading(export.file, files.folder, files.base_folder, options.context))
        )
    return panes, answering


def _require_same(conversation: Conversation, panes: list[Pane]) -> None:
    """See that those who go on with a conversation are those who began it."""
    before = [pane.name for pane in conversation.panes]
    if before != [pane.name for pane in panes]:
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
        conversation.system = options.system
    if options.max_new_tokens is not None:
        conversation.max_new_tokens = options.max_new_tokens


def _listed(session: Session) -> Result:
    from engine.inference.chat import store

    found = store.saved(session.workspace)
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
    return document, text
