"""Downloads from a hub, against a local server that speaks the Hub's protocol."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.models.inspect import weights_sha256
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.tiny import tiny_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """A stand-in for the Hub with the files of one folder as ``owner/tiny``.

    Attributes:
        downloads: Names of files sent, in order.
        gated: Whether it refuses access.
        break_off: How many downloads of weights to cut off in the middle.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.downloads: list[str] = []
        self.gated = False
        self.break_off = 0
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Stay quiet."""

            def do_HEAD(self) -> None:
                self._answer(body=False)

            def do_GET(self) -> None:
                self._answer(body=True)

            def _answer(self, *, body: bool) -> None:
                path = self.path.split("?")[0]
                if path.startswith("/api/models/"):
                    known = path.startswith("/api/models/owner/tiny")
                    trouble = {} if known else {"X-Error-Code": "RepoNotFound"}
                    self._send(200 if known else 404, json.dumps(hub.details()).encode(), trouble, body)
                    return
                file = hub.folder / path.rpartition("/")[2]
                if not path.startswith("/owner/tiny/resolve/") or not file.exists():
                    self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, body)
                    return
                if hub.gated:
                    self._send(403, b"", {"X-Error-Code": "GatedRepo"}, body)
                    return
                content = file.read_bytes()
                headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
                start = 0
                if "Range" in self.headers:
                    start = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
                if body:
                    hub.downloads.append(file.name)
                self._send(206 if start else 200, content[start:], headers, body)

            def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body and hub.break_off and len(content) > 5000:
                    hub.break_off -= 1
                    self.wfile.write(content[: len(content) // 2])
                    self.close_connection = True
                elif body:
                    self.wfile.write(content)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def details(self) -> dict[str, object]:
        """What the Hub says of a model."""
        files = [
            {"rfilename": path.name, "size": path.stat().st_size} for path in sorted(self.folder.iterdir())
        ]
        return {
            "id": "owner/tiny",
            "modelId": "owner/tiny",
            "sha": COMMIT,
            "siblings": files,
            "private": False,
        }


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    stand_in = Hub(tiny_model(tmp_path / "published"))
    (stand_in.folder / "pytorch_model.bin").write_bytes(b"never fetched")
    yield stand_in
    stand_in.server.shutdown()
    stand_in.server.server_close()


def add(cli: Cli, hub: Hub, name: str = "owner/tiny") -> tuple[int, str]:
    """Add a model from the stand-in; returns the status and the error's code."""
    result = cli(
        "model", "add", name, "--json", environment={"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
    )
    return result.status, (result.json.get("error") or {}).get("code", "")


def test_a_model_comes_whole_and_without_its_pickles(cli: Cli, workspace: Workspace, hub: Hub) -> None:
    assert add(cli, hub) == (0, "")
    shown = cli("model", "show", "tiny", "--json").json
    assert shown["weights_sha256"] == weights_sha256(hub.folder)
    assert Path(shown["folder"]).is_relative_to(workspace.models)
    assert "pytorch_model.bin" not in hub.downloads
    assert not (Path(shown["folder"]) / ".cache").exists()


def test_an_unknown_model_is_told(cli: Cli, hub: Hub) -> None:
    assert add(cli, hub, "owner/nothing") == (1, "hub.unknown")


def test_a_gated_model_is_told(cli: Cli, hub: Hub) -> None:
    hub.gated = True
    assert add(cli, hub) == (1, "hub.gated")


def test_a_model_of_pickles_only_is_refused(cli: Cli, hub: Hub) -> None:
    (hub.folder / "model.safetensors").unlink()
    assert add(cli, hub) == (1, "model.pickle")
    assert hub.downloads == []


def test_without_network_one_sentence_says_so(cli: Cli, hub: Hub) -> None:
    hub.server.shutdown()
    hub.server.server_close()
    assert add(cli, hub) == (1, "hub.unreachable")
    assert cli("model", "list", "--json").json == []
