"""``bakeoff serve``: models of the workspace for the user's own programs, on this machine only."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from engine.cli.session import Session, duration
from engine.errors import BakeoffError
from engine.progress import SilentReporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.inference.serving.models import Offer

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    serve = commands.add_parser(
        "serve", help="an OpenAI-compatible endpoint on this machine", parents=[everywhere]
    )
    serve.add_argument("models", nargs="+", metavar="MODEL", help="MODEL, or MODEL@QUANTISATION")
    serve.add_argument(
        "--port", type=_port, default=0, metavar="N", help="to listen on (default: a free one)"
    )
    serve.add_argument(
        "--key-env",
        metavar="VAR",
        help="environment variable that holds the key (default: a new one each time)",
    )
    serve.add_argument(
        "--context",
        type=_context,
        default=8192,
        metavar="N",
        help="tokens of a conversation at most (default: 8192, or what the model was made for)",
    )
    serve.set_defaults(run=_serve)


def _serve(options: argparse.Namespace, session: Session) -> NoReturn:
    from engine.inference.serving.server import ModelServer, new_key

    own_key = _key_from(options.key_env) if options.key_env else None
    offers = [_offer(session, name, options.context) for name in dict.fromkeys(options.models)]
    key = own_key or new_key()
    with (
        _ended_by_signals() as ended,
        ModelServer(offers, key, _Teller(session), port=options.port) as server,
    ):
        session.say(f"Serving {', '.join(server.models)} at {server.base_url} (Ctrl-C ends it).")
        document: dict[str, Any] = {"base_url": server.base_url, "key": key, "models": list(server.models)}
        if own_key is not None:
            document |= {"key": None, "key_env": options.key_env}
        elif not session.as_json:
            session.say(f"Key: {key}")
        session.print_result(document, "")
        while not ended.wait(0.5):  # on Windows, Ctrl-C is heard only between two waits
            pass
    raise KeyboardInterrupt("Nothing is served any more.")


def _offer(session: Session, text: str, context: int) -> Offer:
    """The model that ``text`` names, its GGUF file made where there is none."""
    from engine.cli.exported import gguf_of
    from engine.inference.serving.offers import calls_stay_text, offer_of

    offer = offer_of(text, *gguf_of(session, text), context)
    if calls_stay_text(offer):
        session.say(f"  {text}: its tool calls stay text, since its template does not write them as JSON.")
    return offer


def _key_from(variable: str) -> str:
    """The key in an environment variable.

    Raises:
        BakeoffError: There is none, or it can be none.
    """
    from engine.inference.serving.server import SHORTEST_KEY, is_key

    key = os.environ.get(variable, "")
    if not is_key(key):
        raise BakeoffError(
            "serve.key_env",
            "The environment variable that --key-env names holds no key of at least {shortest} characters without "
            "spaces.",
            fix="Set it, or leave --key-env out to have a new key.",
            shortest=SHORTEST_KEY,
        )
    return key


def _port(text: str) -> int:
    return _within(text, 0, 65535)


def _context(text: str) -> int:
    return _within(text, 16, 1 << 24)


def _within(text: str, least: int, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} to {most}")
    return number


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """Set while Ctrl-C or SIGTERM has come; nothing is interrupted in the middle."""
    ended = threading.Event()
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in kept:
        signal.signal(number, lambda *_: ended.set())
    try:
        yield ended
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


class _Teller(SilentReporter):
    """Tells a person how it goes, a line for each answer; never what was asked or answered."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def event(self, type: str, /, **data: Any) -> None:
        """Say it."""
        if type == "serve.answered":
            self._session.say(
                f"  {data['model']}: {data['prompt_tokens']} + {data['tokens']} tokens in {duration(data['seconds'])}"
            )
        elif type == "serve.failed":
            self._session.say(f"  Failed: {data['message']}")
