"""A stand-in for the Hugging Face Hub that really receives what is pushed."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_stand_in_token"
COMMIT = "fedcba9876543210fedcba9876543210fedcba98"
#: Files from this size on are large ones for it.
LARGE = 20_000


@dataclass
class Repository:
    """What is known of one repository."""

    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b""})
    commits: int = 0


class PushHub:
    """The stand-in.

    Attributes:
        repositories: By name.
        objects: Large files that have arrived, by hash.
        uploads: Hashes in the order in which their bytes came.
        break_off: How many uploads of large files to cut off in the middle.
        status: Answers everything with this, where it is not 0.
        owner: Whose names the token may use.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.break_off = 0
        self.status = 0
        self.owner = "me"
        self.url = ""

    def answer(
        self, method: str, path: str, body: bytes, token: str | None
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, document and headers."""
        path = path.split("?")[0]
        if self.status:
            return self.status, {"error": "No pushing today"}, {}
        if path == "/api/validate-yaml":
            if b"language: strange" in json.loads(body)["content"].encode():
                return (
                    400,
                    {"error": "bad", "errors": [{"message": '"language" must be one of those known'}]},
                    {},
                )
            return 200, {"warnings": [], "errors": []}, {}
        if path.startswith("/objects/"):
            return 200, {}, {}
        if token != f"Bearer {TOKEN}":
            return (
                401,
                {"error": "Invalid credentials"},
                {"X-Error-Message": "Invalid credentials in Authorization header"},
            )
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = f"{wanted['organization']}/{wanted['name']}"
            if wanted["organization"] != self.owner:
                return 403, {"error": "forbidden"}, {}
            self.repositories[name] = Repository(private=wanted.get("visibility") == "private")
            return 200, {"url": f"{self.url}/{name}", "name": name}, {}
        name, rest = self._split(path)
        known = self.repositories.get(name)
        if known is None:
            return 404, {"error": "not found"}, {"X-Error-Code": "RepoNotFound"}
        return self._of(name, known, rest, body)

    def _split(self, path: str) -> tuple[str, str]:
        parts = path.removeprefix("/api/models").strip("/").split("/")
        return f"{parts[0]}/{parts[1].removesuffix('.git')}", "/".join(parts[2:])

    def _of(self, name: str, known: Repository, rest: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        if rest.startswith("preupload"):
            files = [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if one["size"] >= LARGE else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for one in json.loads(body)["files"]
            ]
            return 200, {"files": files}, {}
        if rest == "info/lfs/objects/batch":
            objects = []
            for one in json.loads(body)["objects"]:
                entry = dict(one)
                if one["oid"] not in self.objects:
                    entry["actions"] = {"upload": {"href": f"{self.url}/objects/{one['oid']}"}}
                objects.append(entry)
            return 200, {"transfer": "basic", "objects": objects}, {}
        if rest.startswith("resolve/main/"):
            return 200, known.files[rest.removeprefix("resolve/main/")], {}
        if rest.startswith("commit"):
            return self._commit(name, known, body)
        siblings = [{"rfilename": file} for file in known.files]
        return (
            200,
            {"id": name, "modelId": name, "sha": COMMIT, "private": known.private, "siblings": siblings},
            {},
        )

    def _commit(self, name: str, known: Repository, body: bytes) -> tuple[int, Any, dict[str, str]]:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                known.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "deletedFile":
                del known.files[value["path"]]
            elif entry["key"] == "lfsFile":
                known.files[value["path"]] = self.objects[value["oid"]]
        known.commits += 1
        return 200, {"commitUrl": f"{self.url}/{name}/commit/{COMMIT}", "commitOid": COMMIT}, {}


@contextmanager
def push_hub() -> Iterator[PushHub]:
    """A stand-in that listens while the block runs."""
    hub = PushHub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Stay quiet."""

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            length = int(self.headers["Content-Length"])
            oid = self.path.rpartition("/")[2]
            if hub.break_off:
                hub.break_off -= 1
                self.rfile.read(length // 2)
                self.connection.close()
                self.close_connection = True
                return
            content = self.rfile.read(length)
            assert hashlib.sha256(content).hexdigest() == oid
            hub.objects[oid] = content
            hub.uploads.append(oid)
            self._send(200, {}, {})

        def _answer(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._send(*hub.answer(self.command, self.path, body, self.headers.get("Authorization")))

        def _send(self, status: int, document: Any, headers: dict[str, str]) -> None:
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
