"""A notification of the desktop where there is no tray to say it: over D-Bus, as freedesktop.org has it."""

from __future__ import annotations

import sys
from typing import Any, Final

#: Seconds for which the desktop may take to accept it, and milliseconds for which it shows it.
_PATIENCE: Final = 2.0
_SHOWN: Final = 10_000
_NAME: Final = "org.freedesktop.Notifications"


def notify(title: str, words: str) -> bool:
    """Let the desktop show it; False where there is none that does. Waits for it: not to be called by a window."""
    if not sys.platform.startswith("linux"):
        return False
    from jeepney import DBusAddress, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    place = DBusAddress("/org/freedesktop/Notifications", bus_name=_NAME, interface=_NAME)
    said: tuple[Any, ...] = ("Bakeoff", 0, "bakeoff", title, words, [], {}, _SHOWN)
    try:
        with open_dbus_connection(bus="SESSION") as bus:
            call = new_method_call(place, "Notify", "susssasa{sv}i", said)
            reply = bus.send_and_get_reply(call, timeout=_PATIENCE)
            return bool(reply.header.message_type.name == "method_return")
    except Exception:  # no bus, nobody who shows it, or nobody who answers
        return False
