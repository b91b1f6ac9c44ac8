"""What a screen reader does: finds a window's parts on the accessibility bus by role and name, and presses them.

Speaks AT-SPI over D-Bus, as the window's toolkit does; nothing of the window's own code is used.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

if sys.platform == "linux":  # elsewhere there is no such bus, and nothing here is used
    from jeepney import DBusAddress, MessageType, Properties, new_method_call
    from jeepney.io.blocking import DBusConnection, open_dbus_connection

_ROOT: Final = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
#: Numbers of states in AT-SPI.
_ENABLED: Final = 8
_SHOWING: Final = 25
_SELECTED: Final = 23
#: Number of a relation there.
_LABELLED_BY: Final = 2

#: Seconds that a busy machine may take for what takes moments on an idle one.
_PATIENCE: Final = 60.0


class GoneError(Exception):
    """What was asked is not there any more."""


class Rectangle(NamedTuple):
    """A place on the screen, in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2


class AccessibilityBus:
    """The bus on which windows tell what is in them.

    Args:
        session_bus: Address of the session's bus, which knows where the other one is.
    """

    def __init__(self, session_bus: str) -> None:
        where = DBusAddress("/org/a11y/bus", bus_name="org.a11y.Bus", interface="org.a11y.Bus")
        with open_dbus_connection(session_bus) as session:
            (address,) = session.send_and_get_reply(
                new_method_call(where, "GetAddress"), timeout=_PATIENCE
            ).body
        self._connection: DBusConnection = open_dbus_connection(address)

    def close(self) -> None:
        self._connection.close()

    def call(
        self, who: tuple[str, str], interface: str, method: str, types: str | None = None, *values: Any
    ) -> Any:
        """The single answer to a call."""
        address = DBusAddress(who[1], bus_name=who[0], interface=f"org.a11y.atspi.{interface}")
        return self._ask(new_method_call(address, method, types, values))

    def read(self, who: tuple[str, str], interface: str, name: str) -> Any:
        """A property."""
        address = DBusAddress(who[1], bus_name=who[0], interface=f"org.a11y.atspi.{interface}")
        return self._ask(Properties(address).get(name))[1]

    def windows(self) -> list[Part]:
        """The windows of all programs."""
        programs = [Part(self, tuple(who)) for who in self.call(_ROOT, "Accessible", "GetChildren")]
        return [window for program in programs for window in program.parts()]

    def _ask(self, message: Any) -> Any:
        reply = self._connection.send_and_get_reply(message, timeout=_PATIENCE)
        if reply.header.message_type == MessageType.error:
            raise GoneError(reply.body)
        return reply.body[0] if reply.body else None


@dataclass(frozen=True)
class Part:
    """One accessible: a window, a list, an entry of it, a button."""

    bus: AccessibilityBus
    who: tuple[str, ...]

    def _call(self, interface: str, method: str, types: str | None = None, *values: Any) -> Any:
        return self.bus.call(self.who, interface, method, types, *values)  # type: ignore[arg-type]

    @cached_property
    def role(self) -> str:
        return str(self._call("Accessible", "GetRoleName"))

    @property
    def name(self) -> str:
        return str(self.bus.read(self.who, "Accessible", "Name"))  # type: ignore[arg-type]

    @property
    def label(self) -> str:
        """What it is called: its name or, as that of a choice is what is chosen, that of its label."""
        if self.role != "combo box":
            return self.name
        relations = dict(self._call("Accessible", "GetRelationSet"))
        return " ".join(Part(self.bus, tuple(who)).name for who in relations.get(_LABELLED_BY, []))

    @property
    def showing(self) -> bool:
        return self._is(_SHOWING)

    @property
    def selected(self) -> bool:
        return self._is(_SELECTED)

    @property
    def enabled(self) -> bool:
        return self._is(_ENABLED)

    @property
    def actions(self) -> list[str]:
        """What can be done with it, through the Action interface."""
        interfaces = self._call("Accessible", "GetInterfaces")
        if "org.a11y.atspi.Action" not in interfaces:
            return []
        return [str(name) for name, _, _ in self._call("Action", "GetActions")]

    @property
    def place(self) -> Rectangle:
        """On the screen."""
        return Rectangle(*self._call("Component", "GetExtents", "u", 0))

    def press(self) -> None:
        """Do what the first action does."""
        assert self.actions, f"nothing can be done with {self.role} '{self.name}'"
        assert self._call("Action", "DoAction", "i", 0)

    def parts(self) -> list[Part]:
        """What is directly in it."""
        return [Part(self.bus, tuple(who)) for who in self._call("Accessible", "GetChildren")]

    def everything(self) -> Iterator[Part]:
        """Itself, and all that is shown in it, but for the cells of tables."""
        yield self
        if self.role not in ("table", "tree table"):
            for part in self.parts():
                if part.showing:
                    yield from part.everything()

    def find(self, role: str, name: str = "") -> Part | None:
        """The first that is shown in it with a role and such words in its name."""
        found = (one for one in self.everything() if one.role == role and name in one.name)
        return next(found, None)

    def _is(self, state: int) -> bool:
        low, high = self._call("Accessible", "GetState")
        return bool((low | high << 32) >> state & 1)


def need(part: Part | None) -> Part:
    """What must be there."""
    assert part is not None
    return part


def until(finds: Callable[[], Any]) -> Any:
    """What is found, once there is something; a part that goes while it is asked is asked for again."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            found = finds()
        except GoneError:
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.02)
