"""Models behind an endpoint: loopback only, with a key, until they are closed."""

from __future__ import annotations

import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final

from engine.errors import reason_of
from engine.inference.serving.errors import ServerError
from engine.inference.serving.handler import HOST, Handler
from engine.inference.serving.models import Offer, ServedModel
from engine.progress import Reporter

#: Connections at most.
_MOST: Final = 128
#: Seconds that answers may take to end with the server.
_FAREWELL: Final = 3.0
#: Characters of a key at least.
SHORTEST_KEY: Final = 8


def new_key() -> str:
    """A key that nobody guesses."""
    return f"bakeoff-{secrets.token_urlsafe(32)}"


def is_key(text: str) -> bool:
    """Whether ``text`` can be a key: others on this machine can try many, so a short one cannot."""
    return len(text) >= SHORTEST_KEY and text.isascii() and text.isprintable() and " " not in text


class ModelServer:
    """Models behind an endpoint. Use it as a context manager: entering it listens, leaving it ends everything.

    Args:
        offers: The models, each under a name of its own.
        key: What every request has to show.
        port: To listen on; 0 takes a free one.
        reporter: Hears of answers and failures, never of texts.

    Raises:
        ServerError: The port cannot be had.
    """

    def __init__(self, offers: Iterable[Offer], key: str, reporter: Reporter, *, port: int = 0) -> None:
        self.models = {offer.name: ServedModel(offer) for offer in offers}
        self.key = key
        self.reporter = reporter
        self.created = int(time.time())
        self.ending = threading.Event()
        try:
            self._http = Server(self, port)
        except OSError as error:
            raise ServerError(
                "serve.port",
                "Port {port} cannot be listened on: {reason}.",
                fix="Choose another --port, or leave it out to take a free one.",
                port=port,
                reason=reason_of(error),
            ) from error
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), name="serve")

    @property
    def port(self) -> int:
        """What it listens on."""
        return int(self._http.server_address[1])

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://{HOST}:{self.port}/v1"

    def close(self) -> None:
        """Stop answers, listen no more, free all memory; a second time does nothing."""
        self.ending.set()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.end_connections(_FAREWELL)
        for model in self.models.values():
            model.close()

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self.close()


class Server(ThreadingHTTPServer):
    """Listens on the loopback address, and knows its connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    # On Windows another program could take over a port that is set up so.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, owner: ModelServer, port: int) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._change = threading.Condition()
        super().__init__((HOST, port), Handler)

    def server_bind(self) -> None:
        """Bind, without asking a name server who we are."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more connection."""
        return len(self._open) < _MOST

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, and know of it."""
        with self._change:
            self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._change:
                self._open.discard(request)
                self._change.notify_all()

    def end_connections(self, seconds: float) -> None:
        """Take no more requests from any connection, and wait until none is left."""
        with self._change:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
            self._change.wait_for(lambda: not self._open, seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is no news."""
