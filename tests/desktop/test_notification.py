"""A notification without a tray, over a real session bus, to a program that shows what it is told."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from desktop.shell.notification import notify

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("dbus-daemon") is None,
    reason="there is no dbus-daemon here",
)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A session bus of its own."""
    words = ["dbus-daemon", "--session", "--nofork", "--print-address=1"]
    daemon = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    yield address
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()


def test_the_desktop_is_told_a_title_and_words(bus: str) -> None:
    from jeepney import new_method_return
    from jeepney.bus_messages import message_bus
    from jeepney.io.blocking import open_dbus_connection

    told: list[tuple[object, ...]] = []
    with open_dbus_connection(bus=bus) as desktop:
        desktop.send_and_get_reply(message_bus.RequestName("org.freedesktop.Notifications"))

        def show() -> None:
            asked = desktop.receive(timeout=30)
            told.append(asked.body)
            desktop.send(new_method_return(asked, "u", (1,)))

        shows = threading.Thread(target=show)
        shows.start()
        assert notify("Study demo is done", "A merge won.")
        shows.join()
    assert told[0][0] == "Bakeoff"
    assert told[0][3:5] == ("Study demo is done", "A merge won.")


def test_where_nobody_shows_it_nothing_happens(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not notify("Study demo is done", "")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    assert not notify("Study demo is done", "")
