"""The process in which a window serves models: ``python -m engine.inference.serving.child WORKSPACE``.

Its first line of input says what to serve: ``{"models", "port", "context", "key"}``; without a key
there is a new one. It tells one JSON document per line:
``serving`` with address, key and models once all is ready, ``answered`` and ``failed`` for requests (never texts),
or ``error`` where it cannot begin. It ends when its input is closed, which it also is when the window has died.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

from engine.errors import BakeoffError
from engine.inference.contestants import local_file
from engine.inference.serving.errors import ServerError
from engine.inference.serving.models import Offer
from engine.inference.serving.offers import CONTEXT, calls_stay_text, offer_of
from engine.inference.serving.server import SHORTEST_KEY, ModelServer, is_key, new_key
from engine.models.auto import forgo_torch
from engine.progress import SilentReporter
from engine.workspace import Workspace
from engine.workspace.folder import open_workspace


class _Teller(SilentReporter):
    """Tells of each request on stdout; requests come in many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def tell(self, what: str, **data: Any) -> None:
        """Tell it, unless nobody listens any more."""
        with self._lock:
            try:
                print(json.dumps({what: data}), flush=True)
            except OSError:  # whoever listened is gone, and the input ends in the same moment
                return

    def event(self, type: str, /, **data: Any) -> None:
        """Tell of an answer or a failure."""
        if type in ("serve.answered", "serve.failed"):
            self.tell(type.removeprefix("serve."), **data)


def _offer(workspace: Workspace, name: str, context: int) -> Offer:
    files, _, export = local_file(workspace, name)
    if export is None:
        raise ServerError(
            "serve.no_file",
            "'{name}' has no GGUF file that could be served.",
            fix="Make it first with: bakeoff export {model} FILE --as gguf",
            name=name,
            model=files.name,
        )
    return offer_of(name, files, export, context)


def _key(own: str | None) -> str:
    if not own:
        return new_key()
    if not is_key(own):
        raise ServerError(
            "serve.key",
            "A key has at least {shortest} characters, and no spaces.",
            fix="Choose another one, or leave it out to have a new one.",
            shortest=SHORTEST_KEY,
        )
    return own


def main() -> None:
    """Serve until the input ends."""
    forgo_torch()
    teller = _Teller()
    workspace = open_workspace(Path(sys.argv[1]))
    wanted = json.loads(sys.stdin.readline())
    try:
        context = int(wanted.get("context") or CONTEXT)
        offers = [_offer(workspace, name, context) for name in dict.fromkeys(wanted["models"])]
        server = ModelServer(offers, _key(wanted.get("key")), teller, port=int(wanted.get("port") or 0))
    except BakeoffError as error:
        teller.tell("error", **error.record())
        return
    with server:
        plain = [offer.name for offer in offers if calls_stay_text(offer)]
        told = {"base_url": server.base_url, "key": server.key, "models": list(server.models)}
        teller.tell("serving", **told, plain=plain)
        sys.stdin.read()


if __name__ == "__main__":
    main()
