"""Set-up installs the system packages that are missing, or says in one line what to run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "packaging"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="make is for POSIX systems")


class Machine:
    """A machine made of a folder of commands: what is not there is not installed."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "apt.log"
        for tool in ("bash", "dirname", "grep", "env", "true"):
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)
        self.has("python3", "exit 0")

    def has(self, command: str, script: str) -> None:
        """Install a command."""
        path = self.bin / command
        path.write_text(f"#!{shutil.which('bash')}\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def has_apt(self, user: int) -> None:
        """Make it a Debian on which one is the user with this number; apt records how it is called."""
        self.has("dpkg-query", "exit 1")
        self.has("id", f"echo {user}")
        self.has("apt-get", f'echo "$@" >> "{self.log}"')

    def run(self, group: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [FOLDER / "system.sh", group],
            env={"PATH": str(self.bin), "HOME": os.environ.get("HOME", "")},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def installed(self) -> list[str]:
        """The packages that apt was asked to install."""
        if not self.log.exists():
            return []
        last = self.log.read_text(encoding="utf-8").splitlines()[-1]
        return last.partition("--no-install-recommends ")[2].split()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_root_gets_only_what_is_missing(machine: Machine) -> None:
    machine.has_apt(user=0)
    machine.has("c++", "exit 0")
    machine.has("git", "exit 0")
    done = machine.run("setup")
    assert done.returncode == 0, done.stderr
    assert machine.installed() == ["cmake", "make"]


def test_a_python_without_ensurepip_gets_venv(machine: Machine) -> None:
    machine.has_apt(user=0)
    machine.has("python3", "exit 1")
    for tool in ("c++", "git", "cmake", "make"):
        machine.has(tool, "exit 0")
    assert machine.run("setup").returncode == 0
    assert machine.installed() == ["python3-venv"]


def test_sudo_without_password_is_used(machine: Machine) -> None:
    machine.has_apt(user=1000)
    machine.has("sudo", 'shift; exec "$@"')
    assert machine.run("setup").returncode == 0
    assert machine.installed() == ["g++", "cmake", "make", "git"]


def test_without_root_or_sudo_the_line_is_printed_and_nothing_is_installed(machine: Machine) -> None:
    machine.has_apt(user=1000)
    machine.has("sudo", "exit 1")
    done = machine.run("setup")
    assert done.returncode == 1
    assert "sudo apt-get install -y --no-install-recommends g++ cmake make git" in done.stderr
    assert machine.installed() == []


def test_another_system_is_told_what_is_missing(machine: Machine) -> None:
    machine.has("c++", "exit 0")
    done = machine.run("setup")
    assert done.returncode == 1
    assert "Missing here: cmake make git" in done.stderr


def test_nothing_missing_asks_apt_for_nothing(machine: Machine) -> None:
    machine.has_apt(user=0)
    for tool in ("c++", "git", "cmake", "make"):
        machine.has(tool, "exit 0")
    done = machine.run("setup")
    assert (done.returncode, done.stdout, machine.installed()) == (0, "", [])


def test_packages_of_the_window_are_asked_of_dpkg(machine: Machine) -> None:
    machine.has_apt(user=0)
    machine.has("dpkg-query", '[ "${@: -1}" = libgl1 ] || echo installed')
    assert machine.run("window").returncode == 0
    assert machine.installed() == ["libgl1"]


def test_an_old_python_is_refused_in_a_sentence(machine: Machine) -> None:
    machine.has("python3", 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi')
    done = subprocess.run(
        [FOLDER / "find-python.sh"],
        env={"PATH": str(machine.bin)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert "Bakeoff needs Python 3.11 or newer; this machine has Python 3.9.2." in done.stderr
