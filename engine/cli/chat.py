"""``bakeoff chat``: talk with one model or several side by side, in the terminal."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.cli.session import Session, table
from engine.errors import BakeoffError, UsageError

if TYPE_CHECKING:
    from engine.inference.chat.answering import Answering
    from engine.inference.chat.conversation import Answer, Conversation, Pane
    from engine.inference.chat.session import ChatSession, Heard
    from engine.inference.sampling import Sampling

Result = tuple[Any, str]

_SETTINGS: Final = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed")
_HELP: Final = """\
  /regenerate [N]      let all answer the last message again, or only pane N
  /vote N | tie        say whose answer to the last message is better
  /system TEXT         set the system message; without a text: none
  /set NAME VALUE      set temperature, top_k, top_p, min_p, repeat_penalty or seed
  /trim [N]            show the N oldest turns to nobody any more (without N: about half)
  /export FILE [N]     write dataset examples: all of pane N, or each answer that won a vote
  /help, /quit
  A line that ends with a backslash goes on in the next. Ctrl-C ends the answer that is being given."""


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
        return _export(kept, Path(options.dataset_export), None)
    names = options.models or [pane.name for pane in kept.panes] if kept else options.models
    with ExitStack() as stack:
        panes, answering = _opened(names, options, session)
        for one in answering:
            stack.enter_context(closing(one))
        conversation = kept or store.begin(panes)
        _require_same(conversation, panes)
        conversation.panes = [
            pane.model_copy(update={"left_out": old.left_out})
            for pane, old in zip(panes, conversation.panes, strict=True)
        ]
        _set_up(conversation, options)
        talk = ChatSession(session.workspace, conversation, answering)
        _Terminal(session, talk).run()
        document = conversation.model_dump(mode="json")
        return document, f"Saved as {conversation.id}; go on with: bakeoff chat --continue {conversation.id}"


def _opened(
    names: list[str], options: argparse.Namespace, session: Session
) -> tuple[list[Pane], list[Answering]]:
    """The panes, and who answers in them; local models are loaded with their first question."""
    from engine.cli.exported import gguf_of
    from engine.inference.access import open_endpoint
    from engine.inference.budget import Budget
    from engine.inference.chat.answering import LocalAnswering, PaidAnswering
    from engine.inference.chat.conversation import Pane
    from engine.inference.contestants import speaker
    from engine.inference.paid import require_budget
    from engine.inference.talking.client import Loading
    from engine.progress import SilentReporter

    speakers = [speaker(session.workspace, name) for name in names]
    require_budget(session.workspace, [one for one in speakers if one is not None], options.budget_usd)
    budget = Budget(options.budget_usd)
    panes: list[Pane] = []
    answering: list[Answering] = []
    for name, paid in zip(names, speakers, strict=True):
        if paid is not None:
            endpoint = open_endpoint(session.workspace, paid[0], budget, SilentReporter())
            panes.append(Pane(name=name, kind="api", model=paid[1]))
            answering.append(PaidAnswering(endpoint, paid[1]))
            continue
        files, export = gguf_of(session, name)
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

    changes = {name: getattr(options, name) for name in _SETTINGS if getattr(options, name) is not None}
    if not conversation.turns:
        changes.setdefault("seed", secrets.randbits(31))
    conversation.sampling = _changed(conversation.sampling, changes)
    if options.system is not None:
        conversation.system = options.system
    if options.max_new_tokens is not None:
        conversation.max_new_tokens = options.max_new_tokens


def _changed(sampling: Sampling, changes: dict[str, Any]) -> Sampling:
    from engine.inference.sampling import Sampling

    return Sampling.model_validate({**sampling.model_dump(), **changes})


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


def _export(conversation: Conversation, file: Path, pane: int | None) -> Result:
    """Write dataset examples.

    Raises:
        BakeoffError: There is nothing to write, or the file exists.
    """
    import json

    rows = conversation.examples(pane)
    if not rows:
        raise BakeoffError(
            "chat.no_examples",
            "There is no answer to export.",
            fix="Vote for answers first, or name a pane that has answered.",
        )
    if file.exists():
        raise BakeoffError(
            "file.exists", "{file} already exists.", fix="Choose another name.", file=str(file)
        )
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return {"file": str(file), "examples": len(rows)}, f"{len(rows)} examples in {file}."


class _Terminal:
    """Reads what a person writes, shows what the models say. With ``--json``, it all goes to stderr."""

    def __init__(self, session: Session, talk: ChatSession) -> None:
        self._session = session
        self._talk = talk
        self._out = sys.stderr if session.as_json else sys.stdout

    def run(self) -> None:
        """Until the end of the input, or /quit."""
        for number, pane in enumerate(self._talk.conversation.panes, start=1):
            what = (
                f"{pane.file} ({pane.quantisation}, sha256 {pane.sha256[:12]})" if pane.file else pane.model
            )
            self._write(f"{number}  {pane.name}: {what}\n")
        for line in self._lines():
            if line.strip() == "/quit":
                return
            try:
                if line.startswith("/"):
                    self._command(line)
                elif line.strip():
                    with _interruptible() as stopped:
                        self._show(self._talk.ask(line, stopped.is_set), stopped)
            except BakeoffError as error:
                self._write(f"{error.sentence()}\n")
            except ValueError as error:  # a setting that pydantic refuses
                self._write(f"This cannot be set: {str(error).splitlines()[-2].strip()}\n")

    def _lines(self) -> Iterator[str]:
        """Lines of the input; one that ends with a backslash goes on in the next."""
        held = ""
        while True:
            if sys.stdin.isatty():
                self._write("... " if held else "> ")
            line = sys.stdin.readline()
            if not line:
                if held:
                    yield held
                return
            line = line.rstrip("\r\n")
            if line.endswith("\\"):
                held += line[:-1] + "\n"
                continue
            yield held + line
            held = ""

    def _command(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        conversation = self._talk.conversation
        if word == "/regenerate":
            panes = [_pane(rest)] if rest else list(range(len(conversation.panes)))
            with _interruptible() as stopped:
                for pane in panes:
                    self._show(self._talk.answer(pane, stopped.is_set), stopped)
        elif word == "/vote":
            conversation.vote("tie" if rest == "tie" else _pane(rest))
            self._done("Noted.")
        elif word == "/system":
            conversation.system = rest
            self._done("The system message is set." if rest else "There is no system message.")
        elif word == "/set":
            name, _, value = rest.partition(" ")
            if name.replace("-", "_") not in _SETTINGS:
                raise UsageError(
                    "usage.chat_set", "There is no setting '{name}'.", fix="See /help.", name=name
                )
            conversation.sampling = _changed(conversation.sampling, {name.replace("-", "_"): value.strip()})
            self._done(f"{name} is {value.strip()}.")
        elif word == "/trim":
            self._trim(rest)
        elif word == "/export":
            file, _, number = rest.rpartition(" ") if rest.rpartition(" ")[2].isdigit() else (rest, "", "")
            if not file:
                raise UsageError("usage.chat_file", "No file is named.", fix="See /help.")
            self._write(_export(conversation, Path(file), _pane(number) if number else None)[1] + "\n")
        elif word == "/help":
            self._write(_HELP + "\n")
        else:
            raise UsageError(
                "usage.chat_command", "There is no command '{word}'.", fix="See /help.", word=word
            )

    def _trim(self, rest: str) -> None:
        conversation = self._talk.conversation
        if rest and not rest.isdigit():
            raise UsageError(
                "usage.chat_trim", "'{word}' is no number of turns.", fix="See /help.", word=rest
            )
        for pane in range(len(conversation.panes)):
            count = int(rest) if rest else conversation.to_leave_out(pane)
            conversation.leave_out(pane, count)
            self._done(f"{conversation.panes[pane].name} is not shown the oldest {count} turns any more.")

    def _done(self, text: str) -> None:
        self._talk.save()
        self._write(text + "\n")

    def _show(self, heard: Iterator[Heard], stopped: threading.Event) -> None:
        """Each pane's answer under its name, as it comes, and what it took; being stopped ends one answer only."""
        speaking = -1
        for one in heard:
            if one.pane != speaking:
                speaking = one.pane
                self._write(f"\n[{one.pane + 1}] {self._talk.conversation.panes[one.pane].name}\n")
            if isinstance(one.what, str):
                self._write(one.what)
                continue
            stopped.clear()
            if isinstance(one.what, BakeoffError):
                self._write(one.what.sentence() + "\n")
                if one.to_leave_out:
                    count = one.to_leave_out
                    self._write(
                        f"/trim {count} leaves out the oldest {count} turns, /regenerate asks again.\n"
                    )
            else:
                self._write(f"\n    {_took(one.what)}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _took(answer: Answer) -> str:
    parts = [f"{answer.tokens} tokens"]
    if answer.tokens_per_second:
        parts.append(f"{answer.tokens_per_second:.1f}/s")
    parts.append(f"first after {answer.first_seconds:.2f} s")
    parts.append(f"{answer.prompt_tokens} before, {answer.cached_tokens} of them known")
    if answer.cost_usd:
        parts.append(f"{answer.cost_usd:.5f} USD")
    if answer.stop != "stop":
        parts.append(
            {"length": "cut off at the longest length", "stopped": "stopped"}.get(answer.stop, answer.stop)
        )
    return ", ".join(parts)


def _pane(text: str) -> int:
    """The number of a pane, from 0."""
    if not text.isdigit() or int(text) < 1:
        raise UsageError("usage.chat_pane", "'{word}' is no pane.", fix="Name its number, from 1.", word=text)
    return int(text) - 1


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Ctrl-C stops what is being said instead of ending the program."""
    stopped = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
