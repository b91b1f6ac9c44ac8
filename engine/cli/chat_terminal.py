"""The terminal of ``bakeoff chat``: reads what a person writes, shows what the models say."""

from __future__ import annotations

import io
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.cli.chat_export import export_examples
from engine.cli.session import Session, counted
from engine.cli.visible import visible, whole
from engine.errors import BakeoffError, UsageError
from engine.refusals import place_of, why_refused

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Answer
    from engine.inference.chat.session import ChatSession, Heard
    from engine.inference.sampling import Sampling

SETTINGS: Final = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed")
_HELP: Final = """\
  /regenerate [N]      let all answer the last message again, or only pane N
  /vote N | tie        say whose answer to the last message is better
  /system TEXT         set the system message; without a text: none
  /set NAME VALUE      set temperature, top_k, top_p, min_p, repeat_penalty or seed
  /trim [N]            show the N oldest turns to nobody any more (without N: about half)
  /export FILE [N]     write dataset examples: all of pane N, or each answer that won a vote
  /help, /quit
  A line that ends with a backslash goes on in the next. Ctrl-C ends the answer that is being given; pressed again
  before that one has ended, it ends the command."""
#: Digits of the largest number that is read.
_DIGITS: Final = 9


class Terminal:
    """Reads what a person writes, shows what the models say. With ``--json``, it all goes to stderr."""

    def __init__(self, session: Session, talk: ChatSession) -> None:
        self._session = session
        self._talk = talk
        self._out = sys.stderr if session.as_json else sys.stdout

    def run(self) -> None:
        """Until the end of the input, or /quit."""
        for stream in (sys.stdin, sys.stdout):
            if isinstance(stream, io.TextIOWrapper):
                # What the encoding cannot say ends no conversation.
                stream.reconfigure(errors="replace")
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
            except BrokenPipeError:
                raise  # nobody reads any more
            except OSError as error:
                where = f": {error.filename}" if error.filename else ""
                self._write(f"{error.strerror or type(error).__name__}{where}.\n")

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
            line = whole(line.rstrip("\r\n"))
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
                for again in panes:
                    self._show(self._talk.answer(again, stopped.is_set), stopped)
        elif word == "/vote":
            conversation.vote("tie" if rest == "tie" else _pane(rest))
            self._done("Noted.")
        elif word == "/system":
            conversation.system = rest
            self._done("The system message is set." if rest else "There is no system message.")
        elif word == "/set":
            name, _, value = rest.partition(" ")
            if name.replace("-", "_") not in SETTINGS:
                raise UsageError(
                    "usage.chat_set", "There is no setting '{name}'.", fix="See /help.", name=name
                )
            conversation.sampling = changed(conversation.sampling, {name.replace("-", "_"): value.strip()})
            self._done(f"{name} is {value.strip()}.")
        elif word == "/trim":
            self._trim(rest)
        elif word == "/export":
            file, _, last = rest.rpartition(" ")
            if _number(last) is None:
                file, last = rest, ""
            pane = _pane(last) if last else None
            self._write(export_examples(conversation, _path(file.strip()), pane)[1] + "\n")
        elif word == "/help":
            self._write(_HELP + "\n")
        else:
            raise UsageError(
                "usage.chat_command", "There is no command '{word}'.", fix="See /help.", word=word
            )

    def _trim(self, rest: str) -> None:
        conversation = self._talk.conversation
        number = _number(rest)
        if rest and number is None:
            raise UsageError(
                "usage.chat_trim", "'{word}' is no number of turns.", fix="See /help.", word=rest
            )
        for pane in range(len(conversation.panes)):
            count = conversation.to_leave_out(pane) if number is None else number
            conversation.leave_out(pane, count)
            name = conversation.panes[pane].name
            self._done(
                f"{name} is not shown the oldest {count} {'turn' if count == 1 else 'turns'} any more."
                if count
                else f"{name} has room for all turns."
            )

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
        self._out.write(visible(text))
        self._out.flush()


def changed(sampling: Sampling, changes: dict[str, Any]) -> Sampling:
    """The settings with some of them changed.

    Raises:
        UsageError: A value cannot be.
    """
    from pydantic import ValidationError

    from engine.inference.sampling import Sampling

    try:
        return Sampling.model_validate({**sampling.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            "usage.value",
            "The value of '{setting}' cannot be set: {reason}.",
            fix="See /help, or bakeoff chat --help.",
            setting=place_of(first).replace("_", "-"),
            reason=why_refused(first),
        ) from error


def _took(answer: Answer) -> str:
    parts = [counted(answer.tokens, "token")]
    if answer.tokens_per_second:
        parts.append(f"{answer.tokens_per_second:.1f}/s")
    parts.append(f"first after {answer.first_seconds:.2f} s")
    parts.append(f"{answer.prompt_tokens} before, {answer.cached_tokens} of them known")
    if answer.cost_usd:
        parts.append(f"{answer.cost_usd:.5f} USD")
    if not answer.comparable:
        parts.append(answer.fault)
    elif answer.stop != "stop":
        parts.append({"length": "cut off at the longest length"}.get(answer.stop, answer.stop))
    text = ", ".join(parts)
    if answer.stop == "length" and not answer.said:
        text += (
            "\n    A model that reasons before it speaks may need more tokens: go on with --continue ID and a larger "
            "--max-new-tokens."
        )
    return text


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def _pane(text: str) -> int:
    """The number of a pane, from 0."""
    number = _number(text)
    if not number:
        raise UsageError("usage.chat_pane", "'{word}' is no pane.", fix="Name its number, from 1.", word=text)
    return number - 1


def _path(text: str) -> Path:
    """The file that is named, ``~`` being the home folder.

    Raises:
        UsageError: None is, or nobody has this home.
    """
    if not text or "\0" in text:
        raise UsageError("usage.chat_file", "No file is named.", fix="See /help.")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(
            "usage.chat_home", "There is no home folder for {file}.", fix="Name another folder.", file=text
        ) from error


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Ctrl-C stops what is being said instead of ending the program; once more, before that has ended, ends it."""
    stopped = threading.Event()

    def interrupt(*_: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
