"""The fake server's files and batches: requests that come as a file, and whose answers lie in another."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

from tests.fake_openai.truth import Truth

#: Status and content of a response.
Response = tuple[int, Any]


class Batches:
    """Files and batches by id.

    Args:
        truth: Whose ``batch_looks`` and ``batch_end`` hold.
        answer: Answers one request's body with status and document.
    """

    def __init__(self, truth: Truth, answer: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]) -> None:
        self._truth = truth
        self._answer = answer
        self._lock = threading.Lock()
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []
        #: Batch -> looks that still find it in work.
        self._looks: dict[str, int] = {}

    def upload(self, raw: bytes, kind: str) -> Response:
        """Keep the file of a multipart form."""
        form = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + raw)
        parts: dict[str, bytes] = {}
        for part in form.walk():
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                parts[str(part.get_param("name", header="content-disposition"))] = content
        if parts["purpose"] != b"batch":
            return _error(400, "The purpose is not 'batch'.")
        with self._lock:
            name = f"file-{len(self.files) + 1}"
            self.files[name] = parts["file"]
        return 200, {
            "id": name,
            "object": "file",
            "bytes": 1,
            "created_at": 0,
            "filename": "batch.jsonl",
            "purpose": "batch",
            "status": "processed",
        }

    def post(self, path: str, body: dict[str, Any]) -> Response:
        """Begin a batch, or cancel one."""
        _, _, name = path.partition("/")
        with self._lock:
            if name.endswith("/cancel"):
                name = name.removesuffix("/cancel")
                self.cancelled.append(name)
                self.batches[name]["status"] = "cancelling"
                return 200, self.batches[name]
            if body.get("endpoint") != "/v1/chat/completions" or body.get("completion_window") != "24h":
                return _error(400, "There is no such endpoint or window.")
            if body["input_file_id"] not in self.files:
                return _error(404, "No such file.")
            name = f"batch_{len(self.batches) + 1}"
            self.batches[name] = {
                "id": name,
                "object": "batch",
                "created_at": int(time.time()),
                "status": "validating",
                **body,
            }
            self._looks[name] = self._truth.batch_looks
            return 200, self.batches[name]

    def get(self, path: str) -> Response:
        """A batch, all of them, or the content of a file."""
        kind, _, name = path.partition("?")[0].partition("/")
        if kind == "files":
            content = self.files.get(name.removesuffix("/content"))
            return _error(404, "No such file.") if content is None else (200, content)
        with self._lock:
            if not name:
                newest = list(self.batches.values())[::-1]
                return 200, {"object": "list", "data": newest, "has_more": False}
            if self._truth.batch_faults:
                self._truth.batch_faults -= 1
                return _error(503, "Please come back later.")
            batch = self.batches.get(name)
            if batch is None:
                return _error(404, "No such batch.")
            lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
            if batch["status"] in ("validating", "in_progress"):
                self._looks[name] -= 1
                batch["status"] = "in_progress"
                batch["request_counts"] = {"total": len(lines), "completed": 0, "failed": 0}
                if self._looks[name] < 0:
                    self._work(batch, lines)
            return 200, batch

    def _work(self, batch: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        batch["status"] = end = self._truth.batch_end
        if end == "failed":
            batch["errors"] = {"object": "list", "data": [{"message": "The file is too odd.", "code": "odd"}]}
            return
        outcomes: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        for place, line in enumerate(lines):
            entry: dict[str, Any] = {"id": f"batch_req_{place}", "custom_id": line["custom_id"]}
            if end == "expired" and place >= len(lines) // 2:
                late = {"code": "batch_expired", "message": "This request could not be executed in time."}
                outcomes[False].append({**entry, "response": None, "error": late})
                continue
            status, document = self._answer(line["body"])
            response = {"status_code": status, "request_id": f"req_{place}", "body": document}
            outcomes[status == 200].append({**entry, "response": response, "error": None})
        for good, key in ((True, "output_file_id"), (False, "error_file_id")):
            if outcomes[good]:
                # In no order, as of the real one.
                name = f"file-{batch['id']}-{key}"
                rows = outcomes[good][::-1]
                self.files[name] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
                batch[key] = name
        batch["request_counts"] = {
            "total": len(lines),
            "completed": len(outcomes[True]),
            "failed": len(outcomes[False]),
        }


def _error(status: int, message: str) -> Response:
    return status, {"error": {"message": message, "type": "invalid_request_error", "code": None}}
