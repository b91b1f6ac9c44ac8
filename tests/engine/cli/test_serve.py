"""``bakeoff serve`` as a process: one document, a key, real answers, a clean end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import openai
import psutil
import pytest

from engine.exporting.spec import ExportSpec
from engine.workspace import Workspace, open_workspace
from tests.conftest import Cli, clean_environment, end_processes_of
from tests.here import add_model, do
from tests.tiny_families import exportable_model

ASKED: Any = {"messages": [{"role": "user", "content": "The river"}], "max_tokens": 8, "temperature": 0}


class Running(NamedTuple):
    """A server that is ready."""

    process: subprocess.Popen[str]
    document: dict[str, Any]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with two models whose GGUF files are there."""
    place = tmp_path_factory.mktemp("serve")
    workspace = open_workspace(place / "workspace")
    for seed, name in enumerate(("one", "two")):
        add_model(workspace, exportable_model(place / name, seed=seed), name)
    do(workspace, "export", ExportSpec(model="one", others=["two"], quantisation="q8_0"))
    yield workspace
    end_processes_of(workspace.root)
    workspace.catalogue.close()


@contextmanager
def serving(workspace: Workspace, *words: str, **environment: str) -> Iterator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli.main", "serve", *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=clean_environment(workspace.root, workspace.root.parent) | environment,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            lines.append(line)
        yield Running(process, json.loads("".join(lines)))
    finally:
        process.kill()
        process.communicate()


def client_of(document: dict[str, Any], key: str | None = None) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=document["base_url"], api_key=key or document["key"], max_retries=0, timeout=60
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_serves_until_it_is_ended(served: Workspace, number: signal.Signals) -> None:
    with serving(served, "one", "two@q8_0") as (process, document):
        assert set(document) == {"base_url", "key", "models"}
        assert document["models"] == ["one", "two@q8_0"]
        assert document["base_url"].startswith("http://127.0.0.1:")
        with client_of(document) as client:
            answers = {
                model: client.chat.completions.create(model=model, **ASKED).choices[0].message.content
                for model in document["models"]
            }
        assert answers["one"] != answers["two@q8_0"]
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=20)
        assert process.returncode == 130
        assert stdout == "", "there is one document only"
        assert document["key"] not in stderr
        assert "Traceback" not in stderr
        assert stderr.rstrip().endswith("Nothing is served any more.")
        assert not psutil.wait_procs(children, timeout=5)[1]


def test_a_crash_of_native_code_costs_one_answer_at_most(served: Workspace) -> None:
    with serving(served, "one") as (process, document), client_of(document) as client:
        before = client.chat.completions.create(model="one", **ASKED)
        (child,) = psutil.Process(process.pid).children()
        child.send_signal(signal.SIGSEGV)
        deadline = time.monotonic() + 10
        # It has ended when its last thread has; its first one alone tells nothing.
        while child.status() != psutil.STATUS_ZOMBIE or len(child.threads()) > 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # It crashed while nobody asked: that costs no answer, since the model is loaded anew.
        after = client.chat.completions.create(model="one", **ASKED)
        assert after.choices[0].message.content == before.choices[0].message.content
        (another,) = psutil.Process(process.pid).children()
        assert another.pid != child.pid
        asked: Any = {**ASKED, "max_tokens": None}
        pieces = client.chat.completions.create(model="one", stream=True, **asked)
        next(iter(pieces))
        another.kill()
        with pytest.raises(openai.APIError, match="process ended"):
            list(pieces)
        assert client.chat.completions.create(model="one", **ASKED).choices
        (another,) = psutil.Process(process.pid).children()
        process.kill()
        process.wait(10)
        assert not psutil.wait_procs([another], timeout=10)[1], "it does not survive its parent"


def test_keys_differ_and_one_may_be_brought(served: Workspace) -> None:
    with serving(served, "one", "--key-env", "MINE", MINE="my-own-key-1") as (_, document):
        assert document["key"] is None
        assert "my-own-key-1" not in json.dumps(document)
        with client_of(document, "my-own-key-1") as client:
            assert [model.id for model in client.models.list()] == ["one"]
        with client_of(document, "wrong") as client, pytest.raises(openai.AuthenticationError):
            client.models.list()


def test_a_person_is_told_address_and_key(served: Workspace) -> None:
    environment = clean_environment(served.root, served.root.parent)
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli.main", "serve", "one"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
    )
    assert process.stderr is not None
    first, second = process.stderr.readline(), process.stderr.readline()
    process.send_signal(signal.SIGINT)
    stdout, rest = process.communicate(timeout=20)
    assert "Serving one at http://127.0.0.1:" in first
    key = second.removeprefix("Key: ").strip()
    assert len(key) > 40
    assert key not in rest + stdout
    kept = [file for file in served.root.rglob("*") if file.is_file()]
    assert kept
    assert not [file for file in kept if key.encode() in file.read_bytes()], "it is never written"


def test_wrong_words(cli: Cli, tmp_path: Path) -> None:
    assert cli("serve").status == 2
    assert cli("serve", "one", "--port", "70000").status == 2
    gone = cli("serve", "nobody", "--json")
    assert gone.status == 1
    assert "nobody" in gone.json["error"]["message"]
    keyless = cli("serve", "one", "--key-env", "NOT_SET")
    assert keyless.status == 1
    assert "--key-env" in keyless.stderr


def test_a_taken_port_is_told(served: Workspace, cli: Cli) -> None:
    with serving(served, "one") as (_, document):
        port = document["base_url"].rpartition(":")[2].removesuffix("/v1")
        refused = cli("serve", "one", "--port", port, environment={"BAKEOFF_WORKSPACE": str(served.root)})
        assert refused.status == 1
        assert f"Port {port}" in refused.stderr
