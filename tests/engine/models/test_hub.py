"""Downloads from a hub, against a local server that speaks the Hub's protocol."""

from __future__ import annotations

import errno
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.models.errors import ModelError
from engine.models.hub import _Files, _told
from engine.models.inspect import WEIGHTS_INDEX, weights_sha256
from engine.progress import SilentReporter
from engine.workspace import Workspace
from tests.conftest import Cli, CliResult
from tests.tiny import tiny_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """A stand-in for the Hub with the files of one folder as ``owner/tiny``.

    Attributes:
        downloads: Names of files sent, in order.
        ranges: The ranges asked for of weights, None for all of a file.
        gated: Whether it refuses access.
        break_off: How many downloads of weights to cut off in the middle.
        gone: Whether weights come with no byte any more.
        stuck: Stops in the middle of weights, once, until this is set again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.downloads: list[str] = []
        self.ranges: list[str | None] = []
        self.gated = False
        self.break_off = 0
        self.gone = False
        self.stuck = threading.Event()
        self.stuck.set()
        self.halfway = threading.Event()
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
                if body and file.suffix == ".safetensors":
                    hub.ranges.append(self.headers.get("Range"))
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
                elif body and hub.gone and len(content) > 5000:
                    self.close_connection = True
                elif body and not hub.stuck.is_set() and len(content) > 5000:
                    # A connection that trickles, as a slow one does.
                    self.wfile.write(content[: len(content) // 2])
                    hub.halfway.set()
                    for byte in content[len(content) // 2 : -1]:
                        if hub.stuck.wait(0.05):
                            break
                        with suppress(OSError):
                            self.wfile.write(bytes([byte]))
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


#: What has to be passed on with a model, as makers call it.
NOTICES = (
    "LICENCE",
    "Notice",
    "USE_POLICY.md",
    "COPYING.LESSER",
    "Gemma_Terms_of_Use.html",
    "license-vision.pdf",
    "MODEL_LICENSE",
    "Licenses.docx",
    "ThirdPartyNotices.html",
    "README",
)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    stand_in = Hub(tiny_model(tmp_path / "published"))
    (stand_in.folder / "pytorch_model.bin").write_bytes(b"never fetched")
    for name in (*NOTICES, "paper.pdf"):
        (stand_in.folder / name).write_text("Words.", encoding="utf-8")
    yield stand_in
    stand_in.stuck.set()
    stand_in.server.shutdown()
    stand_in.server.server_close()


def attempt(cli: Cli, hub: Hub, *words: str) -> CliResult:
    return cli(*words, "--json", environment={"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"})


def add(cli: Cli, hub: Hub, name: str = "owner/tiny") -> tuple[int, str]:
    """Add a model from the stand-in; returns the status and the error's code."""
    result = attempt(cli, hub, "model", "add", name)
    return result.status, (result.json.get("error") or {}).get("code", "")


def test_a_model_comes_whole_and_without_its_pickles(cli: Cli, workspace: Workspace, hub: Hub) -> None:
    assert add(cli, hub) == (0, "")
    shown = cli("model", "show", "tiny", "--json").json
    assert shown["weights_sha256"] == weights_sha256(hub.folder)
    assert Path(shown["folder"]).is_relative_to(workspace.models)
    assert "pytorch_model.bin" not in hub.downloads
    assert set(NOTICES) <= set(hub.downloads)
    assert "paper.pdf" not in hub.downloads
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


def test_a_connection_that_breaks_off_is_taken_up_where_it_stopped(cli: Cli, hub: Hub) -> None:
    hub.break_off = 2
    assert add(cli, hub) == (0, "")
    size = (hub.folder / "model.safetensors").stat().st_size
    assert hub.ranges == [None, f"bytes={size // 2}-", f"bytes={size // 2 + (size - size // 2) // 2}-"]
    assert cli("model", "show", "tiny", "--json").json["weights_sha256"] == weights_sha256(hub.folder)


def test_after_a_connection_that_stays_broken_the_same_command_goes_on(cli: Cli, hub: Hub) -> None:
    hub.break_off, hub.gone = 1, True
    assert add(cli, hub) == (1, "hub.unreachable")
    hub.gone = False
    hub.ranges.clear()
    assert add(cli, hub) == (0, "")
    half = (hub.folder / "model.safetensors").stat().st_size // 2
    assert hub.ranges == [f"bytes={half}-"]
    assert cli("model", "show", "tiny", "--json").json["weights_sha256"] == weights_sha256(hub.folder)


def test_a_pause_does_not_wait_for_the_file_and_costs_nothing(
    cli: Cli, workspace: Workspace, hub: Hub
) -> None:
    hub.stuck.clear()
    job = attempt(cli, hub, "model", "add", "owner/tiny", "--detach").json["job"]
    assert hub.halfway.wait(60)
    paused = cli("job", "pause", job, "--json").json
    assert (paused["state"], paused["error"]) == ("paused", None)
    size = (hub.folder / "model.safetensors").stat().st_size
    assert size // 3 < paused["progress"]["done"] < paused["progress"]["total"]
    hub.stuck.set()
    assert add(cli, hub) == (0, "")
    assert hub.ranges[0] is None
    assert int(str(hub.ranges[1]).removeprefix("bytes=").removesuffix("-")) >= size // 3
    assert cli("model", "show", "tiny", "--json").json["weights_sha256"] == weights_sha256(hub.folder)


def test_code_of_its_own_is_refused_before_the_weights_come(cli: Cli, workspace: Workspace, hub: Hub) -> None:
    config = hub.folder / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "auto_map": {"AutoModel": "x.X"}}))
    error = attempt(cli, hub, "model", "add", "owner/tiny").json["error"]
    assert error["code"] == "model.remote_code"
    assert "owner/tiny" in error["message"]
    assert str(workspace.root) not in error["message"]
    assert hub.ranges == []


def test_a_second_copy_of_the_weights_is_not_fetched(cli: Cli, hub: Hub) -> None:
    weights = (hub.folder / "model.safetensors").read_bytes()
    (hub.folder / "consolidated.safetensors").write_bytes(weights)
    assert add(cli, hub) == (0, "")
    assert "consolidated.safetensors" not in hub.downloads


def test_of_weights_in_several_files_those_of_the_index_are_fetched(cli: Cli, hub: Hub) -> None:
    shard = hub.folder / "model-00001-of-00001.safetensors"
    (hub.folder / "model.safetensors").rename(shard)
    (hub.folder / "consolidated.safetensors").write_bytes(shard.read_bytes())
    (hub.folder / WEIGHTS_INDEX).write_text(json.dumps({"weight_map": {"model.norm.weight": shard.name}}))
    assert add(cli, hub) == (0, "")
    assert [name for name in hub.downloads if name.endswith(".safetensors")] == [shard.name]


def test_a_disk_without_room_is_told_before_anything_comes(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        _Files("owner/tiny", COMMIT, tmp_path, SilentReporter()).fetch([("model.safetensors", 10**18)])
    assert caught.value.code == "hub.disk_full"
    assert "1,000,000,000,000 MB are still to come" in caught.value.message


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "hub.disk_full"), (errno.EACCES, "hub.not_written")]
)
def test_failures_of_the_disk_are_not_blamed_on_the_network(tmp_path: Path, number: int, code: str) -> None:
    with pytest.raises(ModelError) as caught, _told("owner/tiny", "main", tmp_path):
        raise OSError(number, "reason")
    assert caught.value.code == code
