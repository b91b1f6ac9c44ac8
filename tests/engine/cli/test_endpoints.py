"""``bakeoff endpoint`` and ``bakeoff key``: no key in an argument, the workspace or an output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.conftest import Cli
from tests.fake_openai import FakeOpenAI, Truth

_KEY = "sk-test-0123456789abcdef"
#: A keyring that keeps its secrets in a file, for a test in several processes.
_KEYRING = """
import json, pathlib
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError
class FileKeyring(KeyringBackend):
    priority = 1
    file = pathlib.Path(__file__).with_name("kept.json")
    def _kept(self):
        return json.loads(self.file.read_text()) if self.file.exists() else {}
    def get_password(self, service, username):
        return self._kept().get(username)
    def set_password(self, service, username, password):
        self.file.write_text(json.dumps(self._kept() | {username: password}))
    def delete_password(self, service, username):
        kept = self._kept()
        if kept.pop(username, None) is None:
            raise PasswordDeleteError("there is none")
        self.file.write_text(json.dumps(kept))
"""


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(Truth(key=_KEY)) as fake:
        yield fake


@pytest.fixture
def with_keyring(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "keyring-outside-the-workspace"
    folder.mkdir()
    (folder / "file_keyring.py").write_text(_KEYRING)
    return {"PYTHONPATH": str(folder), "PYTHON_KEYRING_BACKEND": "file_keyring.FileKeyring"}


def _everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_openai_is_known_without_being_added(cli: Cli) -> None:
    (openai,) = cli("endpoint", "list", "--json").json
    assert (openai["name"], openai["key"]) == ("openai", None)
    ours = {"OPENAI_API_KEY": _KEY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    ran = cli("endpoint", "list", "--json", environment=ours)
    assert ran.json[0]["base_url"] == "http://127.0.0.1:9/v1"
    assert ran.json[0]["key"] == "environment"
    assert _KEY not in ran.stdout + ran.stderr


def test_add_list_change_and_remove(cli_here: Cli) -> None:
    added = cli_here("endpoint", "add", "lab", "--base-url", "http://127.0.0.1:8000/v1/", "--json")
    assert added.status == 0, added.stderr
    assert added.json["base_url"] == "http://127.0.0.1:8000/v1"
    assert [row["name"] for row in cli_here("endpoint", "list", "--json").json] == ["lab", "openai"]
    cli_here("endpoint", "add", "lab", "--base-url", "http://127.0.0.1:9000/v1", "--key-env", "LAB_KEY")
    changed = cli_here("endpoint", "list", "--json", environment={"LAB_KEY": _KEY}).json[0]
    assert (changed["base_url"], changed["key_env"], changed["key"]) == (
        "http://127.0.0.1:9000/v1",
        "LAB_KEY",
        "environment",
    )
    assert cli_here("endpoint", "remove", "lab").status == 0
    assert [row["name"] for row in cli_here("endpoint", "list", "--json").json] == ["openai"]
    gone = cli_here("endpoint", "remove", "lab", "--json")
    assert (gone.status, gone.json["error"]["code"]) == (1, "endpoint.unknown")


@pytest.mark.parametrize(
    ("name", "url", "code"),
    [
        ("lab", "ftp://x/v1", "endpoint.url"),
        ("lab", "not a url", "endpoint.url"),
        ("lab", f"https://user:{_KEY}@host/v1", "endpoint.url_secret"),
        ("lab", f"https://host/v1?key={_KEY}", "endpoint.url_secret"),
        ("local", "http://127.0.0.1/v1", "endpoint.reserved"),
        ("a:b", "http://127.0.0.1/v1", "name.unusable"),
    ],
)
def test_what_cannot_be_an_endpoint_is_refused(
    cli_here: Cli, workspace: Workspace, name: str, url: str, code: str
) -> None:
    ran = cli_here("endpoint", "add", name, "--base-url", url, "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, code)
    assert _KEY not in ran.stdout + ran.stderr
    assert _KEY.encode() not in _everything_below(workspace.root)


def test_a_key_given_for_the_name_of_a_variable_is_refused_and_not_repeated(
    cli_here: Cli, workspace: Workspace
) -> None:
    ran = cli_here("endpoint", "add", "lab", "--base-url", "http://127.0.0.1/v1", "--key-env", _KEY, "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "endpoint.key_env")
    assert _KEY not in ran.stdout + ran.stderr
    assert _KEY.encode() not in _everything_below(workspace.root)


def test_an_endpoint_that_answers_lists_its_models(cli_here: Cli, server: FakeOpenAI) -> None:
    cli_here("endpoint", "add", "lab", "--base-url", server.base_url)
    ran = cli_here("endpoint", "test", "lab", "--json", environment={"LAB_API_KEY": _KEY})
    assert ran.status == 0, ran.stderr
    assert "gpt-4o" in ran.json["models"]
    assert ran.json["key"] == "environment"
    assert server.usage.as_dict()["requests"] == 0 if "requests" in server.usage.as_dict() else True
    assert _KEY not in ran.stdout + ran.stderr


def test_a_wrong_key_is_told_without_showing_it(cli_here: Cli, server: FakeOpenAI) -> None:
    cli_here("endpoint", "add", "lab", "--base-url", server.base_url)
    ran = cli_here("endpoint", "test", "lab", "--json", environment={"LAB_API_KEY": "sk-wrong-987654321"})
    assert ran.status == 1
    assert ran.json["error"]["code"].startswith("endpoint.")
    assert "sk-wrong-987654321" not in ran.stdout + ran.stderr


def test_no_network_and_no_endpoint_are_told(cli_here: Cli) -> None:
    cli_here("endpoint", "add", "lab", "--base-url", "http://127.0.0.1:1/v1")
    ran = cli_here("endpoint", "test", "lab")
    assert ran.status == 1
    assert "cannot be reached" in ran.stderr
    assert cli_here("endpoint", "test", "elsewhere", "--json").json["error"]["code"] == "endpoint.unknown"
    no_key = cli_here("endpoint", "test", "openai", "--json")
    assert (no_key.status, no_key.json["error"]["code"]) == (1, "secret.missing")


def test_a_key_goes_from_stdin_into_the_keyring_and_nowhere_else(
    cli: Cli, server: FakeOpenAI, workspace: Workspace, with_keyring: dict[str, str]
) -> None:
    cli("endpoint", "add", "lab", "--base-url", server.base_url)
    stored = cli("key", "set", "lab", "--json", input=f"{_KEY}\n", environment=with_keyring)
    assert (stored.status, stored.json["stored"]) == (0, "keyring"), stored.stderr
    assert _KEY not in stored.stdout + stored.stderr
    assert _KEY.encode() not in _everything_below(workspace.root)
    tested = cli("endpoint", "test", "lab", "--json", environment=with_keyring)
    assert (tested.status, tested.json["key"]) == (0, "keyring")

    removed = cli("endpoint", "remove", "lab", "--json", environment=with_keyring)
    assert removed.json["key_removed"] is True
    cli("endpoint", "add", "lab", "--base-url", server.base_url)
    assert cli("endpoint", "list", "--json", environment=with_keyring).json[0]["key"] is None


def test_without_a_keyring_the_environment_is_named(cli: Cli, workspace: Workspace) -> None:
    ran = cli("key", "set", "openai", "--json", input=_KEY)
    assert (ran.status, ran.json["error"]["code"]) == (1, "secret.no_keyring")
    assert "OPENAI_API_KEY" in ran.json["error"]["fix"]
    assert _KEY not in ran.stdout + ran.stderr
    assert _KEY.encode() not in _everything_below(workspace.root)


def test_a_key_is_never_an_argument(cli: Cli) -> None:
    ran = cli("key", "set", "openai", _KEY)
    assert ran.status == 2
    assert _KEY not in ran.stdout + ran.stderr


@pytest.mark.parametrize("typed", ["", "\n", "sk-two words\n", "schlüssel\n"])
def test_what_is_no_key_is_refused(cli: Cli, typed: str) -> None:
    ran = cli("key", "set", "openai", "--json", input=typed)
    assert (ran.status, ran.json["error"]["code"]) == (1, "endpoint.key_text")


def test_a_key_is_for_a_known_endpoint(cli: Cli) -> None:
    assert cli("key", "set", "nobody", "--json", input=_KEY).json["error"]["code"] == "endpoint.unknown"
