"""The Makefile lists itself, hands its variables to the demo, and does nothing twice."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*words: str, folder: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_make_alone_lists_the_targets() -> None:
    listing = make().stdout
    for target in ("setup", "demo", "test", "check", "app", "bench", "lock", "clean"):
        assert f"\n{target} " in listing


def test_demo_gets_its_options_from_variables() -> None:
    words = "DATA=some folder", "JUDGE=openai:gpt-x", "BUDGET_USD=2", "FRESH=1", "FULL=1", "QLORA=1"
    command = make("--dry-run", "demo", *words).stdout.splitlines()[-1]
    options = '--data "some folder" --judge "openai:gpt-x" --budget-usd "2" --fresh --full --qlora'
    assert " ".join(command.split()) == f".venv/bin/bakeoff demo {options}"


def test_demo_asks_for_nothing_by_itself() -> None:
    command = make("--dry-run", "demo").stdout.splitlines()[-1]
    assert command.split() == [".venv/bin/bakeoff", "demo"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder, with a space in its name, that looks set up: every stamp is there, newer than its inputs."""
    folder = tmp_path / "a check out"
    stamps = folder / ".venv/.stamps"
    stamps.mkdir(parents=True)
    (folder / "packaging").mkdir()
    (folder / "engine/exporting").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "engine/exporting/kquants.cpp"):
        shutil.copyfile(REPOSITORY / name, folder / name)
    for path in (REPOSITORY / "packaging").iterdir():
        if path.is_file():
            shutil.copyfile(path, folder / "packaging" / path.name)
    (stamps / "place").write_text(str(folder), encoding="utf-8")
    for name in ("system", "packages", "ready", "development", "oracle", "window", "screen"):
        (stamps / name).touch()
    return folder


def test_what_is_set_up_is_not_set_up_again(checkout: Path) -> None:
    done = make("--dry-run", "setup", "setup-dev", "setup-window", "setup-screen", folder=checkout)
    assert done.returncode == 0, done.stderr
    assert "pip" not in done.stdout
    assert "system.sh" not in done.stdout


@pytest.mark.parametrize(
    ("status", "goes_on", "stamped"), [(0, True, True), (1, True, False), (100, False, False)]
)
def test_only_who_may_not_install_goes_on_without_a_screen(
    checkout: Path, status: int, goes_on: bool, stamped: bool
) -> None:
    stamp = checkout / ".venv/.stamps/screen"
    stamp.unlink()
    tool = checkout / "packaging/system.sh"
    tool.write_text(f'#!/bin/sh\n[ "$1" != screen ] || exit {status}\n', encoding="utf-8")
    tool.chmod(0o755)
    done = make("setup-screen", folder=checkout)
    assert (done.returncode == 0, stamp.exists()) == (goes_on, stamped), done.stderr


def test_a_changed_lock_is_installed(checkout: Path) -> None:
    stamp = checkout / ".venv/.stamps/ready"
    lock = checkout / "packaging/requirements.lock"
    newer = stamp.stat().st_mtime + 10
    os.utime(lock, (newer, newer))
    assert "--require-hashes" in make("--dry-run", "setup", folder=checkout).stdout


def test_a_moved_checkout_gets_a_new_environment(checkout: Path) -> None:
    moved = checkout.rename(checkout.parent / "elsewhere")
    assert "-m venv" in make("--dry-run", "setup", folder=moved).stdout


def test_llama_cpp_is_built_again_only_when_its_own_line_changes(checkout: Path) -> None:
    """The two parts of the lock are compared; a part that is as before keeps its time."""
    stamps, lock = checkout / ".venv/.stamps", checkout / "packaging/requirements.lock"
    parts = (str(Path(".venv/.stamps") / name) for name in ("native.txt", "wheels.txt"))
    assert make(*parts, folder=checkout).returncode == 0
    native, wheels = stamps / "native.txt", stamps / "wheels.txt"
    assert native.read_text(encoding="utf-8").startswith("llama-cpp-python==")
    assert "llama-cpp" not in wheels.read_text(encoding="utf-8")
    for path in (native, wheels, lock):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    (stamps / "place").touch()
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text + "one-more==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8")
    assert make(".venv/.stamps/native.txt", folder=checkout).returncode == 0
    assert native.stat().st_mtime == 1_000_000_000
    assert wheels.stat().st_mtime > 1_000_000_000
    assert "one-more==1.0" in wheels.read_text(encoding="utf-8")
