"""A screen that nobody sees, with a D-Bus session and an accessibility bus of its own, and windows on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.diagnostics import WINDOW_LOG
from engine.workspace import Workspace
from tests.conftest import REPOSITORY, clean_environment
from tests.desktop.screen.accessible import AccessibilityBus, Part, until

#: What the packages of the group ``screen`` (packaging/system-packages.txt) bring.
_PROGRAMS = ("Xvfb", "xdotool", "dbus-daemon")
_ACCESSIBILITY = Path("/usr/share/dbus-1/services/org.a11y.Bus.service")
#: What the toolkit says when somebody asks for a part that has just gone.
_ASKED_TOO_LATE = "Could not find accessible on path"


@dataclass(frozen=True)
class Desk:
    """A screen and its session.

    Attributes:
        environment: Of programs that are to appear there.
        bus: On which their windows tell what is in them.
    """

    environment: dict[str, str]
    bus: AccessibilityBus

    def mouse(self, *words: object) -> None:
        """Real events of the mouse, as ``xdotool`` names them."""
        subprocess.run(
            ["xdotool", *map(str, words)], env=self.environment, check=True, timeout=60, capture_output=True
        )

    @contextmanager
    def program(self, *words: str | Path, told: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A Python program with a window; it is ended with the block, and must not have ended before.

        Args:
            words: As they come after ``python``.
            told: Takes its stdout.
            log: Takes its stderr.
        """
        with told.open("wb") as output, log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, *map(str, words)],
                env=self.environment,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
        try:
            yield process
            assert process.poll() is None, log.read_text(encoding="utf-8")
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def bakeoff(self, workspace: Workspace) -> Iterator[Part]:
        """The application's window on a workspace; it must have nothing to complain about."""
        told, log = workspace.root.parent / "stdout.log", workspace.root.parent / "stderr.log"
        title = f"Bakeoff - {workspace.root.name}"
        with self.program("-m", "desktop.app", "--workspace", workspace.root, told=told, log=log) as process:

            def appeared() -> Part | None:
                assert process.poll() is None, log.read_text(encoding="utf-8")
                return next((one for one in self.bus.windows() if one.name == title), None)

            yield until(appeared)
        complaints = log.read_text(encoding="utf-8").splitlines()
        assert [line for line in complaints if _ASKED_TOO_LATE not in line] == []
        assert not (workspace.root / WINDOW_LOG).exists(), (workspace.root / WINDOW_LOG).read_text(
            encoding="utf-8"
        )


@pytest.fixture(scope="session")
def desk() -> Iterator[Desk]:
    """One for all tests of the process."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if not _ACCESSIBILITY.exists():
        missing.append("at-spi2-core")
    if missing:
        reason = f"needs a screen: {', '.join(missing)} missing (packaging/system.sh screen installs them)"
        if os.environ.get("BAKEOFF_SCREEN"):
            pytest.fail(reason)
        pytest.skip(reason)
    # Not in pytest's folder: the path of a socket is short.
    home = Path(tempfile.mkdtemp(prefix="desk-"))
    environment = clean_environment(home / "none", home)
    for name in [name for name in environment if name.startswith(("DBUS_", "QT_", "WAYLAND_"))]:
        del environment[name]
    environment |= {
        "XDG_RUNTIME_DIR": str(home),
        "GSETTINGS_BACKEND": "memory",
        "LC_ALL": "C.UTF-8",
        "QT_QPA_PLATFORM": "xcb",
        "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
    }
    reading, writing = os.pipe()
    with (home / "log").open("wb") as log:
        screen = _start("Xvfb", "-displayfd", str(writing), *_SCREEN, pass_fds=(writing,), stderr=log)
        os.close(writing)
        with os.fdopen(reading, encoding="ascii") as told:
            environment["DISPLAY"] = f":{told.readline().strip()}"
        session = _start(
            *("dbus-daemon", "--session", "--nofork", "--print-address=1"),
            env=environment, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    assert session.stdout is not None
    address = session.stdout.readline().decode().strip()
    assert address, (home / "log").read_text(encoding="utf-8")
    environment["DBUS_SESSION_BUS_ADDRESS"] = address
    bus = AccessibilityBus(address)
    yield Desk(environment, bus)
    bus.close()
    for process in (session, screen):  # what the session has begun ends with it
        process.terminate()
        process.communicate()
    shutil.rmtree(home, ignore_errors=True)


_SCREEN = ("-screen", "0", "1920x1080x24", "-nolisten", "tcp", "-noreset")


def _start(*words: str, **how: object) -> subprocess.Popen[bytes]:
    """A process that ends when the tests are killed."""
    dying = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()
    return subprocess.Popen([*dying, *words], stdin=subprocess.DEVNULL, **how)  # type: ignore[call-overload,no-any-return]
