"""One connection of the endpoint: who may ask, what is asked, and the answer whole or piece by piece.

A key for every request, and nothing that a web page could ask for.
"""

from __future__ import annotations

import hmac
import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from engine.errors import BakeoffError
from engine.inference.llama.replies import Reply
from engine.inference.serving.documents import Completion, list_document, model_document
from engine.inference.serving.errors import RequestError, error_document, status_of
from engine.inference.serving.models import ServedModel
from engine.inference.serving.request import ChatRequest, read_json, read_request
from engine.inference.serving.tool_calls import CallForm, CallWatch, calls_in, named
from engine.inference.serving.turns import GoneError

if TYPE_CHECKING:
    from engine.inference.serving.server import Server

#: The only address that is listened on.
HOST: Final = "127.0.0.1"
_CHAT: Final = "/v1/chat/completions"
_MODELS: Final = "/v1/models"
#: Bytes of a body at most.
_LARGEST: Final = 8 << 20
#: Seconds that a client may take between two bytes, and that the rest of a refused body is read for.
_PATIENCE: Final = 60.0
_LINGER: Final = 2.0


class Handler(BaseHTTPRequestHandler):
    """Serves the requests of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        """Serve one request; none is begun when the server ends."""
        if self.server.owner.ending.is_set():
            self.close_connection = True
            return
        super().handle_one_request()

    def do_GET(self) -> None:
        """Serve any request."""
        self._body_read = False
        self._begun = False
        try:
            self._require_trusted()
            self._route()
        except GoneError:
            self.close_connection = True
            if self.server.owner.ending.is_set():
                self._tell(RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "ending", "The server is ending."))
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except BakeoffError as error:
            self._tell(error)
        except Exception as error:
            self._tell(
                BakeoffError(
                    "serve.internal",
                    "Something unexpected happened ({kind}).",
                    fix="Please report it.",
                    kind=type(error).__name__,
                )
            )

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_GET  # noqa: N815

    def _require_trusted(self) -> None:
        """Refuse whom a web page may have sent, and whoever does not know the key.

        A page whose name an attacker has pointed to this machine shows its own name in ``Host``; one that asks
        across origins says so in ``Origin``. Programs send neither.

        Raises:
            RequestError: The request is refused.
        """
        hosts = self.headers.get_all("Host") or []
        allowed = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        if len(hosts) != 1 or hosts[0].strip().lower() not in allowed:
            raise RequestError(
                HTTPStatus.FORBIDDEN, "foreign_host", "Requests have to be addressed to {host}.", host=HOST
            )
        if self.headers.get("Origin") is not None:
            raise RequestError(HTTPStatus.FORBIDDEN, "browser", "Requests of web pages are not answered.")
        scheme, _, shown = (self.headers.get("Authorization") or "").partition(" ")
        same = hmac.compare_digest(shown.strip().encode("utf-8", "replace"), self.server.owner.key.encode())
        if scheme.lower() != "bearer" or not same:
            raise RequestError(
                HTTPStatus.UNAUTHORIZED,
                "invalid_api_key",
                "The API key is missing or wrong; use the one that was shown when the server started.",
            )

    def _route(self) -> None:
        path = unquote(urlsplit(self.path).path)
        model = path.removeprefix(f"{_MODELS}/") if path.startswith(f"{_MODELS}/") else None
        wanted = "POST" if path == _CHAT else "GET" if path == _MODELS or model else None
        if wanted is None:
            raise RequestError(
                HTTPStatus.NOT_FOUND,
                "unknown_url",
                "There is nothing at this address; there are {models} and {chat}.",
                models=_MODELS,
                chat=_CHAT,
            )
        if self.command != wanted:
            raise RequestError(
                HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Use {wanted} here.", wanted=wanted
            )
        owner = self.server.owner
        if wanted == "POST":
            self._chat(read_request(read_json(self._body())))
        elif model:
            self._send(model_document(self._model(model).offer.name, owner.created))
        else:
            self._send(list_document(model_document(name, owner.created) for name in owner.models))

    def _model(self, name: str) -> ServedModel:
        model = self.server.owner.models.get(name)
        if model is None:
            raise RequestError(
                HTTPStatus.NOT_FOUND,
                "model_not_found",
                "The model '{name}' is not served here; there are: {known}.",
                param="model",
                name=name[:200],
                known=", ".join(self.server.owner.models),
            )
        return model

    def _body(self) -> bytes:
        """The request's body.

        Raises:
            RequestError: Its length is not told, or too large.
        """
        told = self.headers.get_all("Content-Length") or []
        if self.headers.get("Transfer-Encoding") is not None or len(told) != 1 or not told[0].isdecimal():
            raise RequestError(
                HTTPStatus.LENGTH_REQUIRED, "length_required", "The request has to tell its Content-Length."
            )
        length = int(told[0][:20])
        if length > _LARGEST:
            raise RequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "body_too_large",
                "The body has {length} bytes; at most {most} are read.",
                length=length,
                most=_LARGEST,
            )
        body = self.rfile.read(length)
        if len(body) < length:
            raise GoneError
        self._body_read = True
        return body

    def _chat(self, request: ChatRequest) -> None:
        model = self._model(request.model)
        completion = Completion(model.offer.name, model.offer.fingerprint)
        started = time.monotonic()
        form = model.offer.calls if request.tools else None
        with closing(model.reply(request, self._gone)) as pieces:
            reply = self._stream(pieces, completion, request, form) if request.stream else _last(pieces)
        if reply.stop == "stopped":
            raise GoneError
        self.server.owner.reporter.event(
            "serve.answered",
            model=model.offer.name,
            prompt_tokens=reply.prompt_tokens,
            tokens=reply.tokens,
            seconds=round(time.monotonic() - started, 3),
        )
        if not request.stream:
            content, calls = (
                calls_in(reply.text, form, set(named(request.tools or ()))) if form else (reply.text, [])
            )
            self._send(completion.whole(reply, content, calls))

    def _stream(
        self,
        pieces: Iterator[str | Reply],
        completion: Completion,
        request: ChatRequest,
        form: CallForm | None,
    ) -> Reply:
        """Send pieces as they come; headers go with the first, so that a failure before it has its own status.

        Text that may be the beginning of a tool call is held back until it is known what it is.
        """
        counted = request.include_usage
        watch, sent = CallWatch(form) if form is not None else None, ""
        for piece in pieces:
            if not self._begun:
                self._begin_stream()
                self._send_event(completion.piece({"role": "assistant", "content": ""}, counted=counted))
            if isinstance(piece, str):
                piece = watch.add(piece) if watch is not None else piece
                sent += piece
                if piece:
                    self._send_event(completion.piece({"content": piece}, counted=counted))
            elif piece.stop == "stopped":
                return piece
            else:
                content, calls = (
                    calls_in(piece.text, form, set(named(request.tools or ()))) if form else (piece.text, [])
                )
                # The words beside calls are without white space around them, those that are sent are not.
                rest = content.removeprefix(sent.strip()) if calls else content[len(sent) :]
                if rest:
                    self._send_event(completion.piece({"content": rest}, counted=counted))
                if calls:
                    numbered = [{"index": number, **call} for number, call in enumerate(calls)]
                    self._send_event(completion.piece({"tool_calls": numbered}, counted=counted))
                finish = "tool_calls" if calls else piece.stop
                self._send_event(completion.piece({}, finish=finish, counted=counted))
                if counted:
                    self._send_event(completion.counts(piece))
                self._write_event(b"[DONE]")
                self._end_stream()
                return piece
        raise _unfinished()

    def _gone(self) -> bool:
        """Whether the answer is not wanted any more: the client has closed its side, or the server ends."""
        if self.server.owner.ending.is_set():
            return True
        connection: socket.socket = self.connection
        try:
            connection.setblocking(False)
            return connection.recv(1, socket.MSG_PEEK) == b""
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        finally:
            with suppress(OSError):
                connection.settimeout(_PATIENCE)

    def _begin_stream(self) -> None:
        self._begun = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self._chunked = self.request_version != "HTTP/1.0"
        if self._chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.close_connection = True
        self.end_headers()

    def _send_event(self, document: dict[str, Any]) -> None:
        self._write_event(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))

    def _write_event(self, data: bytes) -> None:
        event = b"data: " + data + b"\n\n"
        self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event) if self._chunked else event)

    def _end_stream(self) -> None:
        if self._chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send(self, document: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        if status >= 500:
            # OpenAI's client asks again by itself, and a model that crashed would be loaded only to crash again.
            self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    def _tell(self, error: BakeoffError) -> None:
        """Send an error; a body that nobody has read ends the connection."""
        status = status_of(error)
        if status >= 500:
            self.server.owner.reporter.event("serve.failed", message=error.message)
        try:
            if self._begun:
                self._send_event(error_document(error))
                self._end_stream()
                self.close_connection = True
                return
            unread = not self._body_read and self.headers.get("Content-Length", "0") != "0"
            self.close_connection |= unread or "Transfer-Encoding" in self.headers
            self._send(error_document(error), status)
            if self.close_connection:
                self._linger()
        except OSError:
            self.close_connection = True

    def _linger(self) -> None:
        """Read on for a moment: closing with bytes unread would take the answer back from the client."""
        connection: socket.socket = self.connection
        connection.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + _LINGER
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            if not self.rfile.read1(1 << 16):
                return

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no proper request of HTTP."""
        self._body_read, self._begun, self.close_connection = True, False, True
        self.headers = getattr(self, "headers", None) or self.MessageClass()
        self._tell(
            RequestError(
                HTTPStatus(code), "bad_request", "{reason}.", reason=message or HTTPStatus(code).phrase
            )
        )

    def version_string(self) -> str:
        """What the server calls itself."""
        return "bakeoff"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged; the reporter hears of answers."""


def _last(pieces: Iterable[str | Reply]) -> Reply:
    for piece in pieces:
        if isinstance(piece, Reply):
            return piece
    raise _unfinished()


def _unfinished() -> BakeoffError:
    return BakeoffError("serve.unfinished", "The answer broke off.", fix="Ask again.")
