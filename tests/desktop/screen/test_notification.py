"""A notification without a tray, over a real session bus, to a program that shows what it is told."""

from __future__ import annotations

import threading

import pytest

from desktop.shell.notification import notify
from tests.desktop.screen.conftest import Desk


@pytest.fixture(autouse=True)
def bus(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the session bus of the desk, which is that of this process for a while."""
    address = desk.environment["DBUS_SESSION_BUS_ADDRESS"]
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    return address


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


def test_where_nobody_shows_it_or_there_is_no_bus_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not notify("Study demo is done", "")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    assert not notify("Study demo is done", "")
