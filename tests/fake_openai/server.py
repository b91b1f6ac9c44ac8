"""The HTTP side of the fake server.

``Truth.failures`` names what happens to the next chat requests, in order:

=============== ==========================================================================
``ok``          nothing
``429``         429 without Retry-After; ``429:SECONDS`` with it
``quota``       429 ``insufficient_quota``
``500``, ...    any other status: that status with an error document
``html:STATUS`` that status with an HTML page, as a proxy sends it
``slow:SECONDS``the answer comes that late
``hush:SECONDS``a stream begins, and nothing comes for so long
``think:SECONDS`` a stream begins, and chunks without text come for so long
``spent``       all tokens that were allowed went into reasoning: an empty text, cut off
``drop``        the connection closes without an answer (which is counted as paid)
``cut``         half of the answer, then the connection closes (counted as paid)
``cut-json``    a response that ends well but holds half a JSON document (counted as paid)
``wrong-json``  valid JSON that is no chat completion (counted as paid)
``wrong-verdict`` a completion whose text is JSON with an unknown verdict
``prose``       a completion whose text says nothing about a winner
``empty``       a completion without text
``refusal``     the model refuses
``filter``      the text is withheld by a content filter
=============== ==========================================================================

In a batch each request takes the next of them (a status, or what concerns the text), and so does what begins one.

Beside ``/v1`` there is ``GET /fake/usage``, ``POST /fake/truth`` (changes settings) and
``POST /fake/failures``
(appends to the script).
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fake_openai.batches import Batches
from tests.fake_openai.truth import Truth
from tests.fake_openai.usage import Usage


def tokens(text: str) -> int:
    """What the fake server counts: a token per four bytes."""
    return math.ceil(len(text.encode("utf-8", "replace")) / 4)


class FakeOpenAI:
    """The running server.

    Attributes:
        truth: Its settings; changes take effect at the next request.
        usage: Its counts.
    """

    def __init__(self, truth: Truth | None = None, *, port: int = 0) -> None:
        self.truth = truth or Truth()
        self.usage = Usage()
        self.lock = threading.Lock()
        self.in_work = 0
        self.batches = Batches(self.truth, self._batched)
        self._http = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.02,), name="fake-openai", daemon=True
        )

    @property
    def base_url(self) -> str:
        """The URL to give an OpenAI client."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def start(self) -> FakeOpenAI:
        """Answer requests from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._http.shutdown()
        self._http.server_close()
        self._http.close_connections()
        self._thread.join()

    def __enter__(self) -> FakeOpenAI:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _batched(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The answer to one request of a batch, as status and document."""
        with self.lock:
            self.usage.batched += 1
            self.usage.bodies.append(body)
        failure = self.next_failure()
        if failure.isdigit():
            return int(failure), {"error": {"message": "The server had an error.", "code": "server_error"}}
        fault = _fault(self.truth, str(body.get("model")), body)
        if fault:
            return fault[0], {"error": {"message": fault[1], "code": fault[2]}}
        return 200, completion(self, body, failure)

    def next_failure(self) -> str:
        """Take the next scripted failure."""
        with self.lock:
            name = self.truth.failures.pop(0) if self.truth.failures else "ok"
            if name != "ok":
                self.usage.failures.append(name)
            return name


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], fake: FakeOpenAI) -> None:
        self.fake = fake
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection: a kept-alive one would outlive `FakeOpenAI.stop`."""
        self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().close_request(request)

    def close_connections(self) -> None:
        """End the connections that clients keep open."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body leave in one packet; otherwise every answer takes 40 ms (Nagle, delayed ACK).
    wbufsize = -1
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        fake = self.server.fake
        if self.path == "/fake/usage":
            with fake.lock:
                return self._send(200, fake.usage.as_dict())
        if not self._authorised():
            return None
        if fake.truth.batches and self.path.startswith(("/v1/batches", "/v1/files")):
            return self._send(*fake.batches.get(self.path.removeprefix("/v1/")))
        if self.path == "/v1/models":
            return self._send(200, {"object": "list", "data": [_model(name) for name in fake.truth.models]})
        name = self.path.removeprefix("/v1/models/")
        if name in fake.truth.models:
            return self._send(200, _model(name))
        return self._error(404, f"No such path or model: {self.path}", "model_not_found")

    def do_POST(self) -> None:
        fake = self.server.fake
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if fake.truth.batches and self.path == "/v1/files":
            if not self._authorised():
                return None
            return self._send(*fake.batches.upload(raw, str(self.headers.get("Content-Type"))))
        if self.path == "/v1/files":
            return self._error(404, f"No such path: {self.path}", "not_found")
        try:
            body = json.loads(raw or b"null")
        except ValueError:
            return self._error(400, "The body is no JSON.", "invalid_json")
        if self.path == "/fake/truth":
            with fake.lock:
                fake.truth.changed(body)
            return self._send(200, {"ok": True})
        if self.path == "/fake/failures":
            with fake.lock:
                fake.truth.failures.extend(body)
            return self._send(200, {"ok": True})
        if not self._authorised():
            return None
        if fake.truth.batches and self.path.startswith("/v1/batches"):
            outcome = fake.next_failure()
            if outcome == "drop":
                fake.batches.post(self.path.removeprefix("/v1/"), body)
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return None
            if outcome.isdigit():
                return self._error(int(outcome), "The server had an error.", "server_error")
            return self._send(*fake.batches.post(self.path.removeprefix("/v1/"), body))
        if self.path != "/v1/chat/completions":
            return self._error(404, f"No such path: {self.path}", "not_found")
        with fake.lock:
            fake.in_work += 1
            fake.usage.most_at_once = max(fake.usage.most_at_once, fake.in_work)
        try:
            return self._chat(fake, body)
        finally:
            with fake.lock:
                fake.in_work -= 1

    def _authorised(self) -> bool:
        given = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.server.fake.truth.key in (None, given):
            return True
        # The real one repeats a part of the key; this one all of it, so that a leak is seen.
        self._error(401, f"Incorrect API key provided: {given}.", "invalid_api_key")
        return False

    def _chat(self, fake: FakeOpenAI, body: dict[str, Any]) -> None:
        truth = fake.truth
        model = str(body.get("model"))
        text = "\n".join(_text(message) for message in body["messages"])
        with fake.lock:
            fake.usage.requests += 1
            fake.usage.prompts.append(text)
            fake.usage.bodies.append(body)
        failure, _, value = fake.next_failure().partition(":")
        time.sleep(truth.latency)
        if failure == "slow":
            time.sleep(float(value))
        elif failure == "429":
            headers = {"Retry-After": value} if value else {}
            return self._error(429, "Rate limit reached, please slow down.", "rate_limit_exceeded", headers)
        elif failure == "quota":
            return self._error(429, "You exceeded your current quota.", "insufficient_quota")
        elif failure == "html":
            return self._send(int(value), b"<html><body>Bad gateway</body></html>", kind="text/html")
        elif failure.isdigit():
            return self._error(int(failure), "The server had an error.", "server_error")
        fault = _fault(truth, model, body)
        if fault:
            return self._error(*fault)
        document = completion(fake, body, failure)
        if body.get("stream"):
            if not (body.get("stream_options") or {}).get("include_usage"):
                document.pop("usage", None)
            return self._stream(failure, float(value or 0), document)
        return self._deliver(failure, document)

    def _stream(self, failure: str, seconds: float, document: dict[str, Any]) -> None:
        """The answer in words, as server-sent events; ``drop`` ends after half of them, others begin late."""
        choice = document["choices"][0]
        shared = {key: document[key] for key in ("id", "created", "model")} | {
            "object": "chat.completion.chunk"
        }
        words = re.findall(r"\S+\s*|\s+", choice["message"]["content"] or "")
        deltas = [({"content": word}, None) for word in words]
        if choice["message"]["refusal"]:
            deltas.append(({"refusal": choice["message"]["refusal"]}, None))
        chunks = [
            {**shared, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
            for delta, end in [*deltas, ({}, choice["finish_reason"])]
        ]
        if "usage" in document:
            chunks.append({**shared, "choices": [], "usage": document["usage"]})
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.flush()
        if failure == "hush":
            time.sleep(seconds)
        elif failure == "think":
            nothing = {**shared, "choices": [{"index": 0, "delta": {}, "finish_reason": None}]}
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                self._send_event(nothing)
                time.sleep(0.02)
        for chunk in chunks[: len(chunks) // 2] if failure == "drop" else chunks:
            self._send_event(chunk)
        if failure != "drop":
            self.wfile.write(b"data: [DONE]\n\n")

    def _send_event(self, chunk: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.flush()

    def _deliver(self, failure: str, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        if failure == "drop":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif failure == "cut":
            self.close_connection = True
            self._send(200, content, length=len(content) * 2)
            self.connection.shutdown(socket.SHUT_RDWR)
        elif failure == "cut-json":
            self._send(200, content[: len(content) // 2])
        elif failure == "wrong-json":
            self._send(200, {"status": "fine", "choices": "none"})
        else:
            self._send(200, content)

    def _error(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> None:
        kind = {401: "invalid_request_error", 429: "requests"}.get(status, "invalid_request_error")
        error = {
            "message": message,
            "type": kind,
            "param": code.partition("=")[2] or None,
            "code": code.partition("=")[0],
        }
        self._send(status, {"error": error}, headers=headers)

    def _send(
        self,
        status: int,
        content: Any,
        *,
        kind: str = "application/json",
        length: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


def completion(fake: FakeOpenAI, body: dict[str, Any], failure: str) -> dict[str, Any]:
    """The document that answers a request, counted as paid."""
    truth, model = fake.truth, str(body.get("model"))
    text = "\n".join(_text(message) for message in body["messages"])
    answer, finish, refusal = _reply(truth, failure, body, text)
    prompt_tokens = sum(tokens(_text(message)) + 4 for message in body["messages"]) + 3
    prompt_tokens += tokens(json.dumps(body["response_format"])) if "response_format" in body else 0
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    if limit and tokens(answer) > limit:
        answer, finish = answer.encode()[: limit * 4].decode("utf-8", "ignore"), "length"
    output_tokens = int(limit) if failure == "spent" and limit else tokens(answer or refusal or "")
    with fake.lock:
        fake.usage.calls[model] += 1
        fake.usage.input_tokens[model] += prompt_tokens
        fake.usage.output_tokens[model] += output_tokens
        number = fake.usage.calls.total()
    document: dict[str, Any] = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": f"{model}-2024-08-06",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": None if refusal else answer,
                    "refusal": refusal,
                },
                "finish_reason": finish,
            }
        ],
    }
    if truth.usage:
        total = prompt_tokens + output_tokens
        document["usage"] = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": total,
        }
    return document


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "fake"}


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return str(content)


def _fault(truth: Truth, model: str, body: dict[str, Any]) -> tuple[int, str, str] | None:
    """What is wrong with a request, as status, message and code (``code=parameter``)."""
    if model not in truth.models:
        return 404, f"The model `{model}` does not exist or you do not have access to it.", "model_not_found"
    if not truth.structured and "response_format" in body:
        return 400, "Unknown parameter: 'response_format'.", "unknown_parameter=response_format"
    if not truth.stream_options and "stream_options" in body:
        return 400, "Unknown parameter: 'stream_options'.", "unknown_parameter=stream_options"
    if truth.exclusive and "temperature" in body and "top_p" in body:
        return (
            400,
            "`temperature` and `top_p` cannot both be specified for this model.",
            "invalid_request_error",
        )
    if model in truth.reasoning:
        if "max_tokens" in body:
            message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            return 400, message, "unsupported_parameter=max_tokens"
        if body.get("temperature", 1) != 1:
            return 400, "Unsupported value: 'temperature' must be 1.", "unsupported_value=temperature"
        if "top_p" in body:
            message = "Unsupported parameter: 'top_p' is not supported with this model."
            return 400, message, "unsupported_parameter=top_p"
    return None


def _reply(truth: Truth, failure: str, body: dict[str, Any], text: str) -> tuple[str, str, str | None]:
    """The answer's text, its finish reason, and the refusal if it is one."""
    special: dict[str, tuple[str, str, str | None]] = {
        "refusal": ("", "stop", "I cannot help with that."),
        "filter": ("", "content_filter", None),
        "empty": ("", "stop", None),
        "spent": ("", "length", None),
        "prose": ("Both texts concern the question, and each has its own merits in its way.", "stop", None),
        "wrong-verdict": (json.dumps({"explanation": "Hard to say.", "verdict": "C"}), "stop", None),
    }
    if failure in special:
        return special[failure]
    pair = truth.comparison(text)
    if pair is None:
        return truth.answer(_text(body["messages"][-1])), "stop", None
    verdict = truth.verdict(text, *pair)
    explanation = f"Strength {truth.strength(pair[0]):.2f} against {truth.strength(pair[1]):.2f}."
    if truth.free_text or "response_format" not in body:
        said = "It is a tie." if verdict == "tie" else f"Answer {verdict} is better."
        return f"{explanation}\n\n{said}", "stop", None
    return json.dumps({"explanation": explanation, "verdict": verdict}), "stop", None
