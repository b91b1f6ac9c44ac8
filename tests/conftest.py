"""What many tests need: a workspace of their own, the command line as a real process, the public data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psutil
import pytest

from engine.workspace import Workspace, open_workspace

REPOSITORY = Path(__file__).resolve().parent.parent


#: Files with the longest tests, the longest first: begun last, they would be waited for by idle workers.
_LONGEST = (
    "studies/test_loop.py",
    "test_whole_loop.py",
    "test_golden.py",
    "jobs/test_runner.py",
    "exporting/test_families.py",
    "studies/test_real_model.py",
    "cli/test_datasets.py",
    "test_monkey.py",
    "models/test_hub.py",
    "exporting/test_smollm2.py",
    "jobs/test_crashes.py",
    "training/test_run.py",
    "cli/test_chat.py",
    "jobs/test_own_runner.py",
    "cli/test_jobs.py",
    "cli/test_release.py",
    "cli/test_serve.py",
)


def pytest_configure() -> None:
    """No test reaches the keyring of whoever runs it, or what another test put into one.

    Named from the start: the first call decides for the whole process, and would take the best of all that are
    defined, one of a test's own among them.
    """
    import keyring
    from keyring.backends import fail

    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    keyring.set_keyring(fail.Keyring())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files."""
    places = {name: place for place, name in enumerate(_LONGEST)}

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next(
            (
                number
                for name, number in places.items()
                if path.endswith((f"engine/{name}", f"desktop/{name}"))
            ),
            len(places),
        )

    items.sort(key=place)


class CliResult(NamedTuple):
    """How a run of the command line ended; ``json`` is stdout's document where ``--json`` was given."""

    status: int
    stdout: str
    stderr: str
    json: Any


class Cli(Protocol):
    """Runs ``bakeoff`` with some arguments."""

    def __call__(
        self,
        *arguments: str | Path,
        input: str | None = None,
        environment: dict[str, str] | None = None,
        timeout: float = 120.0,
    ) -> CliResult: ...


def processes_of(workspace: Path) -> list[psutil.Process]:
    """The runner and the workers of a workspace, and nobody else's.

    A runner that is about to start a worker is seen twice for an instant, as the fork has its parent's command
    line until it becomes the worker; it is left out.
    """
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter(["ppid", "cmdline"]):
        words = process.info["cmdline"] or []
        ours = "engine.jobs.runner" in words or "engine.jobs.worker" in words
        if ours and any(Path(word).is_relative_to(workspace) for word in words[1:] if word.startswith("/")):
            found[process.pid] = process
    return [
        process
        for process in found.values()
        if (parent := found.get(process.info["ppid"])) is None
        or parent.info["cmdline"] != process.info["cmdline"]
    ]


def end_processes_of(workspace: Path) -> None:
    """Kill the runner and the workers of a workspace, and wait until they are gone."""
    deadline = time.monotonic() + 10.0
    while (alive := processes_of(workspace)) and time.monotonic() < deadline:
        for process in alive:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(alive, timeout=5.0)


def clean_environment(workspace: Path, home: Path) -> dict[str, str]:
    """This process's environment without keys, endpoints and a keyring, and with a home of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "BAKEOFF_", "XDG_")) and not name.endswith("_API_KEY")
    }
    return kept | {
        "BAKEOFF_WORKSPACE": str(workspace),
        "HOME": str(home),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "PYTHONIOENCODING": "utf-8",
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A new workspace; whatever was started for it is ended afterwards."""
    opened = open_workspace(tmp_path / "workspace")
    yield opened
    end_processes_of(opened.root)
    if "catalogue" in vars(opened):  # only what was opened can be closed
        opened.catalogue.close()


@pytest.fixture
def cli(workspace: Workspace, tmp_path: Path) -> Cli:
    """The command line in a process of its own, in the folder ``tmp_path`` and on ``workspace``."""

    def run(
        *arguments: str | Path,
        input: str | None = None,
        environment: dict[str, str] | None = None,
        timeout: float = 120.0,
    ) -> CliResult:
        words = [str(argument) for argument in arguments]
        process = subprocess.run(
            [sys.executable, "-m", "engine.cli.main", *words],
            input="" if input is None else input,
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            env=clean_environment(workspace.root, tmp_path) | (environment or {}),
            timeout=timeout,
            check=False,
        )
        document = json.loads(process.stdout) if "--json" in words and process.stdout else None
        return CliResult(process.returncode, process.stdout, process.stderr, document)

    return run


@pytest.fixture
def cli_here(workspace: Workspace, tmp_path: Path) -> Iterator[Cli]:
    """As ``cli``, in this process, its jobs in threads: for what a command and its jobs do, not what they are."""
    from tests.here import command_line, threads_for_processes

    def run(
        *arguments: str | Path,
        input: str | None = None,
        environment: dict[str, str] | None = None,
        timeout: float = 120.0,
    ) -> CliResult:
        words = [str(argument) for argument in arguments]
        around = clean_environment(workspace.root, tmp_path) | (environment or {})
        status, out, err = command_line(words, around, tmp_path, input or "")
        document = json.loads(out) if "--json" in words and out else None
        return CliResult(status, out, err, document)

    with threads_for_processes(workspace):
        yield run


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public data and oracles beside the repository; the test is skipped without it."""
    folder = Path(os.environ.get("BAKEOFF_SHARED") or REPOSITORY.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"needs the shared data ({folder} is not there)")
    return folder
